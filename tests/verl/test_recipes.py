"""Every recipe composes against verl's real schema and holds the figures of the paper's tables 7 and 8."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner
from s2r_verl_cpu.assets import build_tokenizer, rl_rows, write_parquet
from verl.utils.config import omega_conf_to_dataclass

from s2r_rewards.adapter import ConfigError
from s2r_rewards.adapter.recipes import find_recipe
from s2r_rewards.cli.doctor import command as doctor
from s2r_verl import guard, launch
from s2r_verl.checks import config_problems
from s2r_verl.checks.chat import chat_problems
from s2r_verl.checks.memory import load_of
from s2r_verl.checks.sft import kl_problems

RECIPES = Path(__file__).resolve().parents[2] / "recipes" / "verl"
MODELS = {
    "llama-3.1-8b-instruct": ("meta-llama/Llama-3.1-8B-Instruct", 8000, 0.05),
    "qwen2-7b-instruct": ("Qwen/Qwen2-7B-Instruct", 6000, 0.05),
    "qwen2.5-math-7b": ("Qwen/Qwen2.5-Math-7B", 8000, 0.01),
}
KL_SFT = dict(zip(MODELS, (0.1, 0.1, 0.01), strict=True))
ONLINE = {"prl": "s2r_process", "orl": "s2r_outcome"}
OFFLINE = {"offline_prl": "s2r-offline-prl", "offline_orl": "s2r-offline-orl"}


def composed(model: str, stage: str, *overrides: str):
    return launch.compose(RECIPES, stage, model, list(overrides))


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("stage", ONLINE)
def test_online_recipes(model, stage):
    path, length, kl = MODELS[model]
    config = composed(model, stage)
    assert config_problems(config) == []
    assert config.actor_rollout_ref.model.path == path
    assert config.data.max_response_length == length
    assert config.algorithm.s2r.beta == kl
    assert config.algorithm.adv_estimator == ONLINE[stage]
    assert config.algorithm.s2r.method == f"s2r-{stage}"
    actor = config.actor_rollout_ref.actor
    assert (actor.optim.lr, actor.clip_ratio, config.trainer.total_training_steps) == (5e-7, 0.2, 500)
    assert config.actor_rollout_ref.rollout.temperature == 0.7
    samples = config.actor_rollout_ref.rollout.n
    assert config.data.train_batch_size * samples == 256
    assert actor.ppo_mini_batch_size * samples == 64
    assert config.actor_rollout_ref.rollout.name == "vllm"


@pytest.mark.parametrize("stage", [*ONLINE, *OFFLINE, "sft"])
def test_checkpoints_are_bounded(stage):
    trainer = composed("qwen2-7b-instruct", stage).trainer
    kept = trainer.max_ckpt_to_keep if stage == "sft" else trainer.max_actor_ckpt_to_keep
    assert 1 <= kept <= 3


@pytest.mark.parametrize("stage", [*ONLINE, *OFFLINE])
def test_batches_are_dynamic_and_what_vllm_sampled_is_corrected(stage):
    config = composed("qwen2.5-math-7b", stage)
    rollout = config.actor_rollout_ref.rollout
    assert config.actor_rollout_ref.actor.use_dynamic_bsz
    assert rollout.log_prob_use_dynamic_bsz
    online = stage in ONLINE
    assert rollout.calculate_log_probs == online
    assert config.algorithm.rollout_correction.rollout_is == ("token" if online else None)
    longest = config.data.max_prompt_length + config.data.max_response_length
    assert config.actor_rollout_ref.actor.ppo_max_token_len_per_gpu >= longest
    assert rollout.log_prob_max_token_len_per_gpu >= longest


def test_memory_is_read_from_the_configuration():
    load = load_of(composed("qwen2-7b-instruct", "prl"))
    assert (load.gpus, load.tokens, load.forward_tokens, load.longest) == (8, 20000, 20000, 7024)
    assert (load.state, load.reference, load.engine, load.tensor_parallel, load.stays) == (16, 0, 0.6, 2, None)
    fsdp = "actor_rollout_ref.actor.fsdp_config"
    words = [
        "trainer.nnodes=2", f"{fsdp}.param_offload=True", f"{fsdp}.optimizer_offload=True", f"{fsdp}.fsdp_size=8",
        "actor_rollout_ref.actor.use_dynamic_bsz=False", "actor_rollout_ref.actor.ppo_micro_batch_size_per_gpu=2",
        f"{fsdp}.ulysses_sequence_parallel_size=2", "actor_rollout_ref.model.use_fused_kernels=True",
    ]  # fmt: skip
    other = load_of(composed("qwen2-7b-instruct", "prl", *words))
    assert (other.gpus, other.tokens, other.stays, other.logits) == (8, 7024, (0, 0), 0)
    awake = composed("qwen2-7b-instruct", "prl", "actor_rollout_ref.rollout.free_cache_engine=False")
    assert (load.awake, load_of(awake).awake) == (False, True)
    sft = load_of(composed("qwen2-7b-instruct", "sft", "trainer.n_gpus_per_node=4"))
    assert (sft.gpus, sft.tokens, sft.logits, sft.engine) == (4, 6000, 16, 0)
    assert load_of(composed("qwen2-7b-instruct", "sft", "s2r.beta=0")).logits == 10
    with pytest.raises(ValueError, match="lora_rank=8"):
        load_of(composed("qwen2-7b-instruct", "prl", "actor_rollout_ref.model.lora_rank=8"))


@pytest.mark.parametrize(("gib", "status"), [(80, 0), (40, 1)])
def test_doctor_says_what_does_not_fit(gib, status):
    words = ["--no-gpu", "--recipe", "verl/prl", "--model", "qwen2-7b-instruct", "--gpu-memory", str(gib), "--json"]
    done = CliRunner().invoke(doctor, words)
    assert done.exit_code == status, done.output
    found = {row["what"]: row for row in json.loads(done.stdout)}
    training = found["memory of each GPU, training"]
    assert training["found"].startswith(f"57.1 of {gib} GiB (state 14.2,")
    assert ("ppo_max_token_len_per_gpu" in training["way_out"]) == bool(status)


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("stage", OFFLINE)
def test_offline_recipes(model, stage):
    config = composed(model, stage)
    assert config_problems(config) == []
    assert config.algorithm.s2r.method == OFFLINE[stage]
    assert config.algorithm.s2r.beta == 0.1
    assert config.data.max_response_length == 8192
    assert (config.data.train_batch_size, config.actor_rollout_ref.rollout.n) == (64, 1)
    assert config.actor_rollout_ref.actor.optim.lr_warmup_steps == 5


@pytest.mark.parametrize("model", MODELS)
def test_sft_recipes(model):
    path, length, _ = MODELS[model]
    config = composed(model, "sft")
    assert launch.is_sft(config)
    assert (config.model.path, config.data.max_length) == (path, length)
    assert (config.optim.lr, config.data.train_batch_size, config.trainer.total_epochs) == (5e-6, 32, 3)
    assert config.data.custom_cls.name == "S2RSFTDataset"
    assert config.s2r.beta == KL_SFT[model]
    assert kl_problems(config) == []


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("name", ["original_solution", "long_cot"])
def test_comparison_sets_train_as_behaviour_initialisation_does(model, name):
    config, initialisation = composed(model, f"sft_{name}"), composed(model, "sft")
    assert config.data.train_files == f"data/sft_{name}.parquet"
    assert config.trainer.experiment_name == f"{model}-sft_{name}"
    config.data.train_files, config.recipe.stage = initialisation.data.train_files, "sft"
    assert config == initialisation
    assert kl_problems(config) == []


@pytest.mark.parametrize("stage", ONLINE)
def test_other_domains_train_as_mathematics_does(stage):
    config, mathematics = composed("qwen2-7b-instruct", f"cross_domain_{stage}"), composed("qwen2-7b-instruct", stage)
    assert config_problems(config) == []
    assert (config.data.train_files, config.data.val_files) == (
        "data/cross_domain.parquet",
        "data/cross_domain_val.parquet",
    )
    config.data, config.recipe.stage = mathematics.data, stage
    assert config == mathematics


@pytest.mark.parametrize("stage", [*ONLINE, *OFFLINE])
def test_verl_turns_the_composed_blocks_into_its_dataclasses(stage):
    """verl's dataclasses reject unknown keys and bad values; `algorithm` stays a plain block in its trainer."""
    config = composed("qwen2-7b-instruct", stage)
    actor = omega_conf_to_dataclass(config.actor_rollout_ref.actor)
    assert actor.policy_loss.loss_mode == "s2r_action"
    rollout = omega_conf_to_dataclass(config.actor_rollout_ref.rollout)
    assert rollout.agent.default_agent_loop in ("s2r_agent", "s2r_replay")
    assert config.reward.reward_manager.name == "s2r"


