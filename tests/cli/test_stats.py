"""s2r stats: the oracle's metrics, conditions as exit codes."""

import json
from dataclasses import replace

import pytest

from s2r_rewards.cli.kit import scoring
from s2r_rewards.loggers import log_batch
from s2r_rewards.rollouts import Rollout, read_rollouts, write_rollouts
from s2r_rewards.rollouts.scoring import score_rollouts
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


def test_memory_does_not_grow_with_the_file(s2r, work, monkeypatch):
    """Twenty times what is held at a time: the peak stays far below the text of all rollouts."""
    import tracemalloc

    monkeypatch.setattr("s2r_rewards.cli.kit.scoring.PIECE_CHARS", 500_000)
    (one,) = score_rollouts([Rollout("p", "2 + 3?", "Let me see. " * 2_000 + solve("5").text(), "5", step=1)])
    write_rollouts("long.jsonl", [one] * 400)
    size = (work / "long.jsonl").stat().st_size
    assert size > 9_000_000
    tracemalloc.start()
    result = s2r("stats", "long.jsonl", "--json")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert json.loads(result.stdout)["rollouts"] == 400
    assert peak < size / 3


def test_pieces_hold_no_more_than_they_should(monkeypatch):
    monkeypatch.setattr(scoring, "PIECE", 3)
    monkeypatch.setattr(scoring, "PIECE_CHARS", 10)
    lengths = [1, 1, 1, 1, 20, 5, 5, 5, 5]
    cut = list(scoring.pieces(Rollout("p", "", "x" * n, "5") for n in lengths))
    assert [[len(r.response) for r in piece] for piece in cut] == [[1, 1, 1], [1, 20], [5, 5, 5], [5]]
    assert list(scoring.pieces([])) == []


def test_what_is_scored_stays_and_the_rest_is_scored(s2r, work, monkeypatch):
    monkeypatch.setattr("s2r_rewards.cli.kit.scoring.PIECE", 3)
    monkeypatch.syspath_prepend(work)
    (work / "nobody.py").write_text(
        "from s2r_rewards.answers import CheckResult\ndef never(gold, answer):\n    return CheckResult('incorrect', 'never')\n"
    )
    never = s2r("score", "rollouts.jsonl", "-o", "never.jsonl", "--checker", "nobody:never")
    assert never.exit_code == 0, never.output
    mixed = (work / "never.jsonl").read_text().splitlines()[:5] + (work / "rollouts.jsonl").read_text().splitlines()[5:]
    (work / "mixed.jsonl").write_text("\n".join(mixed) + "\n")
    body = json.loads(s2r("stats", "mixed.jsonl", "--json", "--by", "step").stdout)
    assert body["by"]["step 1"]["s2r/outcome/accuracy"] == 0
    assert body["by"]["step 2"]["s2r/outcome/accuracy"] == pytest.approx(ORACLE.metrics["s2r/outcome/accuracy"])
    again = json.loads(s2r("stats", "mixed.jsonl", "--json", "--policy", "order=strict").stdout)
    assert again["metrics"]["s2r/outcome/accuracy"] == pytest.approx(ORACLE.metrics["s2r/outcome/accuracy"])


def test_what_is_logged_is_what_a_batch_logs(s2r, work, monkeypatch):
    """Metrics, levels and alarms of each step, as `log_batch` has them of the step's rollouts."""
    logged, expected = {}, {}

    class Tracker:
        def __init__(self, directory=None):
            self.into = logged if directory else expected

        def log(self, metrics, step):
            self.into[step] = metrics

        def close(self):
            pass

    rollouts = score_rollouts([replace(r, step=s) for s in (None, 0, 3) for r in read_rollouts("scored.jsonl")])
    write_rollouts("steps.jsonl", rollouts)
    monkeypatch.setattr("s2r_rewards.loggers.TensorBoardTracker", Tracker)
    assert s2r("stats", "steps.jsonl", "--tensorboard", "runs").exit_code == 0
    for step in (0, 3):
        of_it = [r for r in rollouts if (r.step or 0) == step]
        log_batch(Tracker(), [r.judged for r in of_it], step, [r.prompt for r in of_it], [r.level for r in of_it])
    assert logged.keys() == expected.keys()
    for step, metrics in expected.items():
        assert logged[step] == pytest.approx(metrics, nan_ok=True)
