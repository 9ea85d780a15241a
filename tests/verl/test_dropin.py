"""Our score in the place of verl's own: its signature, and verl's real reward managers around it."""

import inspect

import pytest
from hydra import compose, initialize_config_module

from s2r_rewards.dropin.verl import compute_score, score


def test_the_signature_of_verl_s_own():
    from verl.utils.reward_score import math_verify

    theirs = inspect.signature(math_verify.compute_score).parameters
    assert [(p.name, p.default) for p in inspect.signature(score).parameters.values()] == [
        (p.name, p.default) for p in theirs.values()
    ]


@pytest.mark.parametrize(("answer", "expected"), [("\\frac{1}{2}", 1.0), ("0.5", 1.0), ("0.6", 0.0)])
def test_the_same_scores(answer, expected):
    from verl.utils.reward_score import math_verify

    assert score(f"so \\boxed{{{answer}}}", "1/2") == expected
    assert math_verify.compute_score(f"so \\boxed{{{answer}}}", "1/2") == expected


def test_verl_loads_it_by_its_path():
    from verl.trainer.ppo.reward import get_custom_reward_fn

    overrides = ["reward.custom_reward_function.path=pkg://s2r_rewards.dropin.verl"]
    with initialize_config_module("verl.trainer.config", version_base=None):
        function = get_custom_reward_fn(compose("ppo_trainer", overrides=overrides))
    asked = {"data_source": "x", "solution_str": "\\boxed{2}", "ground_truth": "2", "extra_info": {}}
    assert function(**asked) == compute_score(**asked) == 1.0