@pytest.mark.parametrize("stage", ["sft", "prl"])
def test_the_environment_names_data_and_start(monkeypatch, stage):
    monkeypatch.setenv("S2R_DATA", "/somewhere")
    monkeypatch.setenv("S2R_START", "checkpoints/sft")
    config = composed("qwen2-7b-instruct", stage)
    assert config.data.train_files.startswith("/somewhere/")
    model = config.model if stage == "sft" else config.actor_rollout_ref.model
    assert model.path == "checkpoints/sft"


def run_sh(folder, *arguments, **variables):
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    command = ["bash", str(folder / "run.sh"), *arguments]
    environment = {**os.environ, "PATH": path, **variables}
    return subprocess.run(command, capture_output=True, text=True, env=environment)


def test_check_finds_missing_data_and_passes_with_it(tmp_path):
    words = ["prl", "--model", "qwen2-7b-instruct", "--check"]
    missing = run_sh(RECIPES, *words, S2R_DATA=str(tmp_path))
    assert missing.returncode == 1
    assert "no such file" in missing.stderr
    for name in ("rl", "rl_val"):
        write_parquet(tmp_path / f"{name}.parquet", rl_rows(2))
    fine = run_sh(RECIPES, *words, S2R_DATA=str(tmp_path))
    assert fine.returncode == 0, fine.stderr
    assert "verl.trainer.main_ppo" in fine.stdout
    assert "models@recipe=qwen2-7b-instruct" in fine.stdout


