"""s2r stats: the oracle's metrics, conditions as exit codes."""

import json

import pytest

from s2r_rewards.rollouts import Rollout, write_rollouts
from s2r_rewards.testing import ORACLE, solve


def test_metrics_of_the_oracle(s2r):
    result = s2r("stats", "scored.jsonl", "--json", "--by", "step")
    assert result.exit_code == 0
    body = json.loads(result.stdout)
    assert body["rollouts"] == 10
    for column in (body["metrics"], body["by"]["step 1"], body["by"]["step 2"]):
        for name, expected in ORACLE.metrics.items():
            assert column[name] == pytest.approx(expected), name


def test_table_names_every_metric(s2r):
    output = s2r("stats", "rollouts.jsonl", "--by", "level").stdout
    for name in ORACLE.metrics:
        assert name in output
    assert "level 3" in output


@pytest.mark.parametrize(
    ("condition", "code"),
    [
        ("s2r/outcome/accuracy>=0.6", 0),
        ("s2r/outcome/accuracy >= 0.61", 1),
        ("s2r/correct/c2i<=0", 0),
        ("s2r/trials/mean<=1.7", 1),
        ("s2r/alarm/length_growth<=9", 0),
        ("s2r/alarm/copied_answer<=1", 0),
        ("s2r/outcome/acuracy>=0.6", 2),
        ("s2r/outcome/accuracy=0.6", 2),
    ],
)
def test_conditions_are_exit_codes(s2r, condition, code):
    assert s2r("stats", "scored.jsonl", "--require", condition).exit_code == code


def test_a_metric_without_cases_fails_its_condition(s2r, work):
    write_rollouts("alone.jsonl", [Rollout("p", "2 + 3?", solve("5").text(), "5")])
    result = s2r("stats", "alone.jsonl", "--require", "s2r/verify/accuracy>=0")
    assert result.exit_code == 1
    assert "s2r/verify/accuracy is nan" in result.stderr


def test_alarm_fails_the_command(s2r, work):
    text = solve("4").verify("correct").end().text()
    write_rollouts("hacked.jsonl", [Rollout(f"p{i}", "2 + 3?", text, "5") for i in range(30)])
    assert s2r("stats", "hacked.jsonl").exit_code == 0
    result = s2r("stats", "hacked.jsonl", "--fail-on-alarm")
    assert result.exit_code == 1
    assert "always_correct: 1.000" in result.stdout


def test_every_step_goes_to_tensorboard(s2r, work):
    accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    assert s2r("stats", "verl_dumps", "--tensorboard", "runs").exit_code == 0
    events = accumulator.EventAccumulator("runs")
    events.Reload()
    found = [(event.step, event.value) for event in events.Scalars("s2r/verify/accuracy")]
    assert found == [(2, pytest.approx(6 / 9)), (10, pytest.approx(6 / 9))]


def test_rules_asked_for_are_used_on_scored_rollouts_too(s2r):
    """No response has tags: everything is one attempt, right where its last box is."""
    body = json.loads(s2r("stats", "scored.jsonl", "--grammar", "tags", "--json").stdout)
    assert body["metrics"]["s2r/trials/mean"] == 1.0


def test_a_long_run_is_one_line_a_step(s2r, work):
    rollouts = [Rollout("p", "2 + 3?", ORACLE.cases[0].text, "5", step=step) for step in range(1, 31)]
    write_rollouts("run.jsonl", rollouts)
    rows = [line.split() for line in s2r("stats", "run.jsonl", "--by", "step").stdout.splitlines()]
    last = next(row for row in rows if row[:2] == ["step", "30"])
    assert last[2:] == ["1.0000", "1.0000", "1.0000", "–", "1.0000", "–", "0.0000", "1.0000"]
