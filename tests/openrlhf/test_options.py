import re
import subprocess
import sys

import pytest

from s2r_openrlhf import AGENT_FILE, REPLAY_FILE
from s2r_openrlhf.options import ENVIRONMENT, Options, split_arguments
from s2r_openrlhf.train_ppo_ray import with_agent


def test_own_options_are_taken_out_and_the_rest_is_left_alone():
    argv = [
        "--s2r.level",
        "outcome",
        "--actor.adam.lr",
        "5e-7",
        "--s2r.preset=released",
        "--train.async_enable",
    ]
    options, rest, wants_help = split_arguments(argv)
    assert options == Options(level="outcome", preset="released")
    assert rest == ["--actor.adam.lr", "5e-7", "--train.async_enable"]
    assert not wants_help


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["--s2r.level", "token"], "invalid choice: 'token'"),
        (["--s2r.levle", "process"], "unknown option --s2r.levle"),
        (["--s2r.grammar", "xml"], "xml"),
        (
            ["--s2r.baseline", "running", "--s2r.leave_one_out"],
            "running baseline never contains the action itself",
        ),
    ],
)
def test_mistakes_are_named(argv, message, capsys):
    with pytest.raises(SystemExit) as stop:
        split_arguments(argv)
    assert stop.value.code == 2
    assert message in capsys.readouterr().err


def test_options_survive_the_environment(monkeypatch):
    options = Options(
        level="outcome", preset="released", grammar="tags", baseline="position", leave_one_out=True
    )
    for name, value in options.to_environment().items():
        monkeypatch.setenv(name, value)
    assert Options.from_environment() == options


@pytest.mark.parametrize(
    ("text", "message"), [("{", "expected a JSON object"), ('{"lvl": 1}', "unknown option 'lvl'")]
)
def test_a_broken_environment_is_named(text, message, monkeypatch):
    monkeypatch.setenv(ENVIRONMENT, text)
    with pytest.raises(ValueError, match=re.escape(message)):
        Options.from_environment()


@pytest.mark.parametrize(
    ("arguments", "options", "added"),
    [
        ([], Options(), str(AGENT_FILE)),
        ([], Options(level="outcome"), str(AGENT_FILE)),
        (["--reward.remote_url", "http://x"], Options(level="outcome"), None),
        (["--train.agent_func_path=mine.py"], Options(), None),
        ([], Options(offline=True), str(REPLAY_FILE)),
    ],
)
def test_the_executor_is_filled_in_where_it_is_needed(arguments, options, added):
    expected = arguments if added is None else [*arguments, "--train.agent_func_path", added]
    assert with_agent(arguments, options) == expected


@pytest.mark.parametrize(
    ("arguments", "options"),
    [
        (["--reward.remote_url", "http://x"], Options()),
        (["--reward.remote_url=http://x"], Options(offline=True)),
        (["--train.agent_func_path", "mine.py"], Options(offline=True)),
        (["--algo.advantage.is_correction_level", "token"], Options(offline=True)),
        (["--algo.advantage.is_correction_enable"], Options(offline=True)),
    ],
)
def test_contradictions_are_refused_with_a_way_out(arguments, options):
    with pytest.raises(ValueError, match="drop"):
        with_agent(arguments, options)


def test_help_has_an_example_and_needs_no_gpu_stack():
    code = "import sys; from s2r_openrlhf.train_ppo_ray import main; main(['--help']); assert 'torch' not in sys.modules"
    done = subprocess.run(
        [sys.executable, "-S", "-c", _with_path(code)], capture_output=True, text=True, check=True
    )
    assert "python -m s2r_openrlhf.train_ppo_ray --s2r.level process" in done.stdout
    assert "--s2r.offline" in done.stdout


def _with_path(code):
    """-S leaves sitecustomize out, which may import torch; the same import path otherwise."""
    return f"import sys; sys.path[:] = {sys.path!r}; {code}"
