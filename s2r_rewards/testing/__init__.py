"""Fixtures and helpers with which users test their own reward functions.

    from s2r_rewards.testing import assert_reward_function, solve

    def test_second_attempt_counts():
        text = solve("4").verify("incorrect").solve("5").verify("correct").text()
        assert my_reward(text, gold="5") == 1.0

    def test_whole_shelf():
        assert_reward_function(my_reward)

A failure shows the actions beside what was expected of them:

    rewards of “corrected after a rejection” (gold '5'): 2 values for 4 actions; wrong rows are marked >
       #  kind     expected        got  text
       0  solve          -1         -1  Working through the problem step by step, I find \\boxed{4}.
       1  verify         +1         +1  …  both sides once more. Therefore, the answer is incorrect.
    >  2  solve          +1          —  Working through the problem step by step, I find \\boxed{5}.
    >  3  verify         +1          —  … ng both sides once more. Therefore, the answer is correct.

Once s2r-rewards is installed, pytest has the fixtures `s2r_solve`, `s2r_shelf`, `s2r_oracle` and `s2r_case` (the
test runs once for every case of the shelf); see `s2r_rewards.testing.plugin`.

Importing this package loads neither torch nor a symbolic checker.
"""

from s2r_rewards.testing.assertions import assert_actions, assert_advantage_function, assert_reward_function
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
