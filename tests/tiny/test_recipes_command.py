"""`s2r recipes`: list, show, copy and run, in a checkout and in an installed layout."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from s2r_rewards.cli import recipes

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def shelf(tmp_path, monkeypatch):
    """A package folder as pip lays it out, with recipes of both kinds."""
    package = tmp_path / "site-packages" / "s2r_rewards"
    model = package / "_recipes" / "verl" / "some-model"
    (model / "prl").mkdir(parents=True)
    (package / "_recipes" / "verl" / "README.md").write_text("# verl\n\nRecipes\nfor verl.\n\nMore.\n")
    (model / "prl" / "run.sh").write_text('echo "got: $*"; exit 7\n')
    (model / "prl" / "config.yaml").write_text("a: 1\n")
    (model / "orl").mkdir()
    (model / "orl" / "run.sh").write_text("#!/bin/sh\n# Arguments are overrides. More.\n")
    (model / "orl" / "config.yaml").write_text("# Outcome-level RL. Settings go below.\n")
    (package / "_recipes" / "verl" / "_shared").mkdir()
    (package / "_recipes" / "verl" / "_shared" / "run.sh").write_text("")
    (model / "__pycache__").mkdir()
    (model / "__pycache__" / "run.sh").write_text("")
    (package / "_recipes" / "small").mkdir()
    (package / "_recipes" / "small" / "__main__.py").write_text("import sys; sys.exit(len(sys.argv))\n")
    monkeypatch.setattr(recipes, "PACKAGE", package)
    return package / "_recipes"


def invoke(*arguments):
    return CliRunner().invoke(recipes.command, list(arguments))


def test_list_finds_every_recipe_and_describes_it(shelf):
    rows = json.loads(invoke("list", "--json").output)
    assert [(r["name"], r["description"]) for r in rows] == [
        ("small", ""),
        ("verl/some-model/orl", "Outcome-level RL"),
        ("verl/some-model/prl", "Recipes for verl."),
    ]
    assert "verl/some-model/prl" in invoke("list").output


def test_the_checkout_has_the_tiny_recipe():
    names = [r["name"] for r in json.loads(invoke("list", "--json").output)]
    assert "tiny" in names
    assert recipes.recipes_folder() == ROOT / "recipes"


def test_show_prints_readme_and_files(shelf):
    output = invoke("show", "verl/some-model/prl").output
    assert "Recipes for verl." in output
    assert "config.yaml" in output
    assert invoke("show", "--raw", "verl/some-model/prl").output.startswith("# verl\n")


def test_copy_keeps_out_of_the_way_of_existing_files(shelf, tmp_path):
    target = tmp_path / "mine"
    done = invoke("copy", "verl/some-model/prl", str(target))
    assert done.exit_code == 0
    assert f"bash {target / 'run.sh'}" in done.output
    assert (target / "config.yaml").read_text() == "a: 1\n"
    again = invoke("copy", "verl/some-model/prl", str(target))
    assert again.exit_code == 1
    assert "--force" in again.output
    assert invoke("copy", "--force", "verl/some-model/prl", str(target)).exit_code == 0


def test_run_hands_over_arguments_and_exit_code(shelf, capfd):
    done = invoke("run", "verl/some-model/prl", "--lr", "1e-6", "--help")
    assert done.exit_code == 7
    assert capfd.readouterr().out == "got: --lr 1e-6 --help\n"
    assert invoke("run", "small", "a", "b").exit_code == 3


def test_an_unknown_recipe_is_a_usage_error_that_names_the_known_ones(shelf):
    done = invoke("run", "big")
    assert done.exit_code == 2
    assert "small" in done.output
    assert "verl/some-model/prl" in done.output


def test_no_recipes_at_all(tmp_path, monkeypatch):
    monkeypatch.setattr(recipes, "PACKAGE", tmp_path / "nowhere" / "s2r_rewards")
    done = invoke("list")
    assert done.exit_code == 1
    assert "reinstall" in done.output


def test_the_recipe_runs_from_a_copy(tmp_path, capfd):
    copy = tmp_path / "my-copy"
    assert invoke("copy", "tiny", str(copy)).exit_code == 0
    environment = recipes._environment()
    done = subprocess.run(
        [sys.executable, str(copy), "--help"], env=environment, capture_output=True, text=True, check=True
    )
    assert "--quick" in done.stdout


def test_an_installed_library_finds_its_recipes(tmp_path):
    package = tmp_path / "installed" / "s2r_rewards"
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "s2r_rewards", package, ignore=ignored)
    shutil.copytree(ROOT / "recipes" / "tiny", package / "_recipes" / "tiny", ignore=ignored)
    code = "from s2r_rewards.cli import main; main()"
    environment = {**os.environ, "PYTHONPATH": str(package.parent)}

    def s2r(*arguments):
        command = [sys.executable, "-c", code, *arguments]
        return subprocess.run(
            command, env=environment, cwd=tmp_path, capture_output=True, text=True, check=True
        )

    [recipe] = json.loads(s2r("recipes", "list", "--json").stdout)
    assert Path(recipe["path"]) == package / "_recipes" / "tiny"
    assert "--quick" in s2r("recipes", "run", "tiny", "--help").stdout
