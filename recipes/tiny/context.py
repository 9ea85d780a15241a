"""What a stage works with: the run folder, its own random numbers, a place for metrics."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from .runfolder import RunFolder

Report = Callable[[int, int, str], None]
"""Progress: steps done, steps in all, a few words."""


@dataclass
class Context:
    folder: RunFolder
    stage: str
    report: Report

    def __post_init__(self) -> None:
        self.config = self.folder.config
        self.metrics: list[dict[str, Any]] = []
        # A function of the seed and the stage alone: neither order nor an interruption changes a stage's result.
        self.rng = np.random.default_rng([self.config.seed, zlib.crc32(self.stage.encode())])
        self.generator = torch.Generator().manual_seed(int(self.rng.integers(2**62)))

    def log(self, total: int, shown: str = "loss") -> Callable[[dict[str, float]], None]:
        """A callback for training loops: stores a step's metrics and moves the progress bar."""

        def on_step(row: dict[str, float]) -> None:
            self.metrics.append({"stage": self.stage, **row})
            self.report(int(row["step"]), total, f"{shown.rsplit('/', 1)[-1]} {row[shown]:.3f}")

        return on_step
