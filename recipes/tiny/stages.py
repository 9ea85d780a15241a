"""What runs in which order. A stage reads and writes the run folder alone, so it can run in any process."""

from __future__ import annotations

import time
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from . import base, evaluate, initialization, offline, online, sft
from .runfolder import RunFolder

Report = Callable[[int, int, str], None]
"""Progress: steps done, steps in all, a few words."""


@dataclass
class Context:
    """What a stage works with; its random numbers depend on the run's seed and the stage's name alone."""

    folder: RunFolder
    stage: str
    report: Report

    def __post_init__(self) -> None:
        self.config = self.folder.config
        self.metrics: list[dict[str, Any]] = []
        entropy = [self.config.seed, zlib.crc32(self.stage.encode())]
        self.rng = np.random.default_rng(entropy)
        self.generator = torch.Generator().manual_seed(int(self.rng.integers(2**62)))

    def log(self, total: int, text: str = "loss") -> Callable[[dict[str, float]], None]:
        """A callback for training loops: stores a step's metrics and moves the progress bar."""

        def on_step(row: dict[str, float]) -> None:
            self.metrics.append({"stage": self.stage, **row})
            self.report(int(row["step"]), total, f"{text.rsplit('/', 1)[-1]} {row[text]:.3f}")

        return on_step


@dataclass(frozen=True)
class Stage:
    run: Callable[[Context], None]
    needs: tuple[str, ...] = ()
    about: str = ""


STAGES = {
    "base": Stage(base.stage, (), "a base model: solves, divides, never verifies"),
    "data": Stage(initialization.stage, ("base",), "behaviour-initialisation data from its own samples"),
    "bi": Stage(sft.behaviour_stage, ("data",), "behaviour initialisation (SFT, eq. 1)"),
    "plain": Stage(sft.plain_stage, ("data",), "control: SFT on right solutions only"),
    "orl": Stage(online.outcome_stage, ("bi",), "online outcome-level RL (RLOO)"),
    "prl": Stage(online.process_stage, ("bi",), "online process-level RL (reward context)"),
    "rollouts": Stage(offline.rollouts_stage, ("bi",), "stored rollouts for offline RL"),
    "offline-orl": Stage(offline.outcome_stage, ("rollouts",), "offline outcome-level RL"),
    "offline-prl": Stage(offline.process_stage, ("rollouts",), "offline process-level RL"),
}
MODELS = tuple(name for name in STAGES if name not in ("data", "rollouts"))
