"""Configurations and data sets that must be refused, each with the way out."""

import pytest
from hydra import compose, initialize_config_module
from s2r_verl_cpu.assets import rl_rows, write_parquet

from s2r_verl.checks import config_problems, require_columns, require_good_config
from s2r_verl.options import ConfigError, Options

PRL = (
    "algorithm.adv_estimator=s2r_process",
    "actor_rollout_ref.rollout.agent.default_agent_loop=s2r_agent",
    "actor_rollout_ref.actor.policy_loss.loss_mode=s2r_action",
    "actor_rollout_ref.rollout.name=vllm",
    "reward.reward_manager.name=s2r",
    "trainer.v1.trainer_mode=s2r_sync",
)


def composed(*overrides: str):
    with initialize_config_module("verl.trainer.config", version_base=None):
        return compose("ppo_trainer", overrides=[*PRL, *overrides])


def test_a_good_configuration_has_no_problems():
    assert config_problems(composed()) == []
    assert config_problems(composed("+algorithm.s2r.leave_one_out=True")) == []


@pytest.mark.parametrize(
    ("override", "said"),
    [
        ("algorithm.use_kl_in_reward=True", "use_kl_loss=True"),
        ("custom_reward_function.path=mine.py", "Use the block reward.custom_reward_function"),
        ("reward_model.reward_manager=dapo", "ignores it"),
        ("reward_model.model.path=some/model", "reward_model.model.path='some/model'"),
        ("trainer.use_v1=False", "trainer.use_v1=True"),
        (
            "actor_rollout_ref.rollout.agent.default_agent_loop=single_turn_agent",
            "default_agent_loop=s2r_agent",
        ),
        ("trainer.v1.trainer_mode=sync", "trainer_mode=s2r_sync"),
        ("algorithm.adv_estimator=s2r_dense", "default_agent_loop=s2r_replay"),
        ("+algorithm.s2r.level=outcome", "level=process"),
        ("+algorithm.s2r.beta=0.05", "actor.use_kl_loss=True"),
        ("+algorithm.s2r.baseline=nonsense", "reward_context, position"),
        ("+algorithm.s2r.leave_one_uot=True", "unknown keys ['leave_one_uot']"),
    ],
)
def test_refusals_name_the_way_out(override, said):
    with pytest.raises(ConfigError) as error:
        require_good_config(composed(override))
    assert said in str(error.value)


def test_the_estimators_refuse_kl_in_reward_on_their_own():
    import torch

    from s2r_verl.advantage import process

    ones = torch.ones(1, 2)
    with pytest.raises(ConfigError, match="use_kl_in_reward"):
        process(ones, ones, config={"use_kl_in_reward": True})


def test_a_process_estimator_that_gets_other_rewards_says_so():
    import torch

    from s2r_verl.advantage import process

    with pytest.raises(ConfigError, match="s2r_agent"):
        process(torch.tensor([[0.0, 0.5]]), torch.ones(1, 2))


def test_missing_columns_name_the_file_and_the_columns(tmp_path):
    rows = [{"prompt": row["prompt"]} for row in rl_rows(2)]
    path = write_parquet(tmp_path / "train.parquet", rows)
    with pytest.raises(ConfigError) as error:
        require_columns(str(path), ("prompt", "data_source", "reward_model"), "data.train_files")
    assert "data_source, reward_model" in str(error.value)
    assert str(path) in str(error.value)
    with pytest.raises(ConfigError, match="no such file"):
        require_columns([str(tmp_path / "none.parquet")], ("prompt",), "data.train_files")


def test_options_defaults_follow_the_preset():
    assert Options().baseline_name == "reward_context"
    assert Options(preset="released").baseline_name == "running"
    assert Options(preset="released").count == 10
