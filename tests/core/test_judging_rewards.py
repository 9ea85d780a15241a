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
    Verdict,
    action_rewards,
    behaviour_counts,
    behaviour_metrics,
    judge,
    judge_many,
    outcome_reward,
    parse,
)
from s2r_rewards.answers import CheckResult
from s2r_rewards.judging import NO_ANSWER, JudgedTrajectory
from s2r_rewards.rewards import outcome_per_action

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


#: attempts as (right?, verdict), whether the end token came; the rewards of the actions, and of the response
TABLE = [
    ("right, confirmed", ["+c"], None, [1, 1], 1),
    ("right, rejected", ["+i"], None, [1, -1], 1),
    ("wrong, confirmed", ["-c"], None, [-1, -1], -1),
    ("wrong, rejected", ["-i"], None, [-1, 1], -1),
    ("mended", ["-i", "+c"], None, [-1, 1, 1, 1], 1),
    ("spoilt: the last attempt counts, not any", ["+i", "-c"], None, [1, -1, -1, -1], -1),
    ("right in between", ["-i", "+i", "-i"], None, [-1, 1, 1, -1, -1, 1], -1),
    ("the last attempt is not verified", ["-i", "+"], None, [-1, 1, 1], 1),
    ("ended", ["+c"], True, [1, 1], 1),
]


@pytest.mark.parametrize(("name", "attempts", "finished", "rewards", "outcome"), TABLE, ids=lambda v: str(v)[:45])
def test_rewards_by_hand(name, attempts, finished, rewards, outcome):
    said = {"c": f" {W} So the answer is correct.", "i": f" {W} So the answer is incorrect.", "": ""}
    text = f" {R} ".join(f"\\boxed{{{4 if a[0] == '+' else 5}}}{said[a[1:]]}" for a in attempts)
    judged = judge(parse(text, finished=finished), "4")
    assert action_rewards(judged) == tuple(rewards)
    assert outcome_reward(judged) == outcome
    assert outcome_per_action(judged) == (outcome,) * len(rewards)
    # whether it ended is known or not: only a response that was surely cut off is charged for it
    assert action_rewards(judged, no_end_penalty=True) == tuple(rewards)
    assert outcome_reward(judged, no_end_penalty=True) == outcome


def test_the_no_end_penalty_by_hand():
    judged = judge(parse(TWO, finished=False), "4")
    assert (action_rewards(judged), outcome_reward(judged)) == ((-1, 1, 1, 1), 1)
    assert (action_rewards(judged, True), outcome_reward(judged, True)) == ((-1, 1, 1, -1), -1)
    assert outcome_per_action(judged) == (1, 1, 1, 1)
    assert outcome_per_action(judged, no_end_penalty=True) == (-1, -1, -1, -1)
    nothing = judge(parse("", finished=False), "4")
    assert (action_rewards(nothing, True), outcome_per_action(nothing, True)) == ((), ())


@pytest.mark.parametrize("verdict", ["incorrect", "ungradable", "timeout", "malformed"])
def test_what_is_not_correct_earns_minus_one(verdict):
    judged = judge(parse("\\boxed{4}"), "4", lambda gold, answer: CheckResult(verdict, "mine", "why"))
    assert outcome_reward(judged) == -1.0
    assert action_rewards(judged) == (-1.0,)


def test_an_attempt_without_an_answer_is_malformed_and_never_checked():
    judged = judge(parse("dunno"), "4", lambda gold, answer: pytest.fail("nothing to check"))
    assert judged.checks == (NO_ANSWER,)
    assert CheckResult("malformed", "extraction", "the attempt states no answer") == NO_ANSWER
    assert outcome_reward(judged) == -1.0


def test_no_attempt_at_all_is_wrong():
    judged = judge(parse(""), "4")
    assert (outcome_reward(judged), action_rewards(judged)) == (-1.0, ())


def test_a_verification_without_a_verdict_agrees_with_nothing():
    for answer in ("4", "5"):
        judged = judge(parse(f"\\boxed{{{answer}}} {W} Hm."), "4")
        assert action_rewards(judged)[1] == -1.0


def test_judge_many_equals_judge_and_keeps_the_order():
    texts = [TWO, "\\boxed{4}", "", "nothing", TWO.replace("4", "7")]
    golds = ["4", "4", "4", "4", "7"]
    many = judge_many([parse(t) for t in texts], golds)
    assert many == [judge(parse(t), g) for t, g in zip(texts, golds, strict=True)]
    assert [j.correct for j in many] == [(False, True), (True,), (), (False,), (False, True)]
    assert [j.gold for j in many] == golds
    with pytest.raises(ValueError) as caught:
        judge_many([parse("")], ["1", "2"])
    assert str(caught.value) == "1 trajectories but 2 golden answers"


def test_the_batch_checker_is_asked_once_for_all_answers_there_are():
    asked = []

    def checker(pairs):
        asked.append(list(pairs))
        return [CheckResult("correct" if gold == answer else "incorrect", "mine") for gold, answer in pairs]

    judged = judge_many(map(parse, ["\\boxed{1}", "dunno", TWO]), iter(["1", "2", "4"]), checker)
    assert asked == [[("1", "1"), ("4", "5"), ("4", "4")]]
    assert [j.correct for j in judged] == [(True,), (False,), (False, True)]


def test_several_golden_answers_reach_the_checker_together():
    judged = judge(parse("\\boxed{5}"), ["4", "5"], lambda gold, answer: CheckResult("correct", f"{answer} of {gold}"))
    assert (judged.gold, judged.checks[0].tier) == (("4", "5"), "5 of ('4', '5')")


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
    with pytest.raises(ValueError) as caught:
        JudgedTrajectory(parse("\\boxed{4}"), "4", ())
    assert str(caught.value) == "0 checks for 1 attempts; expected one check an attempt"


def test_what_a_judged_trajectory_says_of_itself():
    judged = judge(parse(f"\\boxed{{4}} {W} So the answer is incorrect. {R} \\boxed{{5}}"), "4")
    assert (judged.correct, judged.first_correct, judged.last_correct) == ((True, False), True, False)
    assert judged.verdicts == (Verdict.INCORRECT,)
    assert judged.verified == ((True, Verdict.INCORRECT),)  # the last attempt has no verification
    assert judged.malformed  # … and so it deviates
    assert not judge(parse(TWO), "4").malformed
    nothing = judge(parse(""), "4")
    assert (nothing.correct, nothing.first_correct, nothing.last_correct) == ((), False, False)


def test_everything_pickles():
    judged = judge(parse(TWO), "4")
    assert pickle.loads(pickle.dumps(judged)) == judged
