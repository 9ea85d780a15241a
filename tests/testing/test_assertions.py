"""The helpers pass what is right and, where they fail, name the case and mark the action."""

import pytest

from s2r_rewards.testing import ORACLE, SHELF, assert_actions, assert_advantage_function, assert_reward_function, solve

T2 = ORACLE.cases[1]


def test_assert_actions_marks_the_wrong_row():
    assert_actions([-1, 1, 1, 1], T2.rewards, T2)
    with pytest.raises(AssertionError) as failure:
        assert_actions([-1, 1, -1, 1], T2.rewards, T2)
    rows = str(failure.value).splitlines()
    assert "corrected after a rejection" in rows[0]
    assert [row.startswith(">") for row in rows[2:]] == [False, False, True, False]
    assert "solve" in rows[4]
    assert "+1" in rows[4]
    assert "-1" in rows[4]
    assert "\\boxed{5}" in rows[4]


def test_assert_actions_counts_missing_values():
    with pytest.raises(AssertionError, match="1 values for 2 actions"):
        assert_actions([1.0], ORACLE.cases[0].rewards)


def test_reward_function_failure_lists_every_case_that_differs():
    with pytest.raises(AssertionError) as failure:
        assert_reward_function(lambda response, gold: 1.0)
    wrong = [case for case in SHELF if case.outcome != 1.0]
    assert f"{len(wrong)} of {len(SHELF)} cases differ" in str(failure.value)
    assert all(case.name in str(failure.value) for case in wrong)


def test_reward_function_that_raises_is_reported_not_propagated():
    with pytest.raises(AssertionError, match="raised KeyError"):
        assert_reward_function(lambda response, gold: {}[gold], SHELF[:1])


def test_advantage_function_by_position():
    def by_position(rewards):
        width = max(map(len, rewards))
        columns = [[row[i] for row in rewards if len(row) > i] for i in range(width)]
        return [[r - sum(columns[i]) / len(columns[i]) for i, r in enumerate(row)] for row in rewards]

    assert_advantage_function(by_position, "position")
    with pytest.raises(AssertionError, match="context advantages of “right and confirmed”"):
        assert_advantage_function(by_position, "context")


def test_oracle_is_consistent():
    """rewards − baselines = advantages, for both kinds of baseline."""
    for baselines, advantages in (
        (ORACLE.context_baselines, ORACLE.context_advantages),
        (ORACLE.position_baselines, ORACLE.position_advantages),
    ):
        for case, b, a in zip(ORACLE.cases, baselines, advantages, strict=True):
            assert_actions([r - x for r, x in zip(case.rewards, b, strict=True)], a, case)


def test_scripts_share_prefixes_and_reject_unknown_verdicts():
    start = solve("4").verify("incorrect")
    assert start.solve("5").text() != start.solve("6").text()
    assert start.text().count("Wait, let me recheck my solution.") == 1
    with pytest.raises(ValueError, match="expected one of 'correct'"):
        start.verify("maybe")
