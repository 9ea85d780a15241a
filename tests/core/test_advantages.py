"""Rewards minus baselines, and the bonuses of the released code, by hand."""

import pytest

from s2r_rewards import outcome_advantages, process_advantages
from s2r_rewards.advantages import bonuses, subtract
from s2r_rewards.baselines import position, rloo


def test_outcome_advantages_are_leave_one_out_within_a_prompt():
    assert outcome_advantages([1.0, -1.0, 0.5, 0.5], groups=["a", "a", "b", "c"]) == (2.0, -2.0, 0.5, 0.5)
    assert outcome_advantages([1.0, 0.0, -1.0]) == (1.5, 0.0, -1.5)


def test_process_advantages_are_by_reward_context():
    """First actions: mean 0. After 1: mean 0; after −1: alone, so its own mean."""
    assert process_advantages([[1, 1], [1, -1], [-1, 1], [-1]]) == ((1, 1), (1, -1), (-1, 0), (-1,))
    assert process_advantages([[1], [-1], [1]], groups="aab") == ((1,), (-1,), (0,))


def test_any_baseline_can_be_subtracted():
    assert process_advantages([[1, 1], [1, -1], [-1, 0.5]], groups="aab", baseline=position) == (
        (0, 1), (0, -1), (0, 0),
    )  # fmt: skip
    asked = []

    def tenth(rewards, groups):
        asked.append((rewards, groups))
        return tuple(r / 10 for r in rewards)

    assert outcome_advantages([10.0, -10.0], "ab", baseline=tenth) == (9.0, -9.0)
    assert asked == [([10.0, -10.0], "ab")]
    with pytest.raises(ValueError):
        outcome_advantages([1.0, 1.0], baseline=lambda rewards, groups: (0.0,))


def test_shapes_must_agree():
    assert subtract([[3, 2], [], [1]], [[1, 4], [], [1]]) == ((2, -2), (), (0,))
    for rewards, baselines in (([[1]], []), ([[1]], [[1, 2]]), ([], [[1]])):
        with pytest.raises(ValueError):
            subtract(rewards, baselines)


@pytest.mark.parametrize(
    ("what", "rewards", "expected"),
    [
        ("nothing", [], []),
        ("a first attempt has nothing to differ from", [1], [1]),
        ("a verification of a right attempt", [1, 1], [1, 5]),
        ("… also where the verdict is false", [1, -1], [1, 5]),
        ("a verification of a wrong attempt", [-1, 1], [1, 1]),
        ("mended", [-1, 1, 1, 1], [1, 1, 3, 5]),
        ("spoilt", [1, -1, -1, 1], [1, 5, 3, 1]),
        ("wrong twice", [-1, 1, -1, 1], [1, 1, 1, 1]),
        ("right twice", [1, -1, 1, 1], [1, 5, 1, 5]),
        ("compared with the attempt before, not the first", [-1, 1, 1, -1, 1, 1], [1, 1, 3, 5, 1, 5]),
        ("0 is not right", [0, 1, 0.5, 1], [1, 1, 3, 5]),
        ("0 after wrong is no change", [-1, 1, 0, 1], [1, 1, 1, 1]),
    ],
)
def test_bonuses(what, rewards, expected):
    """Factors 3 for a change and 5 for a verification of a right attempt, on advantages of ±1."""
    plus, minus = [1.0] * len(rewards), [-1.0] * len(rewards)
    found = bonuses([rewards, rewards], [plus, minus], change=3.0, right_verification=5.0)
    assert found == (tuple(expected), tuple(-factor for factor in expected))


def test_bonuses_are_twofold_unless_told_otherwise():
    assert bonuses([[-1, 1, 1, 1]], [[0.5, 0.25, -0.5, 1]]) == ((0.5, 0.25, -1.0, 2.0),)
    assert bonuses([[-1, 1, 1, 1]], [[1, 1, 1, 1]], change=1.0) == ((1, 1, 1, 2),)
    assert bonuses([[-1, 1, 1, 1]], [[1, 1, 1, 1]], right_verification=1.0) == ((1, 1, 2, 1),)
    with pytest.raises(ValueError):
        bonuses([[1]], [])


def test_rloo_is_the_default_of_outcomes():
    rewards = [1.0, -1.0, 0.25]
    assert outcome_advantages(rewards) == outcome_advantages(rewards, baseline=rloo)
