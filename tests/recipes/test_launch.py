"""What the launchers share: settings of a stage over what it builds on, checks of names, and steps."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from s2r_rewards.adapter.recipes import (
    Plan,
    RecipeError,
    checked,
    compose,
    launch,
    run_steps,
    with_variables,
    worker_variables,
)


@pytest.fixture
def folder(tmp_path):
    """A folder of stages; what stages and models hold is not read where a test does not compose them."""
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "some.yaml").write_text("name: some\nlength: 7\nenv: {A: 1}\n")
    (tmp_path / "_all.yaml").write_text("recipe: {out: '${oc.env:S2R_OUTPUT,out}/${recipe.name}'}\na: {x: 1, y: 2}\n")
    (tmp_path / "_rl.yaml").write_text("defaults: [_all]\na: {y: 3}\nmax: ${recipe.length}\n")
    (tmp_path / "prl.yaml").write_text("defaults: [_rl]\nrecipe: {length: 8}\na: {z: null}\n")
    return tmp_path


def launched(folder, *arguments, plan=None, check=lambda plan: 0, **more):
    return launch([str(folder), *arguments], "verl", plan or (lambda *found: Plan([])), check, **more)


def test_a_stage_stands_over_what_it_builds_on_and_over_its_model(folder, monkeypatch):
    pytest.importorskip("omegaconf")
    monkeypatch.setenv("S2R_OUTPUT", "/o")
    assert compose(folder, "prl", "some") == {
        "recipe": {"name": "some", "length": 8, "env": {"A": 1}, "out": "/o/some"},
        "a": {"x": 1, "y": 3, "z": None},
        "max": 8,
    }


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("defaults: [_nowhere]\n", "_nowhere.yaml: No such file"),
        ("a: [\n", "prl.yaml: while parsing"),
        ("- a\n", "prl.yaml: expected a mapping of settings"),
        ("a: ${recipe.nmae}\n", "prl.yaml: Interpolation key 'recipe.nmae' not found"),
    ],
)
def test_a_file_that_cannot_be_used_is_named(folder, text, message):
    pytest.importorskip("omegaconf")
    (folder / "prl.yaml").write_text(text)
    with pytest.raises(RecipeError, match=message):
        compose(folder, "prl", "some")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["rl", "--model", "some"], "no stage named 'rl' in "),
        (["_rl", "--model", "some"], "there are: prl"),
        (["prl"], "name a model: --model some"),
        (["prl", "--model", "big"], "no model named 'big' in "),
    ],
)
def test_names_are_checked_first(folder, capsys, arguments, message):
    assert launched(folder, *arguments) == 2
    assert message in capsys.readouterr().err


def test_overrides_keep_their_order_and_check_stops_before_a_step(folder):
    seen = []

    def plan(*found):
        seen.append(found)
        return Plan([["false"]])

    words = ["--a.b", "1", "x=2", "--model", "some", "--check", "--c", "-0.5", "+d=e f", "--model.path", "m"]
    assert launched(folder, "prl", *words, plan=plan, check=lambda made: len(made.steps) + 8) == 9
    rest = ["--a.b", "1", "x=2", "--c", "-0.5", "+d=e f", "--model.path", "m"]
    assert seen == [(Path(folder), "prl", "some", rest)]


def test_models_of_a_checkout_lie_beside_the_folder(folder):
    (folder / "verl").mkdir()
    (folder / "prl.yaml").rename(folder / "verl" / "prl.yaml")
    assert launched(folder / "verl", "prl", "--model", "some", "--check") == 0


def test_a_missing_framework_is_named_with_the_way_out(folder, capsys):
    def plan(*_):
        raise ModuleNotFoundError("No module named 'hydra'")

    assert launched(folder, "prl", "--model", "some", plan=plan) == 2
    assert capsys.readouterr().err == "s2r: No module named 'hydra'; pip install 's2r-rewards[verl]'\n"


@pytest.fixture
def nobody(monkeypatch, tmp_path):
    """wandb is installed, nobody is logged in."""
    monkeypatch.setattr("s2r_rewards.adapter.tracking.installed", lambda name: "0.31.0")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    for name in [*os.environ]:
        if name.startswith("WANDB_") or name == "NETRC":
            monkeypatch.delenv(name)


def test_wandb_by_a_flag_comes_before_overrides_of_ones_own(folder, nobody, monkeypatch):
    seen = []
    monkeypatch.setenv("WANDB_MODE", "offline")
    launched(
        folder, *("prl", "--model", "some", "--check", "--wandb", "x=1"),
        plan=lambda *found: seen.append(found[3]) or Plan([]), wandb=("logger=wandb",),
    )  # fmt: skip
    assert seen == [["logger=wandb", "x=1"]]


@pytest.mark.parametrize("how", ["key", "netrc", "offline"])
def test_wandb_needs_a_login_or_none(folder, nobody, monkeypatch, tmp_path, how, capsys):
    words = ("prl", "--model", "some", "--check", "--wandb")
    assert launched(folder, *words) == 2
    assert "run `wandb login`" in capsys.readouterr().err
    if how == "netrc":
        (tmp_path / ".netrc").write_text("machine api.wandb.ai login user password abc\n")
        (tmp_path / ".netrc").chmod(0o600)
    else:
        monkeypatch.setenv(*{"key": ("WANDB_API_KEY", "abc"), "offline": ("WANDB_MODE", "offline")}[how])
    assert launched(folder, *words) == 0


WANDB = ("prl", "--model", "some", "--check", "--wandb")
OURS = "machine wandb.mine.org:8080 login user password abc\n"


@pytest.mark.parametrize("place", ["NETRC", ".netrc", "_netrc"])
@pytest.mark.parametrize(
    ("server", "said"),
    [
        ("https://wandb.mine.org:8080", None),
        ("https://wandb.mine.org", "has no key for wandb.mine.org (WANDB_BASE_URL)"),
        ("", "has no key for api.wandb.ai"),
    ],
)
def test_the_key_is_looked_for_where_wandb_does(folder, nobody, monkeypatch, tmp_path, capsys, place, server, said):
    """A miss is said; the run goes on, since wandb may know better. WANDB_HOST is only what wandb calls this machine."""
    path = tmp_path / ("keys" if place == "NETRC" else place)
    path.write_text(OURS)
    path.chmod(0o600)
    monkeypatch.setenv("WANDB_HOST", "node-7")
    if place == "NETRC":
        monkeypatch.setenv("NETRC", str(path))
    if server:
        monkeypatch.setenv("WANDB_BASE_URL", server)
    assert launched(folder, *WANDB) == 0
    shown = capsys.readouterr().err
    assert (said in shown and "wandb login" in shown) if said else not shown


def test_wandb_with_a_key_in_its_own_settings_or_in_none(folder, nobody, tmp_path, capsys):
    (tmp_path / ".netrc").write_text("")
    assert launched(folder, *WANDB) == 2
    (tmp_path / ".config" / "wandb").mkdir(parents=True)
    (tmp_path / ".config" / "wandb" / "settings").write_text("[default]\napi_key = abc\n")
    capsys.readouterr()
    assert launched(folder, *WANDB) == 0
    assert not capsys.readouterr().err


def test_wandb_that_is_not_installed(folder, nobody, monkeypatch, capsys):
    monkeypatch.setattr("s2r_rewards.adapter.tracking.installed", lambda name: None)
    assert launched(folder, "prl", "--model", "some", "--wandb") == 2
    assert "pip install wandb" in capsys.readouterr().err


def test_the_key_reaches_the_workers_and_is_not_shown(folder, nobody, monkeypatch, tmp_path, capfd):
    """The step writes what it got to a file; none of it is printed, with the words of the step or without."""
    monkeypatch.setenv("WANDB_API_KEY", "geheim")
    code = (
        "import os, sys; open(sys.argv[1], 'w').write(os.environ['S2R_WORKER_ENV'] + ' ' + os.environ['WANDB_API_KEY'])"
    )
    step = [sys.executable, "-c", code, str(tmp_path / "got")]
    monkeypatch.setattr("os.execvpe", lambda name, words, env: subprocess.run(words, env=env) and sys.exit(0))
    with pytest.raises(SystemExit):
        launched(folder, "prl", "--model", "some", "--wandb", plan=lambda *_: Plan([step], {"A": 1}))
    assert (tmp_path / "got").read_text() == "WANDB_API_KEY,A geheim"
    shown = capfd.readouterr()
    assert "$ " in shown.out  # the step is
    assert "geheim" not in shown.out + shown.err


@pytest.mark.parametrize(
    ("error", "status", "said"),
    [
        (None, 0, "fine"),
        (ValueError("no such flag"), 2, "s2r_trl: no such flag\n"),
        (RuntimeError("too old"), 1, "s2r_trl: RuntimeError: too old\n"),
        (ImportError("no trl"), 1, "s2r_trl: ImportError: no trl\n"),
    ],
    ids=str,
)
def test_what_a_check_finds_becomes_a_status(error, status, said, capsys):
    def look():
        if error:
            raise error
        return "fine"

    assert checked("trl", look) == status
    assert said in "".join(capsys.readouterr())


PRINT = "import os, sys; print(sys.argv[1], os.environ['NAME'], os.environ['S2R_WORKER_ENV'])"


@pytest.mark.parametrize(("status", "shown"), [(3, 1), (0, 2)])
def test_steps_run_until_one_fails(tmp_path, status, shown):
    """In a process of its own, whose place the last step takes."""
    (tmp_path / "text").write_text("hello")
    show = [sys.executable, "-c", PRINT, f"@{tmp_path / 'text'}"]
    middle = [sys.executable, "-c", f"raise SystemExit({status})"]
    plan = Plan([show, middle, show], {"NAME": 5}, tmp_path / "a" / "b")
    code = f"from pathlib import *\nfrom s2r_rewards.adapter.recipes import *\nraise SystemExit(run_steps({plan}))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == status, done.stderr
    assert done.stdout.splitlines().count("hello 5 NAME") == shown
    assert (tmp_path / "a" / "b").is_dir()


def test_a_program_that_is_not_there(capsys):
    assert run_steps(Plan([["s2r-no-such-program"]])) == 127
    assert "'s2r-no-such-program' is not installed" in capsys.readouterr().err


def test_what_workers_get_of_the_environment(monkeypatch, tmp_path):
    """S2R_*, what is named, and PYTHONPATH with absolute folders; nothing that the job was submitted with."""
    for name in [name for name in os.environ if name.startswith("S2R_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    job = {"runtime_env": {"env_vars": {"WANDB_API_KEY": "theirs"}}}
    given = {
        "S2R_WORKER_ENV": "A,ABSENT,,WANDB_API_KEY",
        "A": "1",
        "B": "2",
        "WANDB_API_KEY": "mine",
        "S2R_JUDGE_API_KEY": "geheim",
        "PYTHONPATH": f"src{os.pathsep}{os.pathsep}/far",
        "RAY_JOB_CONFIG_JSON_ENV_VAR": json.dumps(job),
    }
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    assert worker_variables() == {
        "A": "1",
        "S2R_JUDGE_API_KEY": "geheim",
        "S2R_WORKER_ENV": given["S2R_WORKER_ENV"],
        "PYTHONPATH": f"{tmp_path / 'src'}{os.pathsep}/far{os.pathsep}${{PYTHONPATH}}",
    }
    monkeypatch.setenv("RAY_JOB_CONFIG_JSON_ENV_VAR", json.dumps({"runtime_env": None}))
    assert worker_variables()["WANDB_API_KEY"] == "mine"


@pytest.mark.parametrize(("first", "a"), [(True, "ours"), (False, "theirs")])
def test_variables_stand_beside_those_of_the_call(first, a):
    def init(address, **settings):
        return address, settings

    ours = {"A": "ours", "B": "ours"}
    started = with_variables(init, ours, first=first)
    call = {"env_vars": {"A": "theirs", "C": "theirs"}, "pip": []}
    merged = {"env_vars": {"A": a, "B": "ours", "C": "theirs"}, "pip": []}
    assert started("auto", runtime_env=call, num_cpus=1) == ("auto", {"num_cpus": 1, "runtime_env": merged})
    assert started("auto") == ("auto", {"runtime_env": {"env_vars": ours}})
    assert call["env_vars"] == {"A": "theirs", "C": "theirs"}


def test_variables_that_a_person_named_stay_named(monkeypatch, tmp_path):
    monkeypatch.setenv("S2R_WORKER_ENV", "MINE")
    code = "import os, sys; open(sys.argv[1], 'w').write(os.environ['S2R_WORKER_ENV'])"
    monkeypatch.setattr("os.execvpe", lambda name, words, env: subprocess.run(words, env=env) and sys.exit(0))
    with pytest.raises(SystemExit):
        run_steps(Plan([[sys.executable, "-c", code, str(tmp_path / "got")]], {"OF_THE_RECIPE": 1}))
    assert (tmp_path / "got").read_text() == "MINE,OF_THE_RECIPE"
