"""Rollouts on disk, and what scoring adds to them."""

import json
from dataclasses import replace

import pytest

from s2r_rewards.rollouts import Rollout, RolloutWriter, read_rollouts, write_rollouts
from s2r_rewards.rollouts.records import RecordError, read_records, write_records
from s2r_rewards.rollouts.scoring import score_rollouts
from s2r_rewards.scored import ScoredRollout

W, R = "Wait, let me recheck my solution.", "Let me try again."
TWO = f"\\boxed{{5}} {W} So the answer is incorrect. {R} \\boxed{{4}} {W} So the answer is correct."
ONE = f"\\boxed{{4}} {W} So the answer is correct."
ROLLOUTS = [
    Rollout("p1", "2+2?", TWO, "4", level=2, accuracy=0.5, token_ids=(1, 2), finished=True, extra={"mine": [1]}),
    Rollout("p1", "2+2?", ONE, "4", step=7),
    Rollout("p2", "1+3?", "broken \ud800 text", "4"),
]


@pytest.mark.parametrize("name", ["r.jsonl", "r.jsonl.gz"])
def test_round_trip(tmp_path, name):
    path = tmp_path / "new" / name
    assert write_rollouts(path, ROLLOUTS) == 3
    assert list(read_rollouts(path)) == ROLLOUTS
    assert [p.name for p in path.parent.iterdir()] == [name]


def test_round_trip_parquet(tmp_path):
    rollouts = [Rollout(f"p{i}", "q", ONE, "4", level=i % 5) for i in range(3000)]
    write_rollouts(tmp_path / "r.parquet", rollouts)
    assert list(read_rollouts(tmp_path / "r.parquet")) == rollouts


def test_other_field_names(tmp_path):
    write_records(tmp_path / "v.jsonl", [{"input": "q", "output": ONE, "gts": "4", "score": 1.0}])
    (rollout,) = read_rollouts(tmp_path / "v.jsonl", fields={"prompt": "input", "response": "output", "gold": "gts"})
    assert (rollout.prompt, rollout.gold, rollout.extra) == ("q", "4", {"score": 1.0})


@pytest.mark.parametrize(
    ("line", "field", "message"),
    [
        ('{"prompt": "q", "response": "r"}', "gold", "found nothing; expected text"),
        ('{"prompt": "q", "response": 3, "gold": "4"}', "response", "found int"),
        ('{"prompt": "q", "response": "r", "gold": "4", "accuracy": 2}', "accuracy", "in \\[0, 1\\]"),
        ('{"prompt": "q", "response": "r", "gold": "4", "token_ids": "12"}', "token_ids", "list of integers"),
        ('{"prompt": "q", "response": "r", "gold": "4", "finished": 1}', "finished", "true, false"),
        ("[1, 2]", "", "found a JSON list"),
        ('{"prompt": ', "", "not a JSON object"),
    ],
)
def test_errors_name_file_line_and_field(tmp_path, line, field, message):
    path = tmp_path / "bad.jsonl"
    good = json.dumps(ROLLOUTS[1].to_record())
    path.write_text(f"{good}\n{line}\n{good}\n")
    with pytest.raises(RecordError, match=message) as caught:
        list(read_rollouts(path))
    assert (caught.value.line, caught.value.field) == (2, field)
    assert f"{path}:2" in str(caught.value)
    errors = []
    assert len(list(read_rollouts(path, on_error=errors.append))) == 2  # the rest is not lost
    assert len(errors) == 1


def test_missing_and_unknown_files(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"none\.jsonl"):
        list(read_records(tmp_path / "none.jsonl"))
    (tmp_path / "x.csv").write_text("a")
    with pytest.raises(ValueError, match=r"expected \.jsonl"):
        list(read_records(tmp_path / "x.csv"))


def test_a_failed_write_leaves_the_old_file(tmp_path):
    path = tmp_path / "r.jsonl"
    write_rollouts(path, ROLLOUTS[:1])
    with pytest.raises(ZeroDivisionError):
        write_records(path, ({"x": 1 / 0} for _ in range(1)))
    assert list(read_rollouts(path)) == ROLLOUTS[:1]
    assert len(list(tmp_path.iterdir())) == 1


def test_appending_cuts_a_torn_line_first(tmp_path):
    path = tmp_path / "r.jsonl"
    write_rollouts(path, ROLLOUTS[:2])
    with path.open("a") as file:
        file.write('{"prompt": "torn')
    with RolloutWriter(path, append=True) as writer:
        writer.write(ROLLOUTS[2])
    assert list(read_rollouts(path)) == ROLLOUTS


def test_scoring():
    scored = score_rollouts(ROLLOUTS)
    first, second, third = (r.s2r for r in scored)
    assert [a.kind for a in first.actions] == ["solve", "verify", "solve", "verify", "end"]
    assert [a.reward for a in first.actions] == [-1, 1, 1, 1, None]
    assert first.actions[0].baseline == pytest.approx(-1 / 3)  # three first attempts: −1, 1, −1
    assert first.actions[0].advantage == pytest.approx(-2 / 3)
    assert first.to_record()["actions"][2]["context"] == [-1, 1]
    assert first.actions[0].check.verdict == "incorrect"
    assert (second.outcome, third.outcome) == (1.0, -1.0)
    assert third.codes == ("missing_answer", "missing_verification")
    assert ScoredRollout.from_record(json.loads(json.dumps(first.to_record()))) == first
    assert scored[0].extra == {"mine": [1]}


def test_scoring_with_the_released_method():
    scored = score_rollouts([Rollout("p", "q", ONE, "4", finished=False)], method="released-prl")
    assert scored[0].s2r.grammar == "released"
    assert scored[0].s2r.outcome == 1.0  # being cut off costs the advantage of the last action only
    assert [a.advantage for a in scored[0].s2r.actions][-1] == -1.0


def test_a_response_as_one_action():
    """The outcome level, also of a response without any attempt."""
    for text, correct in (("2 + 2 is \\boxed{4}.", (True,)), ("", ())):
        (scored,) = score_rollouts([Rollout("p", "2 + 2?", text, "4")])
        whole = replace(scored.s2r, outcome_advantage=0.5).as_one_action(7)
        assert (whole.rewards, whole.spans, whole.correct) == ((scored.s2r.outcome,), ((0, 7),), correct)
        assert whole.scored[0].advantage == 0.5
