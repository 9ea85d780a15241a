"""OpenRLHF's own examples with our lines added: each works as its flags say, or is refused in one line, before any GPU."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from s2r_openrlhf.checks.flags import RL_MODULE, SFT_MODULE, FlagError, flags, read_flags
from s2r_openrlhf.checks.rules import data_problems
from s2r_openrlhf.options import split_arguments, with_agent, with_client
from s2r_openrlhf.train_ppo_ray import require_good_flags, told
from s2r_rewards.adapter import ConfigError

TABLE = json.loads(Path(__file__).with_name("configurations.json").read_text(encoding="utf-8"))
CASES = {case["name"]: case for case in TABLE["cases"]}


def arguments_of(case, folder):
    """The command line of a case; its rows and its executors as files in the folder."""
    words = TABLE["bases"][case["base"]].split()
    for flag in case.get("drop", ()):
        at = words.index(flag)
        end = next((i for i in range(at + 1, len(words)) if words[i].startswith("--")), len(words))
        del words[at:end]
    executors = {"theirs": "class AgentExecutor: ...\n", "derived": "from s2r_openrlhf.agent import AgentExecutor\n"}
    for name, source in executors.items():
        (folder / f"{name}.py").write_text(source)
    places = {name: folder / f"{name}.py" for name in executors}
    words += case.get("add", "").format(**places).split() + case["s2r"].split()
    if "rows" in case:
        path = folder / "rows.jsonl"
        path.write_text("".join(json.dumps(row) + "\n" for row in case["rows"]))
        words += ["--data.prompt_dataset", str(path)]
    return words


def refusal(arguments):
    """What the trainer says before it starts; None: it starts."""
    options, rest, _ = split_arguments(arguments)
    try:
        options, rest = with_client(options, rest)
        parsed = require_good_flags(with_agent(rest, options), options)
        bad = data_problems(parsed, options)
        return told(bad) if bad else None
    except ValueError as error:
        return str(error)


def test_the_table_is_large_and_has_both_kinds():
    refused = sum("refused" in case for case in CASES.values())
    assert len(CASES) == len(TABLE["cases"]) >= 60
    assert refused >= 30
    assert len(CASES) - refused >= 20


@pytest.fixture(autouse=True)
def a_loss_that_knows_the_step(monkeypatch):
    """The light environment has the oldest OpenRLHF, whose loss does not."""
    monkeypatch.setattr("s2r_openrlhf.checks.rules.counts_whole_steps", lambda: True)


@pytest.mark.parametrize("name", CASES)
def test_works_or_is_refused(name, tmp_path):
    case = CASES[name]
    found = refusal(arguments_of(case, tmp_path))
    if "refused" not in case:
        assert found is None
        return
    assert case["refused"] in (found or "")
    [line] = [line for line in found.splitlines() if case["refused"] in line]
    assert len(line) < 500


def test_the_trainer_itself_refuses_before_it_loads_anything(tmp_path):
    """One line, status 1, and neither Ray nor vLLM was imported."""
    arguments = [*arguments_of(CASES["reward normalisation"], tmp_path), "--s2r.method", "s2r-orl"]
    code = (
        "import sys\nfrom s2r_openrlhf.train_ppo_ray import main\n"
        f"try:\n    main({arguments!r})\n"
        "except SystemExit as stop:\n    print(stop.code, [m for m in ('ray', 'vllm', 'deepspeed') if m in sys.modules])"
    )
    paths = f"import sys; sys.path[:] = {sys.path!r}\n"
    done = subprocess.run([sys.executable, "-S", "-c", paths + code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == (
        "s2r_openrlhf: --reward.normalize_enable: it normalises OpenRLHF's own reward, which s2r-orl does not use; "
        "drop it []"
    )


def test_eq_6_is_refused_where_the_loss_does_not_know_the_step(tmp_path, monkeypatch):
    monkeypatch.setattr("s2r_openrlhf.checks.rules.counts_whole_steps", lambda: False)
    name = "RLOO example, process level"
    assert "install openrlhf>=0.11, or add --s2r.loss openrlhf" in refusal(arguments_of(CASES[name], tmp_path))
    for name in ("process level with OpenRLHF's loss", "RLOO example, outcome level"):
        assert refusal(arguments_of(CASES[name], tmp_path)) is None


def test_flags_that_are_written_out_are_known_and_defaults_are_there():
    parsed = read_flags(RL_MODULE, ["--algo.advantage.estimator", "rloo", "--rollout.n_samples_per_prompt", "4"])
    assert parsed.given == {"algo.advantage.estimator": "rloo", "rollout.n_samples_per_prompt": 4}
    assert parsed.get("actor.eps_clip_low_high") == (0.2, 0.2)  # OpenRLHF's own rule ran
    assert parsed.get("no.such.flag", 7) == 7
    assert read_flags(SFT_MODULE, ["--data.dataset", "x"]).get("data.dataset") == "x"


def test_a_command_line_of_another_form_is_said(tmp_path, monkeypatch):
    (tmp_path / "other_cli.py").write_text("import argparse\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(RuntimeError, match="other_cli has no block under __main__"):
        read_flags("other_cli", [])
    (tmp_path / "third_cli.py").write_text("if __name__ == '__main__':\n    x = 1\n")
    with pytest.raises(RuntimeError, match=r"third_cli does not end in train\(args\)"):
        read_flags("third_cli", [])
    assert issubclass(FlagError, ValueError)
    assert issubclass(ConfigError, ValueError)


def test_nested_settings_become_flags():
    settings = {"a": {"b": {"c": 5e-7}, "on": True, "off": False, "none": None}, "several": [1, "x"], "empty": {}}
    assert list(flags(settings)) == ["--a.b.c", "5e-07", "--a.on", "--several", "1", "x"]
