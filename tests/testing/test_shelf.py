"""The shelf agrees with the library, in every grammar that a script can be written in."""

import math

import pytest

from s2r_rewards import action_rewards, behaviour_metrics, outcome_advantages, outcome_reward, process_advantages
from s2r_rewards.baselines import position, reward_context
from s2r_rewards.testing import ORACLE, SHELF, assert_actions, assert_advantage_function, assert_reward_function


@pytest.mark.parametrize("grammar", ["paper", "released", "tags"])
@pytest.mark.parametrize("case", SHELF, ids=lambda case: case.name)
def test_rewards_of_the_shelf(case, grammar):
    judged = case.script.judged(case.gold, grammar, finished=case.finished)
    assert_actions(action_rewards(judged), case.rewards, case)
    assert outcome_reward(judged) == case.outcome
    if grammar == "paper":
        assert set(judged.trajectory.codes) == set(case.deviations)


def test_library_passes_its_own_helpers():
    from s2r_rewards import judge, parse

    assert_reward_function(lambda text, gold: outcome_reward(judge(parse(text), gold)))
    assert_reward_function(lambda text, gold: action_rewards(judge(parse(text), gold)))
    assert_advantage_function(process_advantages)
    assert_advantage_function(lambda rewards: process_advantages(rewards, baseline=position), "position")


def test_baselines_of_the_oracle():
    for got, expected in (
        (reward_context(ORACLE.rewards), ORACLE.context_baselines),
        (reward_context(ORACLE.rewards, leave_one_out=True), ORACLE.context_leave_one_out),
        (position(ORACLE.rewards), ORACLE.position_baselines),
    ):
        for case, row, want in zip(ORACLE.cases, got, expected, strict=True):
            assert_actions(row, want, case, "baselines")
    assert_actions(outcome_advantages(ORACLE.outcomes), ORACLE.rloo_advantages)


def test_metrics_of_the_oracle():
    metrics = behaviour_metrics([case.script.judged(case.gold) for case in ORACLE.cases])
    for name, expected in ORACLE.metrics.items():
        assert math.isclose(metrics[name], expected), name
