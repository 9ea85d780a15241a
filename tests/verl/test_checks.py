"""Configurations and data sets that must be refused, each with the way out."""

import pytest
import torch
from hydra import compose, initialize_config_module
from s2r_verl_cpu.assets import rl_rows, write_parquet

from s2r_rewards import get_method
from s2r_rewards.adapter import ConfigError, score_response
from s2r_verl.algorithms import Batch, at_hand, credit, dense
from s2r_verl.checks import config_problems, require_columns, require_good_config

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
        ("actor_rollout_ref.rollout.agent.default_agent_loop=single_turn_agent", "default_agent_loop=s2r_agent"),
        ("trainer.v1.trainer_mode=sync", "trainer_mode=s2r_sync"),
        ("algorithm.adv_estimator=s2r_dense", "default_agent_loop=s2r_replay"),
        ("+algorithm.s2r.level=outcome", "method=s2r-orl"),
        ("+algorithm.s2r.preset=released", "released-prl"),
        ("+algorithm.s2r.baseline=running", "running=true"),
        ("+algorithm.s2r.method=s2r-orl", "s2r_process needs a method of the level process"),
        ("algorithm.adv_estimator=s2r_outcome", "s2r-orl (level outcome)"),
        ("+algorithm.s2r.method=no.such.module:METHOD", "cannot import 'no.such.module'"),
        ("+algorithm.s2r.rollouts=all.jsonl", "trainer.rollout_data_dir"),
        ("+algorithm.s2r.beta=0.05", "actor.use_kl_loss=True"),
        ("+algorithm.s2r.baseline=nonsense", "reward_context, rloo"),
        ("+algorithm.s2r.leave_one_uot=True", "unknown keys ['leave_one_uot']"),
    ],
)
def test_refusals_name_the_way_out(override, said):
    with pytest.raises(ConfigError) as error:
        require_good_config(composed(override))
    assert said in str(error.value)


@pytest.mark.parametrize(
    "override", ["algorithm.adv_estimator=s2r", "+algorithm.s2r.method=released-prl", "+algorithm.s2r.running=True"]
)
def test_any_method_can_be_named(override):
    assert config_problems(composed(override)) == []
    outcome = ("algorithm.adv_estimator=s2r", "+algorithm.s2r.method=s2r-orl")
    assert config_problems(composed(*outcome)) == []


def test_the_estimators_refuse_kl_in_reward_on_their_own():
    ones = torch.ones(1, 2)
    for estimator in (credit, dense):
        with pytest.raises(ConfigError, match="use_kl_in_reward"):
            estimator(ones, ones, config={"use_kl_in_reward": True})


def test_an_estimator_without_records_says_what_to_set():
    ones = torch.ones(1, 2)
    with pytest.raises(ConfigError, match="trainer_mode=s2r_sync"):
        credit(ones, ones)
    with at_hand(Batch([None], get_method("s2r-prl"))), pytest.raises(ConfigError, match=r"reward_manager\.name=s2r"):
        credit(ones, ones)
    text_only = score_response("It is \\boxed{3}.", "3")  # by the reward function: without token spans
    with at_hand(Batch([text_only], get_method("s2r-prl"))), pytest.raises(ConfigError, match="name=s2r"):
        credit(ones, ones)
    with at_hand(Batch([text_only], get_method("s2r-orl"))):
        assert credit(ones, ones)[0].tolist() == [[1.0, 1.0]]


def test_missing_columns_name_the_file_and_the_columns(tmp_path):
    rows = [{"prompt": row["prompt"]} for row in rl_rows(2)]
    path = write_parquet(tmp_path / "train.parquet", rows)
    with pytest.raises(ConfigError) as error:
        require_columns(str(path), ("prompt", "data_source", "reward_model"), "data.train_files")
    assert "data_source, reward_model" in str(error.value)
    assert str(path) in str(error.value)
    with pytest.raises(ConfigError, match="no such file"):
        require_columns([str(tmp_path / "none.parquet")], ("prompt",), "data.train_files")
