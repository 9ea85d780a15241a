"""Behaviour metrics and alarms to Weights & Biases or TensorBoard, under the declared names.

Inside verl, OpenRLHF and TRL the metrics already go through the framework's own tracker; these are for
scripts and for stored rollouts (`s2r stats --tensorboard`).
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping, Sequence
from typing import Any, Protocol

from s2r_rewards.alarms import alarm_metrics, find_alarms
from s2r_rewards.judging import JudgedTrajectory
from s2r_rewards.metrics import behaviour_metrics


class Tracker(Protocol):
    """Where metrics go."""

    def log(self, metrics: Mapping[str, float], step: int) -> None:
        """Record the finite values of `metrics` at a training step."""

    def close(self) -> None:
        """Flush what is pending."""


class TensorBoardTracker:
    """Scalars in a TensorBoard log directory (needs torch and tensorboard)."""

    def __init__(self, log_dir: str) -> None:
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ImportError as error:
            raise ImportError("TensorBoard logs need torch and tensorboard: pip install torch tensorboard") from error
        self._writer: Any = SummaryWriter(log_dir)

    def log(self, metrics: Mapping[str, float], step: int) -> None:
        """Write one scalar per finite metric."""
        for name, value in finite(metrics).items():
            self._writer.add_scalar(name, value, step)

    def close(self) -> None:
        """Flush and close the event file."""
        self._writer.close()


class WandbTracker:
    """A Weights & Biases run: the one given, the current one, or a new one made with `settings`."""

    def __init__(self, run: Any = None, **settings: Any) -> None:
        try:
            import wandb
        except ImportError as error:
            raise ImportError("Weights & Biases needs its package: pip install wandb") from error
        self._own = run is None and wandb.run is None
        self._run: Any = run or wandb.run or wandb.init(**settings)

    def log(self, metrics: Mapping[str, float], step: int) -> None:
        """Log the finite metrics at a step."""
        self._run.log(finite(metrics), step=step)

    def close(self) -> None:
        """Finish the run if it was made here."""
        if self._own:
            self._run.finish()


def log_batch(
    tracker: Tracker,
    judged: Sequence[JudgedTrajectory],
    step: int,
    prompts: Sequence[str] | None = None,
    levels: Sequence[Hashable] | None = None,
) -> dict[str, float]:
    """Log the behaviour metrics and alarms of a batch of B judged trajectories; returns them all, nan included."""
    metrics = {**behaviour_metrics(judged, levels), **alarm_metrics(find_alarms(judged, prompts))}
    tracker.log(metrics, step)
    return metrics


def finite(metrics: Mapping[str, float]) -> dict[str, float]:
    """Without the ratios that have no cases: a gap in a curve, not a zero."""
    return {name: float(value) for name, value in metrics.items() if math.isfinite(value)}