@pytest.mark.parametrize("stage", ["prl", "sft"])
def test_a_model_whose_template_ends_otherwise_than_its_end_token_is_refused(tmp_path, stage):
    """Qwen2.5's base models: rollouts would run to the maximal length, and none would count as finished."""
    tokenizer = build_tokenizer()
    tokenizer.save_pretrained(tmp_path)
    key = "model.path" if stage == "sft" else "actor_rollout_ref.model.path"
    config = composed("qwen2.5-math-7b", stage, f"{key}={tmp_path}")
    assert chat_problems(config) == []
    tokenizer.eos_token = "<|endoftext|>"
    tokenizer.save_pretrained(tmp_path)
    (problem,) = chat_problems(config)
    assert "ends a turn with '<|im_end|>', and its end token is '<|endoftext|>'" in problem
    assert problem in launch.problems(config)
    if stage == "prl":
        with pytest.raises(ConfigError, match="ends a turn with"):
            guard.refuse(config)
    assert chat_problems(composed("qwen2.5-math-7b", stage)) == []  # not on this machine: not looked into


def test_an_override_that_verl_does_not_know_is_refused_in_one_line():
    wrong = run_sh(RECIPES, "prl", "--model", "qwen2-7b-instruct", "--check", "trainer.gpus=4")
    assert wrong.returncode == 2
    assert "Could not override 'trainer.gpus'" in wrong.stderr
    assert "Traceback" not in wrong.stderr


def test_a_copied_recipe_is_composed_from_what_lies_in_the_copy(tmp_path):
    for place, source in find_recipe("verl/orl").files("qwen2-7b-instruct").items():
        (tmp_path / place).parent.mkdir(exist_ok=True)
        shutil.copy(source, tmp_path / place)
    for name, old, new in (
        ("models/qwen2-7b-instruct.yaml", "6000", "5000"),
        ("_rl.yaml", "lr: 5e-7", "lr: 1e-6"),
        ("orl.yaml", "ratio: trajectory_mean", "ratio: action"),
    ):
        text = (tmp_path / name).read_text()
        assert old in text
        (tmp_path / name).write_text(text.replace(old, new))
    config = launch.compose(tmp_path, "orl", "qwen2-7b-instruct", [])
    assert config.data.max_response_length == 5000
    assert config.actor_rollout_ref.actor.optim.lr == 1e-6
    assert config.algorithm.s2r.ratio == "action"


