"""Alarms stay quiet on what the tiny recipe really produced: initialised, and trained online and offline.

tiny_runs.jsonl.gz holds 150 rollouts each of eight models and temperatures of one full run (seed 0).
"""

from pathlib import Path

import pytest

from s2r_rewards.alarms import find_alarms
from s2r_rewards.rollouts import read_rollouts
from s2r_rewards.rollouts.scoring import judge_rollouts

RUNS: dict[str, list] = {}
for rollout in read_rollouts(Path(__file__).parent / "tiny_runs.jsonl.gz"):
    RUNS.setdefault(rollout.extra["run"], []).append(rollout)


@pytest.mark.parametrize("run", RUNS)
def test_healthy_run_is_quiet(run):
    judged = judge_rollouts(RUNS[run])
    found = find_alarms(judged, [rollout.prompt for rollout in RUNS[run]])
    assert not [(alarm.name, alarm.value) for alarm in found if alarm.fired]
    assert sum(alarm.count >= 20 for alarm in found) >= 9  # quiet because nothing is wrong, not for want of cases


def test_the_file_holds_the_runs_it_promises():
    assert {name: len(rollouts) for name, rollouts in RUNS.items()} == dict.fromkeys(
        [f"{model}-{t}" for model in ("bi", "prl", "orl") for t in ("t1", "greedy")]
        + ["offline-prl-t1", "offline-orl-t1"],
        150,
    )
