"""Golden answers of every shape that data sets have, and columns that cannot be graded."""

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from s2r_rewards.adapter import score_response
from s2r_rewards.answers import TypedGold, check_many
from s2r_rewards.answers.labels import LabelError, gold_of, told, ungradable
from s2r_rewards.answers.result import CheckResult
from s2r_rewards.rollouts import read_rollouts
from s2r_rewards.rollouts.scoring import score_rollouts

CASES = json.loads(Path(__file__).with_name("golds.json").read_text(encoding="utf-8"))
GSM8K = "Natalia sold 48/2 = <<48/2=24>>24 clips in May.\n#### 72"


@pytest.mark.parametrize(("label", "gold"), CASES["read"])
def test_gold_of(label, gold):
    assert gold_of(label) == (tuple(gold) if isinstance(gold, list) else gold)


@pytest.mark.parametrize(("label", "found"), CASES["refused"])
def test_a_label_without_a_golden_answer_is_named(label, found):
    with pytest.raises(LabelError) as error:
        gold_of(label)
    assert found in str(error.value)
    assert "expected the" in str(error.value)


@pytest.mark.parametrize(
    ("label", "gold"),
    [(np.int64(5), "5"), (np.float64(1.5), "1.5"), (np.array(["1", "2"]), ("1", "2")), (np.array([3]), ("3",))],
)
def test_what_parquet_readers_make_of_labels(label, gold):
    assert gold_of(label) == gold


@pytest.mark.parametrize("label", [float("nan"), float("inf"), np.float64("nan"), b"5", {5}])
def test_labels_that_no_file_of_texts_holds(label):
    with pytest.raises(LabelError):
        gold_of(label)


@pytest.mark.parametrize("label", [GSM8K, [GSM8K, "73"], {"solution": "It is $\\boxed{72}$."}, 72, '["72"]'])
def test_each_shape_rewards_the_right_answer_and_no_other(label):
    right, wrong = score_response("It is \\boxed{72}.", label), score_response("It is \\boxed{71}.", label)
    assert (right.outcome, right.failure, wrong.outcome) == (1.0, None, -1.0)


@given(st.recursive(st.none() | st.text() | st.floats() | st.booleans(), st.lists, max_leaves=5))
def test_any_label_is_read_or_refused(label):
    try:
        gold = gold_of(label)
    except LabelError:
        return
    assert isinstance(gold, str) or (gold and all(isinstance(one, str) for one in gold))


def test_a_column_that_cannot_be_graded_is_told_by_its_rows():
    labels = ["4", None, GSM8K, "Adding 2 and 3 gives 5.", ["1", "2"], ""]
    bad = ungradable(labels)
    assert [row for row, _ in bad] == [2, 4, 6]
    assert told(bad, len(labels), "rl.jsonl, column answer").startswith(
        "rl.jsonl, column answer: 3 of 6 golden answers cannot be graded (rows 2, 4, 6); row 2: label: found NoneType"
    )
    assert ungradable(["4", 4, GSM8K]) == []
    assert "rows 1, 2, 3, 4, 5, …)" in told(ungradable([""] * 7), 7, "x")


def test_a_golden_answer_that_does_not_equal_itself_is_told():
    def checker(pairs):
        return [CheckResult("ungradable", "own", "no unit") if "km" in answer else found
                for (_, answer), found in zip(pairs, check_many(pairs), strict=True)]  # fmt: skip

    [(row, why)] = ungradable(["4", "5 km", ["6 km", "6"]], checker)
    assert row == 2
    assert why == "label: '5 km' is ungradable as an answer to itself (no unit)"


@pytest.mark.parametrize(
    ("written", "gold", "kept"),
    [
        ("He has 17 · 3 = 51 marbles.\n#### 51", "51", True),
        ("We compute, thus $\\boxed{51}$.", "51", True),
        ('["51", "fifty-one"]', ("51", "fifty-one"), True),
        ("51", "51", False),
        ("First we add the 17 marbles. Then we multiply the sum by three, and so on, as everybody can see who looks at "
         "it for a while, since nothing else is left to do here.", "", True),
    ],
)  # fmt: skip
def test_rollouts_on_disk_are_graded_as_in_a_trainer(tmp_path, written, gold, kept):
    """A rollout's gold is what a trainer reads out of the label; the label itself is kept."""
    path = tmp_path / "r.jsonl"
    path.write_text(json.dumps({"prompt": "Q", "response": "\\boxed{51}", "gold": written}))
    (rollout,) = read_rollouts(path)
    assert rollout.gold == gold
    assert (rollout.extra.get("solution") == written) == kept
    (scored,) = score_rollouts([rollout])
    assert scored.s2r.actions[0].check.verdict == ("correct" if gold else "ungradable")


B, YES = TypedGold(("B",), "choice"), TypedGold(("Yes", "True"), "word")


@pytest.mark.parametrize(
    ("label", "gold"),
    [
        ({"gold": "B", "kind": "choice"}, B),
        ({"kind": "choice", "gold": "B"}, B),
        ({"answer": "B", "kind": "choice", "level": "3"}, B),
        ({"ground_truth": ["Yes", "True"], "kind": "word"}, YES),
        ({"target": 3, "kind": "literal"}, TypedGold(("3",), "literal")),
        ({"gold": "51"}, "51"),
        ({"gold": ["51", "fifty-one"]}, ("51", "fifty-one")),
        ({"gold": "B", "kind": "choise"}, ""),
    ],
)
@pytest.mark.parametrize("form", ["object", "json", "spaced", "verl"])
def test_a_label_on_disk_keeps_its_kind(tmp_path, label, gold, form):
    """In every shape that trains; what cannot be graded in a trainer is ungradable here."""
    path = tmp_path / "r.jsonl"
    spaced = json.dumps(label, indent=1).replace("{\n", "{ ")
    held = {"object": label, "json": json.dumps(label), "spaced": spaced, "verl": label}[form]
    own = {"reward_model": {"ground_truth": held}} if form == "verl" else {"gold": held}
    path.write_text(json.dumps({"prompt": "Q", "response": "\\boxed{(b)}", **own}))
    (rollout,) = read_rollouts(path)
    assert rollout.gold == gold
    (scored,) = score_rollouts([rollout])
    assert (scored.s2r.actions[0].check.verdict == "correct") == (gold == B)
