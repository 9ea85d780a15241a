"""What s2r_verl assumes about verl, checked on verl's real code: fails when verl moves."""

import inspect
from pathlib import Path

import pytest
import verl

import s2r_verl
from s2r_verl import contract, plugin
from s2r_verl.checks.setup import TRAINERS


def parameters(function) -> list[str]:
    return list(inspect.signature(function).parameters)


def test_the_installed_verl_is_a_tested_one():
    assert verl.__version__ in s2r_verl.TESTED


@pytest.mark.parametrize("version", ["0.7.1", "0.8.0", None])
def test_other_versions_are_refused_with_the_way_out(version):
    assert "pip install" in s2r_verl.problem_with(version)


@pytest.mark.parametrize("version", ["0.9.0", "0.9.1", "0.9.2.dev1", "0.10.0", "1.0"])
def test_later_versions_are_judged_by_what_they_hold(version):
    assert s2r_verl.problem_with(version) is None


def test_the_whole_contract_holds_here():
    assert contract.broken() == []


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (("verl.no_such_module", "f", ""), "No module named"),
        (("verl.utils.config", "validate_everything", ""), "validate_everything"),
        (("verl.workers.utils.losses", "ppo_loss", "config data model_output"), "ppo_loss(config"),
        (("verl.workers.engine_workers", "ActorRolloutRefWorker.set_loss_fn", "self loss_fn dp_group"), "set_loss_fn"),
    ],
)
def test_what_moved_is_named(line, said):
    (problem,) = contract.broken([line])
    assert said in problem


def test_an_untested_version_runs_with_a_warning_where_the_contract_holds_and_is_refused_elsewhere():
    assert contract.verdict("0.9.1", lambda: pytest.fail("a tested version is not looked into")) == ("ok", "")
    level, why = contract.verdict("0.10.0.dev0")
    assert (level, "0.10.0.dev0 was not tested" in why) == ("warning", True)
    level, why = contract.verdict("0.10.0", lambda: ["verl.x.f(a); expected (b)", "verl.y"])
    assert level == "problem"
    assert "verl.x.f(a); expected (b) and 1 more" in why
    assert "pip install" in why


def test_a_new_parameter_without_default_breaks_a_call_of_ours(monkeypatch):
    import verl.workers.utils.losses as losses

    monkeypatch.setattr(losses, "ppo_loss", lambda config, model_output, data, dp_group, mesh: None)
    assert "mesh" in contract.broken([line for line in contract.CONTRACT if line[1] == "ppo_loss"])[0]
    monkeypatch.setattr(losses, "ppo_loss", lambda config, model_output, data, dp_group=None, mesh=None: None)
    assert not contract.broken([line for line in contract.CONTRACT if line[1] == "ppo_loss"])


def test_the_warning_comes_once(monkeypatch, caplog):
    monkeypatch.setattr(contract, "running_version", lambda: "0.9.7")
    monkeypatch.setattr(contract, "broken", list)
    monkeypatch.setattr(contract, "_warned", [])
    contract.require()
    contract.require()
    assert [record.message for record in caplog.records].count(contract.verdict("0.9.7", list)[1]) == 1


def test_the_guard_stands_before_every_main():
    from verl.trainer import main_ppo
    from verl.utils import config

    assert hasattr(config.validate_config, "__wrapped__")
    assert hasattr(main_ppo.run_ppo, "__wrapped__")
    for name in ("one_step_off_policy.main_ppo", "fully_async_policy.fully_async_main"):
        source = (Path(verl.__file__).parent / "experimental" / (name.replace(".", "/") + ".py")).read_text()
        assert "from verl.trainer.main_ppo import run_ppo" in source


def test_variables_for_workers_reach_a_cluster_that_runs_already(monkeypatch, capsys):
    """verl's own run_ppo: the key is in the job's environment, and not in what verl prints of it."""
    import ray
    from omegaconf import OmegaConf
    from verl.trainer import main_ppo

    class StoppedError(Exception):
        pass

    given = []

    def init(**settings):
        given.append(settings)
        raise StoppedError

    monkeypatch.setattr(ray, "init", init)
    monkeypatch.setattr(ray, "is_initialized", lambda: False)
    for name, value in {"S2R_WORKER_ENV": "WANDB_API_KEY,A,ABSENT", "WANDB_API_KEY": "geheim", "A": "mine"}.items():
        monkeypatch.setenv(name, value)
    own = {"ray_init": {"num_cpus": 2, "runtime_env": {"env_vars": {"A": "theirs"}}}}
    rollout = {"full_determinism": False}
    config = OmegaConf.create(
        {"actor_rollout_ref": {"rollout": rollout}, "reward": {"reward_model": {"enable": False, "rollout": rollout}},
         "trainer": {}, "transfer_queue": {"enable": False}, "ray_kwargs": own}
    )  # fmt: skip
    with pytest.raises(StoppedError):
        main_ppo.run_ppo(config, None)
    variables = given[0]["runtime_env"]["env_vars"]
    assert (variables["WANDB_API_KEY"], variables["A"], given[0]["num_cpus"]) == ("geheim", "theirs", 2)
    assert "ABSENT" not in variables
    assert ray.init is init
    shown = capsys.readouterr()
    assert "ray init kwargs" in shown.out
    assert "geheim" not in shown.out + shown.err


def test_the_entry_point_registers_everything():
    from verl.experimental.agent_loop.agent_loop import _agent_loop_registry
    from verl.experimental.reward_loop.reward_manager import get_reward_manager_cls
    from verl.trainer.ppo.core_algos import ADV_ESTIMATOR_REGISTRY, POLICY_LOSS_REGISTRY
    from verl.trainer.ppo.v1 import get_trainer_cls

    assert {"s2r", "s2r_process", "s2r_outcome", "s2r_dense"} <= set(ADV_ESTIMATOR_REGISTRY)
    assert "s2r_action" in POLICY_LOSS_REGISTRY
    assert {"s2r_agent", "s2r_replay"} <= set(_agent_loop_registry)
    assert get_reward_manager_cls("s2r").__module__ == "s2r_verl.reward_manager"
    assert {get_trainer_cls(name).__module__ for name in TRAINERS} == {"s2r_verl.trainer"}


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
