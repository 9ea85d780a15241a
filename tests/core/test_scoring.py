"""Rollouts → scored rollouts: everything that a rollout and a method say reaches the record."""

from dataclasses import replace

import pytest

from s2r_rewards.answers import CHECKER_VERSION, CheckResult
from s2r_rewards.baselines import reward_context
from s2r_rewards.methods import get_method
from s2r_rewards.rollouts import Rollout
from s2r_rewards.rollouts.scoring import judge_rollouts, score_rollouts

RIGHT, WRONG = Rollout("p", "?", "\\boxed{4}", "4"), Rollout("p", "?", "\\boxed{5}", "4")


def checker(pairs):
    return [CheckResult("correct" if gold == answer else "incorrect", "mine") for gold, answer in pairs]


def test_judging_takes_grammar_end_gold_and_checker():
    tags = Rollout("p", "?", "<solve>\\boxed{4}<verify>Hm", "4", finished=False)
    (judged,) = judge_rollouts([tags], "tags", checker)
    assert [a.kind for a in judged.trajectory.actions] == ["solve", "verify"]
    assert (judged.trajectory.grammar, judged.trajectory.ended, judged.gold) == ("tags", False, "4")
    assert judged.checks == (CheckResult("correct", "mine"),)
    (judged,) = judge_rollouts([tags])
    assert (judged.trajectory.grammar, judged.checks[0].tier != "mine") == ("paper", True)


def test_the_record_of_a_rollout():
    first, second = score_rollouts(
        [RIGHT, replace(WRONG, finished=True)], "s2r-prl", checker, [[(0, 3)], [(1, 2)]], "mine 1"
    )
    assert (first.s2r.method, first.s2r.checker, first.s2r.outcome) == ("s2r-prl", "mine 1", 1.0)
    assert (first.s2r.spans, second.s2r.spans) == (((0, 3),), ((1, 2),))
    assert (first.s2r.ended, second.s2r.ended) == (None, True)
    assert [(r.s2r.actions[0].baseline, r.s2r.actions[0].advantage) for r in (first, second)] == [(0, 1), (0, -1)]
    assert (first.response, first.s2r.checks[0].tier) == (RIGHT.response, "mine")


def test_defaults():
    (scored,) = score_rollouts([RIGHT])
    assert (scored.s2r.method, scored.s2r.checker, scored.s2r.spans) == ("s2r-prl", CHECKER_VERSION, ())


def test_the_methods_own_grammar_reads():
    (scored,) = score_rollouts(
        [replace(RIGHT, response="\\boxed{4} Wait, it is correct", finished=False)], "released-prl", checker
    )
    assert (scored.s2r.grammar, [a.kind for a in scored.s2r.actions]) == ("released", ["solve", "verify"])
    assert (scored.s2r.rewards, scored.s2r.outcome) == ((1.0, 1.0), 1.0)
    assert [a.advantage for a in scored.s2r.actions] == [1.0, -1.0]  # it was cut off


@pytest.mark.parametrize(("least", "baselines"), [(1, [0, 0]), (2, [0, 0]), (3, [0.5, 0.5])])
def test_the_methods_own_minimum_counts(least, baselines):
    method = replace(get_method("s2r-prl"), baseline=reward_context.with_settings(min_count=least, default=0.5))
    scored = score_rollouts([RIGHT, WRONG], method, checker)
    assert [r.s2r.actions[0].baseline for r in scored] == baselines


@pytest.mark.parametrize(("count", "baseline"), [(9, 0.0), (10, 1.0)])
def test_a_running_method_takes_the_means_of_the_file(count, baseline):
    """In training nothing would be known yet. Ten make a mean in the released code, nine do not."""
    scored = score_rollouts([RIGHT] * count, "released-prl", checker)
    assert [r.s2r.actions[0].baseline for r in scored] == [baseline] * count


def test_prompts_are_told_apart_by_their_problem():
    other = replace(WRONG, problem_id="q")
    scored = score_rollouts([RIGHT, WRONG, other], "s2r-orl", checker)
    assert [r.s2r.actions[0].baseline for r in scored] == [-1, 1, 0]
    assert [r.s2r.actions[0].advantage for r in scored] == [2, -2, -1]
