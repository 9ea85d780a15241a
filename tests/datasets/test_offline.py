import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from s2r_rewards.advantages import offline_advantages
from s2r_rewards.datasets.offline import (
    Decision,
    GroupMeans,
    PromptCounts,
    attempts_and_verdicts,
    cut,
    decide,
    in_band,
)

CASES = json.loads((Path(__file__).parent / "offline.json").read_text())


@pytest.mark.parametrize("mode", ["discard", "truncate"])
@pytest.mark.parametrize("case", CASES, ids=lambda c: c["name"])
def test_decide(case, mode):
    correct, confirmed = [bool(x) for x in case["correct"]], [bool(x) for x in case["confirmed"]]
    decision = decide(correct, confirmed, case.get("deviations", ()), mode, case.get("max_actions", 20))
    if isinstance(case[mode], str):
        assert decision == Decision(0, case[mode])
    else:
        assert decision.actions == case[mode]
        assert decision.reason is None
        assert decision.truncated == (case[mode] < len(correct) + len(confirmed))


def test_unknown_mode():
    with pytest.raises(ValueError, match="'discard' or 'truncate'"):
        decide([True], [True], mode="keep")


def test_band_includes_both_ends():
    assert [in_band(k / 10) for k in range(11)] == [False] + [True] * 7 + [False] * 3


def test_accuracy_counts_dropped_rollouts_and_balance_follows_kept_right_ones():
    counts = PromptCounts()
    for right, kept, any_right in [
        (1, 1, 1),
        (0, 1, 1),
        (0, 1, 0),
        (1, 0, 1),
        (0, 1, 0),
        (0, 1, 0),
        (0, 1, 0),
        (0, 1, 0),
    ]:
        counts.add(bool(right), bool(kept), bool(any_right))
    assert counts.accuracy == 2 / 8
    assert counts.kept_right == 2
    assert [counts.take_wrong() for _ in range(5)] == [True, True, False, False, False]


REWARDS = st.lists(st.sampled_from([1.0, -1.0]), min_size=1, max_size=6)


@given(
    st.lists(st.tuples(REWARDS, st.integers(0, 8)), min_size=1, max_size=30),
    st.sampled_from(["position", "context", "outcome"]),
    st.sampled_from([1, 3]),
    st.sampled_from(["paper", "released"]),
)
def test_means_gathered_row_by_row_equal_the_batch(rows, by, min_count, preset):
    rewards, accuracy = [r for r, _ in rows], [k / 8 for _, k in rows]
    means = GroupMeans(by, bins=10, min_count=min_count)
    for row, level in zip(rewards, accuracy, strict=True):
        means.add(row, level)
    expected = offline_advantages(rewards, accuracy, by=by, min_count=min_count, bins=10, preset=preset)
    for row, level, advantages in zip(rewards, accuracy, expected, strict=True):
        assert means.advantages(row, level, preset) == pytest.approx(advantages)


def test_hand_computed_position_means():
    # Accuracy 0.25 falls into one bin: position 0 has mean (1 - 1 - 1) / 3, position 1 mean (1 + 1 - 1) / 3.
    means = GroupMeans("position")
    for row in ([1.0, 1.0], [-1.0, 1.0], [-1.0, -1.0]):
        means.add(row, 0.25)
    assert means.advantages([1.0, 1.0], 0.25) == pytest.approx((4 / 3, 2 / 3))
    assert means.advantages([1.0, 1.0], 0.75) == (1.0, 1.0)


def test_cut_text_scores_and_tokens_agree():
    text = "\\boxed{4}\n\nWait, ok. correct.\n\nLet me try again.\n\\boxed{5}"
    second, third = text.index("Wait"), text.index("Let me")
    rollout = {
        "problem_id": "p",
        "response": text,
        "token_ids": [1, 2, 3],
        "finished": False,
        "s2r": {
            "outcome": -1.0,
            "ended": False,
            "deviations": ["several_answers", "retry_after_confirmation", "no_end"],
            "actions": [
                {
                    "kind": "solve",
                    "start": 0,
                    "end": second,
                    "check": {"verdict": "correct"},
                    "reward": 1.0,
                    "tokens": [0, 1],
                },
                {"kind": "verify", "start": second, "end": third, "verdict": "correct", "reward": 1.0},
                {
                    "kind": "solve",
                    "start": third,
                    "end": len(text),
                    "check": {"verdict": "incorrect"},
                    "reward": -1.0,
                },
            ],
        },
    }
    assert attempts_and_verdicts(rollout["s2r"]) == ([True, False], [True])
    kept = cut(rollout, Decision(2, truncated=True))
    assert kept["response"] == "\\boxed{4}\n\nWait, ok. correct."
    assert kept["finished"] is True
    assert "token_ids" not in kept
    assert kept["s2r"]["outcome"] == 1.0
    assert kept["s2r"]["deviations"] == ["several_answers"]
    assert [(a["start"], a["end"]) for a in kept["s2r"]["actions"]] == [
        (0, second),
        (second, len(kept["response"])),
        (len(kept["response"]), len(kept["response"])),
    ]
    assert "tokens" not in kept["s2r"]["actions"][0]
    assert rollout["response"] == text
    assert cut(rollout, Decision(3)) == rollout
