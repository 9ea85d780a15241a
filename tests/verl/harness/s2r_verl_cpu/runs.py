"""Start verl's own entry points with the flags that fit one CPU core."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

PPO_FLAGS = (
    "actor_rollout_ref.model.use_remove_padding=False",
    "actor_rollout_ref.model.enable_gradient_checkpointing=False",
    "+actor_rollout_ref.model.override_config.attn_implementation=sdpa",
    "actor_rollout_ref.actor.strategy=fsdp2",
    "actor_rollout_ref.ref.strategy=fsdp2",
    "actor_rollout_ref.actor.use_torch_compile=False",
    "actor_rollout_ref.actor.fsdp_config.use_torch_compile=False",
    "actor_rollout_ref.actor.use_dynamic_bsz=False",
    "actor_rollout_ref.actor.ppo_micro_batch_size_per_gpu=4",
    "actor_rollout_ref.ref.log_prob_micro_batch_size_per_gpu=4",
    "actor_rollout_ref.rollout.name=hf",
    "actor_rollout_ref.rollout.tensor_model_parallel_size=1",
    "actor_rollout_ref.rollout.log_prob_micro_batch_size_per_gpu=16",
    "actor_rollout_ref.rollout.agent.num_workers=1",
    "actor_rollout_ref.rollout.free_cache_engine=False",
    "data.dataloader_num_workers=0",
    "reward.num_workers=1",
    "trainer.device=cpu",
    "trainer.nnodes=1",
    "trainer.n_gpus_per_node=1",
    "transfer_queue.backend.SimpleStorage.num_data_storage_units=1",
    "ray_kwargs.ray_init.num_cpus=16",
    "+ray_kwargs.ray_init.num_gpus=1",
    "+ray_kwargs.ray_init.include_dashboard=False",
)
SFT_FLAGS = (
    "data.use_dynamic_bsz=False",
    "data.pad_mode=no_padding",
    "data.num_workers=0",
    "model.use_remove_padding=False",
    "model.enable_gradient_checkpointing=False",
    "+model.override_config.attn_implementation=sdpa",
    "engine.strategy=fsdp2",
    "engine.use_torch_compile=False",
    "trainer.device=cpu",
    "trainer.n_gpus_per_node=1",
)


def environment(**extra: str) -> dict[str, str]:
    return {
        **os.environ,
        "VERL_PLATFORM": "cpu",
        "OMP_NUM_THREADS": "1",
        "OMP_WAIT_POLICY": "passive",
        "HYDRA_FULL_ERROR": "1",
        "RAY_DEDUP_LOGS": "0",
        "RAY_USAGE_STATS_ENABLED": "0",
        "HF_HUB_OFFLINE": "1",
        "TOKENIZERS_PARALLELISM": "false",
        **extra,
    }


def ppo(*overrides: str, folder: Path, timeout: float = 900, **env: str) -> str:
    """verl.trainer.main_ppo; returns its whole output, raises with the end of it when the run fails."""
    return _run([sys.executable, "-m", "verl.trainer.main_ppo", *overrides], folder, timeout, env)


def sft(
    *overrides: str,
    folder: Path,
    timeout: float = 600,
    module: str = "verl.trainer.sft_trainer",
    processes: int = 1,
    **env: str,
) -> str:
    """An SFT trainer of verl's kind under torchrun."""
    launch = [sys.executable, "-m", "torch.distributed.run", "--standalone", f"--nproc_per_node={processes}"]
    return _run([*launch, "-m", module, *overrides], folder, timeout, env)


def _run(command: list[str], folder: Path, timeout: float, env: dict[str, str]) -> str:
    log = folder / "run.log"
    with open(log, "w", encoding="utf-8") as out:
        code = subprocess.run(
            command, cwd=folder, env=environment(**env), stdout=out, stderr=subprocess.STDOUT, timeout=timeout
        ).returncode
    text = log.read_text(encoding="utf-8", errors="replace")
    if code:
        raise RuntimeError(f"{' '.join(command[:4])} … exited with {code}; end of {log}:\n{text[-6000:]}")
    return text
