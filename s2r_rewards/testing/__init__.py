"""Fixtures and helpers with which users test their own reward functions.

    from s2r_rewards.testing import assert_reward_function, solve

    def test_second_attempt_counts():
        text = solve("4").verify("incorrect").solve("5").verify("correct").text()
        assert my_reward(text, gold="5") == 1.0

    def test_whole_shelf():
        assert_reward_function(my_reward)

Importing this package costs a few milliseconds: neither torch nor a checker is loaded.
"""

from s2r_rewards.testing.assertions import (
    assert_actions,
    assert_advantage_function,
    assert_reward_function,
)
from s2r_rewards.testing.builders import Script, solve
from s2r_rewards.testing.shelf import ORACLE, SHELF, Case, Oracle

__all__ = [
    "ORACLE",
    "SHELF",
    "Case",
    "Oracle",
    "Script",
    "assert_actions",
    "assert_advantage_function",
    "assert_reward_function",
    "solve",
]
