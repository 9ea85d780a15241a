import re
import subprocess
import sys

import pytest

from s2r_openrlhf import AGENT_FILE
from s2r_openrlhf.options import ENVIRONMENT, Options, split_arguments, uses_own_loss, with_agent


def test_own_options_are_taken_out_and_the_rest_is_left_alone():
    argv = [
        "--s2r.method",
        "s2r-orl",
        "--actor.adam.lr",
        "5e-7",
        "--s2r.grammar=tags",
        "--s2r.alarms",
        "no",
        "--s2r.leave_one_out",
        "--train.async_enable",
        "--s2r.min_count",
        "2",
    ]
    options, rest, wants_help = split_arguments(argv)
    assert options == Options("s2r-orl", grammar="tags", alarms=False, leave_one_out=True, min_count=2)
    assert rest == ["--actor.adam.lr", "5e-7", "--train.async_enable"]
    assert not wants_help


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["--s2r.levle", "process"], "unknown option --s2r.levle; see --help"),
        (["--s2r.level", "outcome"], "--s2r.method s2r-prl (process) or s2r-orl (outcome)"),
        (["--s2r.preset=released"], "--s2r.method released-prl"),
        (["--s2r.beta", "0.1"], "--algo.kl.init_coef"),
        (["--s2r.loss", "theirs"], "loss is 'theirs'; expected one of method, openrlhf"),
        (["--s2r.bad_golds", "keep"], "bad_golds is 'keep'; expected one of refuse, count"),
        (["--s2r.method", "s2r-plr"], "unknown method 's2r-plr'; expected one of "),
        (["--s2r.grammar", "xml"], "unknown grammar 'xml'"),
        (["--s2r.checker", "nowhere:check"], "cannot import 'nowhere'"),
        (["--s2r.alarms", "perhaps"], "'perhaps': expected yes or no"),
        (["--s2r.min_count", "-1"], "min_count is -1; expected a number >= 0"),
        (["--s2r.running", "--s2r.leave_one_out"], "earlier batches never hold the action itself"),
        (["--s2r.offline", "--s2r.baseline", "position"], "baseline is 'position'; with offline"),
    ],
)
def test_mistakes_are_named(argv, message, capsys):
    with pytest.raises(SystemExit) as stop:
        split_arguments(argv)
    assert stop.value.code == 2
    assert message in capsys.readouterr().err


def test_options_survive_the_environment(monkeypatch):
    options = Options("released-prl", grammar="tags", baseline="position", alarms=False, rollouts="r.jsonl")
    for name, value in options.to_environment().items():
        monkeypatch.setenv(name, value)
    assert Options.from_environment() == options


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "expected a JSON object"),
        ('{"lvl": 1}', "S2R_OPENRLHF has unknown keys ['lvl']"),
        ('{"beta": 0.1}', "S2R_OPENRLHF: beta is 0.1; use OpenRLHF's own --algo.kl.init_coef"),
    ],
)
def test_a_broken_environment_is_named(text, message, monkeypatch):
    monkeypatch.setenv(ENVIRONMENT, text)
    with pytest.raises(ValueError, match=re.escape(message)):
        Options.from_environment()


@pytest.mark.parametrize(
    ("arguments", "options", "added"),
    [
        ([], Options(), str(AGENT_FILE)),
        ([], Options("s2r-orl"), str(AGENT_FILE)),
        (["--reward.remote_url", "http://x"], Options("s2r-orl"), None),
        (["--train.agent_func_path=mine.py"], Options(), None),
        (["--reward.remote_url", "http://x"], Options("released-orl"), None),
        ([], Options(offline=True), str(AGENT_FILE)),
    ],
)
def test_the_executor_is_filled_in_where_it_is_needed(arguments, options, added):
    expected = arguments if added is None else [*arguments, "--train.agent_func_path", added]
    assert with_agent(arguments, options) == expected


def test_a_methods_clip_reaches_openrlhf_unless_its_own_is_given(tmp_path, monkeypatch):
    (tmp_path / "clipped.py").write_text(
        "from dataclasses import replace\nfrom s2r_rewards import get_method\n"
        "METHOD = replace(get_method('s2r-prl'), name='clipped', clip=(0.2, 0.28))\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    options = Options("clipped:METHOD")
    agent = ["--train.agent_func_path", str(AGENT_FILE)]
    assert with_agent([], options) == ["--actor.eps_clip_low_high", "0.2", "0.28", *agent]
    assert with_agent(["--actor.eps_clip=0.1"], options) == ["--actor.eps_clip=0.1", *agent]


@pytest.mark.parametrize(
    ("options", "own"),
    [
        (Options(), True),
        (Options(loss="openrlhf"), False),
        (Options("s2r-orl"), False),
        (Options("s2r-orl", ratio="action"), True),
        (Options("s2r-orl", loss="method"), True),
        (Options("released-orl"), True),  # its ratio is the mean over the response
        (Options("s2r-offline-orl", offline=True), False),
        (Options("s2r-offline-prl", offline=True), True),
    ],
)
def test_whose_loss_trains_the_policy(options, own):
    assert uses_own_loss(options) is own


def test_help_has_an_example_and_needs_no_gpu_stack():
    code = (
        "import sys; from s2r_openrlhf.train_ppo_ray import main; main(['--help']); assert 'torch' not in sys.modules"
    )
    done = subprocess.run([sys.executable, "-S", "-c", _with_path(code)], capture_output=True, text=True, check=True)
    assert "python -m s2r_openrlhf.train_ppo_ray --s2r.method s2r-prl" in done.stdout
    assert "--s2r.offline" in done.stdout


def _with_path(code):
    """-S leaves sitecustomize out, which may import torch; the same import path otherwise."""
    return f"import sys; sys.path[:] = {sys.path!r}; {code}"