def test_the_environment_of_a_model_reaches_the_process(monkeypatch, tmp_path):
    monkeypatch.setenv("S2R_DATA", "s3://elsewhere")  # not looked into
    plan = launch.plan(RECIPES, "prl", "qwen2.5-math-7b", [])
    assert dict(plan.environment) == {"VLLM_ALLOW_LONG_MAX_MODEL_LEN": 1}
    assert dict(launch.plan(RECIPES, "prl", "qwen2-7b-instruct", []).environment) == {}
    word = "+ray_kwargs.ray_init.runtime_env.env_vars.VLLM_ALLOW_LONG_MAX_MODEL_LEN='1'"
    assert word in plan.steps[0]  # for a Ray cluster that runs already
    config = composed("qwen2.5-math-7b", "prl", word)
    assert config.ray_kwargs.ray_init.runtime_env.env_vars.VLLM_ALLOW_LONG_MAX_MODEL_LEN == "1"


def test_workers_grow_with_the_nodes(monkeypatch):
    """Eight reward workers and eight agent loops a node, unless a number is given."""
    monkeypatch.setenv("S2R_DATA", "s3://elsewhere")

    def workers(*overrides):
        words = launch.plan(RECIPES, "prl", "qwen2-7b-instruct", list(overrides)).steps[0]
        own = [word for word in words if "=" in word and not word.startswith(("--", "models@", "hydra."))]
        config = composed("qwen2-7b-instruct", "prl", *own)
        return config.reward.num_workers, config.actor_rollout_ref.rollout.agent.num_workers

    assert workers() == (8, 8)
    assert workers("trainer.nnodes=4") == (32, 32)
    assert workers("trainer.nnodes=4", "reward.num_workers=5") == (5, 32)


def test_sft_runs_under_torchrun():
    run = launch.trainer(composed("qwen2-7b-instruct", "sft", "trainer.nnodes=2"))
    assert {"--nproc_per_node=8", "--nnodes=2", "s2r_verl.sft.train"} <= set(run)
    plain = launch.trainer(composed("qwen2-7b-instruct", "sft", "s2r.beta=0"))
    assert "verl.trainer.sft_trainer" in plain
    assert "--standalone" in launch.trainer(composed("qwen2-7b-instruct", "sft"))


@pytest.mark.parametrize(("version", "said"), [("0.8.0", "needs verl >=0.9"), (None, "verl is not installed")])
def test_another_verl_is_refused_before_the_start(monkeypatch, version, said):
    monkeypatch.setattr(launch, "installed", lambda name: version)
    assert said in launch.problems(composed("qwen2-7b-instruct", "prl"))[0]


def test_an_untested_verl_that_moved_is_refused_and_one_that_did_not_only_warns(monkeypatch, capsys):
    monkeypatch.setattr(launch, "installed", lambda name: "0.10.0")
    monkeypatch.setattr(launch.contract, "broken", lambda: ["verl.x.f(a); expected (b)"])
    assert "verl.x.f" in launch.problems(composed("qwen2-7b-instruct", "sft"))[0]
    monkeypatch.setattr(launch.contract, "broken", list)
    assert not any("0.10.0" in problem for problem in launch.problems(composed("qwen2-7b-instruct", "sft")))
    assert "verl 0.10.0 was not tested" in capsys.readouterr().err


def test_a_column_that_cannot_be_graded_is_told_before_the_start(tmp_path):
    rows = rl_rows(4)
    rows[1]["reward_model"]["ground_truth"] = rows[3]["reward_model"]["ground_truth"] = None
    for name in ("rl", "rl_val"):
        write_parquet(tmp_path / f"{name}.parquet", rows)
    told = run_sh(RECIPES, "prl", "--model", "qwen2-7b-instruct", "--check", S2R_DATA=str(tmp_path))
    assert told.returncode == 1
    assert "2 of 4 golden answers cannot be graded (rows 2, 4)" in told.stderr
