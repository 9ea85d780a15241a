"""One run of verl's PPO trainer with S2R, and what it left behind."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import torch

from s2r_verl_cpu import runs
from s2r_verl_cpu.assets import rl_rows, write_parquet
from s2r_verl_cpu.registries import recorded_rows

GOLD = "3"


@dataclass(frozen=True)
class Run:
    folder: Path
    output: str

    @property
    def rows(self) -> list[dict[str, torch.Tensor]]:
        return recorded_rows(self.folder / "dump")

    @property
    def logged(self) -> list[dict[str, float]]:
        lines = (self.folder / "metrics.jsonl").read_text().splitlines()
        return [json.loads(line)["data"] for line in lines]

    @property
    def train(self) -> list[dict[str, float]]:
        return [step for step in self.logged if "actor/pg_loss" in step]


def questions(count: int) -> list[dict]:
    """Sums whose answer is 3, so that a few steps are enough to learn it."""
    return [row for row in rl_rows(4 * count) if row["reward_model"]["ground_truth"] == GOLD][:count]


def train(folder: Path, model: Path, rows: list[dict], *overrides: str, prompts: int, n: int, **env: str) -> Run:
    (folder / "dump").mkdir(parents=True, exist_ok=True)
    output = runs.ppo(
        *runs.PPO_FLAGS,
        "trainer.v1.trainer_mode=s2r_sync",
        "reward.reward_manager.name=s2r",
        f"data.train_files={write_parquet(folder / 'train.parquet', rows)}",
        f"data.val_files={write_parquet(folder / 'val.parquet', questions(2))}",
        f"data.train_batch_size={prompts}",
        "data.max_prompt_length=32",
        "data.max_response_length=128",
        f"actor_rollout_ref.model.path={model}",
        "actor_rollout_ref.actor.optim.lr=5e-4",
        f"actor_rollout_ref.actor.ppo_mini_batch_size={prompts}",
        "actor_rollout_ref.actor.ppo_micro_batch_size_per_gpu=16",
        f"actor_rollout_ref.rollout.n={n}",
        "trainer.logger=[console,file]",
        f"trainer.default_local_dir={folder / 'checkpoints'}",
        *overrides,
        folder=folder,
        S2R_VERL_CPU_DUMP=str(folder / "dump"),
        VERL_FILE_LOGGER_PATH=str(folder / "metrics.jsonl"),
        **env,
    )
    return Run(folder, output)


def steps_of(rows, size):
    return [rows[i : i + size] for i in range(0, len(rows), size)]
