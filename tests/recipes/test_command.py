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

from s2r_rewards.adapter import recipes
from s2r_rewards.cli.recipes import _environment, command

ROOT = Path(__file__).resolve().parents[2]
FRAMEWORKS = ("openrlhf", "verl")
STAGES = (
    "cross_domain_orl", "cross_domain_prl", "offline_orl", "offline_prl", "orl", "prl", "sft", "sft_long_cot",
    "sft_original_solution",
)  # fmt: skip


@pytest.fixture
def shelf(tmp_path, monkeypatch):
    """A package folder as pip lays it out, with recipes of every kind."""
    package = tmp_path / "site-packages" / "s2r_rewards"
    folder = package / "_recipes"
    for name, text in {
        "models/big.yaml": "size: 2\n",
        "models/some.yaml": "size: 1\n",
        "verl/README.md": "# verl\n\nRecipes\nfor verl.\n\nMore.\n",
        "verl/run.sh": 'echo "got: $*"; exit 7\n',
        "verl/_rl.yaml": "# What stages share.\nlr: 1\n",
        "verl/orl.yaml": "# Outcome-level RL (Eq. 3).\n# More.\n",
        "verl/prl.yaml": "a: 1\n",
        "verl/__pycache__/run.sh": "",
        "nothing/README.md": "no entry point",
        "loose/run.sh": "#!/bin/sh\nexit 5\n",
        "loose/README.md": "# Loose\n\n`run.sh` is\nthe way.\n",
        "small/__main__.py": "import sys; sys.exit(len(sys.argv))\n",
        "small/part/module.py": "",
        "small/__pycache__/x.pyc": "",
        "small/runs/1/big.bin": "",
    }.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    monkeypatch.setattr(recipes, "PACKAGE", package)
    return folder


def invoke(*arguments):
    return CliRunner().invoke(command, list(arguments))


def files(folder):
    return {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()}


def test_list_finds_every_recipe_and_describes_it(shelf):
    rows = json.loads(invoke("list", "--json").output)
    assert [(r["name"], r["description"], r["models"]) for r in rows] == [
        ("loose", "`run.sh` is the way.", []),
        ("small", "", []),
        ("verl/orl", "Outcome-level RL (Eq. 3)", ["big", "some"]),
        ("verl/prl", "", ["big", "some"]),
    ]
    shown = invoke("list").output
    assert "verl/prl" in shown
    assert "--model: big, some" in shown


def test_the_checkout_has_every_recipe():
    rows = {r["name"]: r for r in json.loads(invoke("list", "--json").output)}
    stages = {f"{f}/{s}" for f in FRAMEWORKS for s in STAGES} | {"trl/orl", "trl/prl"}
    assert set(rows) == {"tiny", "pipeline", *stages}
    assert all(row["description"] for row in rows.values())
    assert rows["verl/prl"]["models"] == ["llama-3.1-8b-instruct", "qwen2-7b-instruct", "qwen2.5-math-7b"]
    assert recipes.recipes_folder() == ROOT / "recipes"
    for framework in (*FRAMEWORKS, "trl"):
        assert os.access(ROOT / "recipes" / framework / "run.sh", os.X_OK)


def test_show_prints_readme_and_files(shelf):
    output = invoke("show", "verl/prl").output
    assert "Recipes for verl." in output
    for name in ("prl.yaml", "_rl.yaml", "../models/big.yaml"):
        assert f"  {name}\n" in output
    assert "orl.yaml" not in output
    assert invoke("show", "--raw", "verl/prl").output.startswith("# verl\n")


def test_copy_keeps_out_of_the_way_of_existing_files(shelf, tmp_path):
    target = tmp_path / "mine"
    done = invoke("copy", "verl/prl", "--model", "some", str(target))
    assert done.exit_code == 0
    assert f"bash {target / 'run.sh'} prl --model some" in done.output
    assert files(target) == {"run.sh", "README.md", "_rl.yaml", "prl.yaml", "models/some.yaml"}
    again = invoke("copy", "verl/prl", str(target))
    assert again.exit_code == 1
    assert "--force" in again.output
    assert invoke("copy", "--force", "verl/prl", str(target)).exit_code == 0
    assert (target / "models" / "big.yaml").read_text() == "size: 2\n"


def test_copy_takes_a_whole_folder_without_what_runs_left_there(shelf, tmp_path):
    done = invoke("copy", "small", str(tmp_path / "mine"))
    assert f"python {tmp_path / 'mine'}" in done.output
    assert files(tmp_path / "mine") == {"__main__.py", "part/module.py"}


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["run", "big"], "no recipe named 'big'; there are: loose, small, verl/orl, verl/prl"),
        (["copy", "verl/sft", "x"], "no recipe named 'verl/sft'"),
        (["copy", "verl/prl", "--model", "huge", "x"], "no model named 'huge' in "),
        (["copy", "verl/prl", "--model", "huge", "x"], "there are: big, some"),
        (["copy", "small", "--model", "big", "x"], "small has no models to choose from"),
    ],
)
def test_what_does_not_exist_is_a_usage_error_that_names_what_does(shelf, arguments, named):
    done = invoke(*arguments)
    assert done.exit_code == 2
    assert named in done.output


def test_run_hands_over_arguments_and_exit_code(shelf, capfd):
    done = invoke("run", "verl/prl", "--model", "some", "--lr", "1e-6", "--help")
    assert done.exit_code == 7
    assert capfd.readouterr().out == "got: prl --model some --lr 1e-6 --help\n"
    assert invoke("run", "loose").exit_code == 5
    assert invoke("run", "small", "a", "b").exit_code == 3


def test_no_recipes_at_all(tmp_path, monkeypatch):
    monkeypatch.setattr(recipes, "PACKAGE", tmp_path / "nowhere" / "s2r_rewards")
    done = invoke("list")
    assert done.exit_code == 1
    assert "reinstall" in done.output


def test_the_recipe_runs_from_a_copy(tmp_path, capfd):
    copy = tmp_path / "my-copy"
    assert invoke("copy", "tiny", str(copy)).exit_code == 0
    environment = _environment()
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
        return subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, text=True, check=True)

    [recipe] = json.loads(s2r("recipes", "list", "--json").stdout)
    assert Path(recipe["path"]) == package / "_recipes" / "tiny"
    assert "--quick" in s2r("recipes", "run", "tiny", "--help").stdout
