"""Our accuracy_reward beside TRL's own."""

import inspect

import pytest

from s2r_rewards.dropin.trl import accuracy_reward

theirs = pytest.importorskip("trl.rewards").accuracy_reward
CASES = [("\\frac{1}{3}", "\\frac{1}{3}"), ("\\frac{1}{3}", "\\frac{1}{2}"), ("5", "5.0"), ("x^2-1", "(x-1)(x+1)")]


def test_the_same_signature():
    ours = inspect.signature(accuracy_reward).parameters
    assert [(p.name, p.kind) for p in inspect.signature(theirs).parameters.values()][:3] == [
        (p.name, p.kind) for p in ours.values()
    ][:3]
    assert [p.kind for p in ours.values()][3:] == [inspect.Parameter.VAR_KEYWORD]


def test_the_same_rewards():
    pytest.importorskip("math_verify")
    completions = [[{"role": "assistant", "content": f"My answer is \\boxed{{{answer}}}"}] for _, answer in CASES]
    solutions = [f"${gold}$" for gold, _ in CASES]
    assert accuracy_reward(completions, solutions) == theirs(completions, solutions) == [1.0, 0.0, 1.0, 1.0]
