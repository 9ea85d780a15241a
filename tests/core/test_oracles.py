"""The hand-computed oracles of the process level: five trajectories, every number worked out on paper."""

from fractions import Fraction

import pytest

from s2r_rewards import (
    action_rewards,
    behaviour_metrics,
    bonuses,
    judge_many,
    outcome_advantages,
    outcome_reward,
    parse,
    process_advantages,
)
from s2r_rewards.baselines import reward_context

W, R = "Wait, let me recheck my solution.", "Let me try again."
GOLD = "4"
# attempts as (right?, verdict): c = correct, i = incorrect
BATCH = [[(1, "c")], [(0, "i"), (1, "c")], [(0, "c")], [(1, "i"), (0, "i"), (1, "c")], [(0, "i"), (0, "c")]]
REWARDS = [[1, 1], [-1, 1, 1, 1], [-1, -1], [1, -1, -1, 1, 1, 1], [-1, 1, -1, -1]]
F = Fraction
ADVANTAGES = [
    [F(6, 5), 1],
    [F(-4, 5), F(2, 3), 1, 0],
    [F(-4, 5), F(-4, 3)],
    [F(6, 5), -1, 0, 0, 0, 0],
    [F(-4, 5), F(2, 3), -1, 0],
]


def text_of(attempts):
    verdict = {"c": "correct", "i": "incorrect"}
    return f"\n\n{R}\n\n".join(
        f"It is \\boxed{{{GOLD if right else 5}}}.\n\n{W}\n\nTherefore, the answer is {verdict[said]}."
        for right, said in attempts
    )


@pytest.fixture(scope="module")
def judged():
    return judge_many([parse(text_of(a)) for a in BATCH], [GOLD] * len(BATCH))


def test_rewards(judged):
    assert [list(action_rewards(j)) for j in judged] == REWARDS


def test_outcomes(judged):
    assert [outcome_reward(j) for j in judged] == [1, 1, -1, 1, -1]


def test_context_means(judged):
    baselines = reward_context([action_rewards(j) for j in judged])
    assert baselines[0][0] == pytest.approx(-0.2)  # context (), 5 actions
    assert baselines[0][1] == baselines[3][1] == 0  # context (1), 2 actions
    assert baselines[1][1] == pytest.approx(1 / 3)  # context (−1), 3 actions
    assert baselines[1][2] == baselines[4][2] == 0  # context (−1, 1), 2 actions


def test_advantages(judged):
    got = process_advantages([action_rewards(j) for j in judged])
    assert [list(row) for row in got] == [pytest.approx([float(a) for a in row]) for row in ADVANTAGES]


def test_metrics(judged):
    metrics = behaviour_metrics(judged)
    assert metrics["s2r/verify/accuracy"] == pytest.approx(6 / 9)
    assert metrics["s2r/verify/error_recall"] == pytest.approx(0.6)
    assert metrics["s2r/verify/correct_precision"] == pytest.approx(0.6)
    assert metrics["s2r/correct/i2c"] == pytest.approx(1 / 3)
    assert metrics["s2r/correct/c2i"] == 0
    assert metrics["s2r/trials/mean"] == pytest.approx(1.8)
    assert metrics["s2r/outcome/accuracy"] == pytest.approx(3 / 5)
    assert metrics["s2r/attempt/first_accuracy"] == pytest.approx(2 / 5)
    # v_1 where s_1 is right: T1 says correct (true), T4 incorrect (false); where wrong: T2, T5 true, T3 false
    assert metrics["s2r/verify/first_accuracy_when_right"] == pytest.approx(1 / 2)
    assert metrics["s2r/verify/first_accuracy_when_wrong"] == pytest.approx(2 / 3)


@pytest.mark.parametrize(
    ("rewards", "expected"),
    [
        ([1, 1, -1, -1], [F(4, 3), F(4, 3), F(-4, 3), F(-4, 3)]),
        ([1, 1, 1, -1], [F(2, 3), F(2, 3), F(2, 3), -2]),
        ([1, 1, 1, 1], [0, 0, 0, 0]),
        ([-1, -1], [0, 0]),
    ],
)
def test_rloo(rewards, expected):
    assert list(outcome_advantages(rewards)) == pytest.approx([float(a) for a in expected])


def test_rloo_stays_within_a_prompt():
    assert outcome_advantages([1, -1, -1, -1], groups=["a", "a", "b", "b"]) == (2, -2, 0, 0)


def test_released_bonuses_scale_after_the_baseline(judged):
    rewards = [action_rewards(j) for j in judged]
    got = bonuses(rewards, process_advantages(rewards, baseline=reward_context))
    # ×2 where a retry's correctness changed (T2: s_2, T4: s_2 and s_3) and where the verified attempt is right
    assert got[0] == pytest.approx((1.2, 2.0))
    assert got[1] == pytest.approx((-0.8, 2 / 3, 2.0, 0.0))
    assert got[3] == pytest.approx((1.2, -2.0, 0.0, 0.0, 0.0, 0.0))
    assert got[4] == pytest.approx((-0.8, 2 / 3, -1.0, 0.0))
