"""judge() and the rewards: typed checks become ±1 in one place."""

import pickle
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from s2r_rewards import (
    METRIC_NAMES,
    BehaviourCounts,
    action_rewards,
    behaviour_counts,
    behaviour_metrics,
    judge,
    judge_many,
    outcome_reward,
    parse,
)
from s2r_rewards.answers import CheckResult
from s2r_rewards.judging import JudgedTrajectory

W, R = "Wait, let me recheck my solution.", "Let me try again."
FRAGMENTS = [
    W,
    R,
    "\\boxed{4}",
    "\\boxed{5}",
    "So the answer is correct.",
    "So the answer is incorrect.",
    " x ",
    "</s>",
]
texts = st.lists(st.sampled_from(FRAGMENTS), max_size=14).map(" ".join)
TWO = f"\\boxed{{5}} {W} So the answer is incorrect. {R} \\boxed{{4}} {W} So the answer is correct."


@given(texts, st.booleans(), st.sampled_from([None, True, False]))
def test_rewards_are_one_or_minus_one(text, penalty, finished):
    judged = judge(parse(text, finished=finished), "4")
    rewards = action_rewards(judged, no_end_penalty=penalty)
    assert len(rewards) == len(judged.trajectory.scored)
    assert set(rewards) <= {1.0, -1.0}
    assert outcome_reward(judged) in (1.0, -1.0)


@given(st.lists(texts, max_size=8))
def test_counts_add_up(batch):
    judged = [judge(parse(text), "4") for text in batch]
    total = sum((behaviour_counts(j) for j in judged), BehaviourCounts())
    metrics = behaviour_metrics(judged)
    assert list(metrics) == list(METRIC_NAMES)
    for name, value in total.metrics().items():
        assert value == metrics[name] or (value != value and metrics[name] != metrics[name])


def test_each_attempt_is_checked_alone_and_once():
    seen = []

    def checker(gold, answer):
        seen.append((gold, answer))
        return CheckResult("correct" if answer == "4" else "incorrect", "mine", "")

    judged = judge(parse(TWO), "4", checker)
    assert seen == [("4", "5"), ("4", "4")]
    assert judged.correct == (False, True)
    assert judged.first_correct is False
    assert judged.last_correct is True


@pytest.mark.parametrize("verdict", ["incorrect", "ungradable", "timeout", "malformed"])
def test_what_is_not_correct_earns_minus_one_and_is_counted(verdict):
    judged = judge(parse("\\boxed{4}"), "4", lambda gold, answer: CheckResult(verdict, "mine", "why"))
    assert outcome_reward(judged) == -1.0
    assert action_rewards(judged) == (-1.0,)
    counts = behaviour_counts(judged)
    assert (counts.timeouts, counts.ungradable) == (verdict == "timeout", verdict == "ungradable")


def test_an_attempt_without_an_answer_is_malformed_and_never_checked():
    judged = judge(parse("dunno"), "4", lambda gold, answer: pytest.fail("nothing to check"))
    assert judged.checks[0].verdict == "malformed"
    assert outcome_reward(judged) == -1.0


def test_no_attempt_at_all_is_wrong():
    judged = judge(parse(""), "4")
    assert (outcome_reward(judged), action_rewards(judged)) == (-1.0, ())


def test_a_verification_without_a_verdict_agrees_with_nothing():
    for answer in ("4", "5"):
        judged = judge(parse(f"\\boxed{{{answer}}} {W} Hm."), "4")
        assert action_rewards(judged)[1] == -1.0


def test_no_end_penalty_hits_the_last_action_only():
    judged = judge(parse(TWO, finished=False), "4")
    assert action_rewards(judged) == (-1.0, 1.0, 1.0, 1.0)
    assert action_rewards(judged, no_end_penalty=True) == (-1.0, 1.0, 1.0, -1.0)
    assert (outcome_reward(judged), outcome_reward(judged, no_end_penalty=True)) == (1.0, -1.0)


def test_judge_many_equals_judge_and_keeps_the_order():
    texts = [TWO, "\\boxed{4}", "", "nothing", TWO.replace("4", "7")]
    golds = ["4", "4", "4", "4", "7"]
    many = judge_many([parse(t) for t in texts], golds)
    assert many == [judge(parse(t), g) for t, g in zip(texts, golds, strict=True)]
    with pytest.raises(ValueError, match="1 trajectories but 2 golden answers"):
        judge_many([parse("")], ["1", "2"])


def test_the_first_symbolic_answer_of_a_process_waits_for_its_worker():
    """A right integral must not be lost as a timeout because no worker has started yet."""
    pytest.importorskip("sympy")
    code = (
        "from s2r_rewards import judge, parse;"
        r"print(judge(parse(r'\boxed{\int_0^1 2x dx}'), '1').checks[0].verdict)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "correct"


def test_checks_must_fit_the_attempts():
    with pytest.raises(ValueError, match="0 checks for 1 attempts"):
        JudgedTrajectory(parse("\\boxed{4}"), "4", ())


def test_everything_pickles():
    judged = judge(parse(TWO), "4")
    assert pickle.loads(pickle.dumps(judged)) == judged


def test_levels():
    judged = [judge(parse(TWO), "4"), judge(parse("\\boxed{5}"), "4")]
    metrics = behaviour_metrics(judged, levels=[3, None])
    assert metrics["s2r/level/3/trials/mean"] == 2.0
    assert metrics["s2r/trials/mean"] == 1.5
    assert not any("None" in name for name in metrics)
