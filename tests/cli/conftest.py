"""A working directory with the files that examples and tests name."""

import pytest
from click.testing import CliRunner

from s2r_rewards.cli import main
from s2r_rewards.rollouts import Rollout, write_rollouts
from s2r_rewards.rollouts.records import write_records
from s2r_rewards.rollouts.scoring import score_rollouts
from s2r_rewards.testing import ORACLE


def oracle_rollouts(copies=1):
    """The hand-computed batch as rollouts, `copies` times, each copy a step."""
    return [
        Rollout(
            f"problem-{i % 2}",
            f"What is 2 + 3 (question {i % 2})?",
            case.script.end().text(),
            case.gold,
            level=i % 3 + 1,
            step=step,
        )
        for step in range(1, copies + 1)
        for i, case in enumerate(ORACLE.cases)
    ]


@pytest.fixture
def work(tmp_path, monkeypatch):
    """A temporary directory, entered, with rollouts.jsonl, rollouts.parquet, scored.jsonl and verl_dumps/."""
    monkeypatch.chdir(tmp_path)
    rollouts = oracle_rollouts(copies=2)
    write_rollouts("rollouts.jsonl", rollouts)
    write_rollouts("rollouts.parquet", rollouts)
    write_rollouts("scored.jsonl", score_rollouts(rollouts[:5]) + score_rollouts(rollouts[5:]))
    for step in (2, 10):
        write_records(f"verl_dumps/{step}.jsonl", [verl_record(r, step, i) for i, r in enumerate(rollouts[:5])])
    return tmp_path


def verl_record(rollout, step, i):
    """A line as verl 0.9 writes it; tests/verl holds verl's own writer against the same reader."""
    return {
        "input": rollout.prompt,
        "output": rollout.response,
        "gts": rollout.gold,
        "score": 1.0,
        "step": step,
        "uid": f"{step}-{i}_0_0",
    }


@pytest.fixture
def s2r(work):
    """Run `s2r …` in the working directory; returns click's result."""

    def run(*arguments):
        return CliRunner().invoke(main, [str(argument) for argument in arguments])

    return run
