"""What s2r_verl assumes about verl, checked on verl's real code: fails when verl moves."""

import inspect

import pytest
import verl

import s2r_verl
from s2r_verl import plugin


def parameters(function) -> list[str]:
    return list(inspect.signature(function).parameters)


def test_the_installed_verl_is_a_tested_one():
    assert verl.__version__ in s2r_verl.TESTED


@pytest.mark.parametrize("version", ["0.8.0", "0.10.0", "1.0", None])
def test_other_versions_are_refused_with_the_way_out(version):
    assert "pip install" in s2r_verl.problem_with(version)


@pytest.mark.parametrize("version", ["0.9.0", "0.9.1", "0.9.2.dev1"])
def test_supported_versions_pass(version):
    assert s2r_verl.problem_with(version) is None


def test_the_entry_point_registers_everything():
    from verl.experimental.agent_loop.agent_loop import _agent_loop_registry
    from verl.experimental.reward_loop.reward_manager import get_reward_manager_cls
    from verl.trainer.ppo.core_algos import ADV_ESTIMATOR_REGISTRY, POLICY_LOSS_REGISTRY
    from verl.trainer.ppo.v1 import get_trainer_cls

    assert {"s2r", "s2r_process", "s2r_outcome", "s2r_dense"} <= set(ADV_ESTIMATOR_REGISTRY)
    assert "s2r_action" in POLICY_LOSS_REGISTRY
    assert {"s2r_agent", "s2r_replay"} <= set(_agent_loop_registry)
    assert get_reward_manager_cls("s2r").__module__ == "s2r_verl.reward_manager"
    assert get_trainer_cls("s2r_sync").__module__ == "s2r_verl.trainer"


def test_the_plugin_itself_imports_neither_verl_nor_torch():
    import subprocess
    import sys

    code = "import sys, s2r_verl.checks; print('torch' in sys.modules or 'verl' in sys.modules)"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "False"


def test_modules_that_hold_registries_exist():
    import importlib

    for name in plugin.REGISTRATIONS:
        importlib.import_module(name)


def test_estimators_get_the_keywords_that_verl_passes():
    from verl.trainer.ppo import ray_trainer

    source = inspect.getsource(ray_trainer.compute_advantage)
    for keyword in ("token_level_rewards", "response_mask", "config", "index"):
        assert f'"{keyword}"' in source


def test_ppo_loss_calls_a_policy_loss_as_ours_expects():
    from verl.trainer.ppo.core_algos import agg_loss, compute_policy_loss_vanilla
    from verl.workers.utils.losses import ppo_loss

    from s2r_verl.algorithms import action_loss

    assert parameters(action_loss) == parameters(compute_policy_loss_vanilla)
    assert parameters(ppo_loss) == ["config", "model_output", "data", "dp_group"]
    assert {"loss_mat", "loss_mask", "loss_agg_mode", "dp_size", "global_batch_size"} <= set(parameters(agg_loss))


def test_the_actor_worker_takes_a_loss():
    from verl.workers.engine_workers import ActorRolloutRefWorker

    assert parameters(ActorRolloutRefWorker.set_loss_fn) == ["self", "loss_fn"]


def test_trainer_methods_that_are_extended():
    from verl.trainer.ppo.v1.trainer_sync import PPOTrainerSync

    assert parameters(PPOTrainerSync._compute_advantage) == ["self", "batch", "metrics"]
    assert parameters(PPOTrainerSync._compute_metrics) == [
        "self",
        "batch",
        "metrics",
        "timing_raw",
        "global_steps",
        "epoch",
    ]
    assert parameters(PPOTrainerSync._val_metrics_update)[:5] == [
        "self",
        "data_sources",
        "sample_uids",
        "reward_extra_infos_dict",
        "sample_turns",
    ]
    for name in ("_build_replay_buffer", "on_init_end", "_save_checkpoint", "_load_checkpoint"):
        assert parameters(getattr(PPOTrainerSync, name)) == ["self"]


def test_agent_loop_output_becomes_a_dict_with_rm_scores():
    from verl.experimental.agent_loop.agent_loop import AgentLoopMetrics, AgentLoopOutput

    output = AgentLoopOutput(
        prompt_ids=[1], response_ids=[2, 3], response_mask=[1, 1], metrics=AgentLoopMetrics(), extra_fields={}
    )
    output.reward_score = 1.0
    assert output.as_dict()["rm_scores"].tolist() == [0.0, 1.0]


def test_reward_manager_contract():
    from verl.experimental.reward_loop.reward_manager.naive import NaiveRewardManager

    from s2r_verl.reward_manager import S2RRewardManager

    theirs = parameters(NaiveRewardManager.__init__)
    assert set(theirs) <= set(parameters(S2RRewardManager.__init__))
    assert parameters(NaiveRewardManager.run_single) == parameters(S2RRewardManager.run_single)
    assert inspect.iscoroutinefunction(NaiveRewardManager.run_single)


def test_sft_dataset_contract():
    from verl.utils.dataset.multiturn_sft_dataset import MultiTurnSFTDataset

    from s2r_verl.sft import S2RSFTDataset

    assert parameters(S2RSFTDataset.__init__) == parameters(MultiTurnSFTDataset.__init__)
