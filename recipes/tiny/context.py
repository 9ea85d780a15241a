"""What a stage works with: the run folder, its models and own random numbers, a place for metrics."""

import os
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import nn

from s2r_rewards import behaviour_metrics
from s2r_rewards.rollouts import Rollout, write_rollouts
from s2r_rewards.rollouts.scoring import judge_rollouts

from .config import temperature_name
from .data.responses import Sample, extra_metrics, scored, to_rollouts
from .data.task import Problem, encode, held_out_problems
from .learn.model import new_model
from .learn.sampler import Sampler
from .runfolder import RunFolder


@dataclass
class Context:
    folder: RunFolder
    stage: str
    report: Callable[[int, int, str], None]
    """Progress: steps done, steps in all, a few words."""

    def __post_init__(self) -> None:
        self.config = self.folder.config
        self.metrics: list[dict[str, Any]] = []
        # A function of the seed and the stage alone: neither order nor an interruption changes a stage's result.
        self.rng = np.random.default_rng([self.config.seed, zlib.crc32(self.stage.encode())])
        self.device = torch.device(self.config.device)
        self.generator = torch.Generator(self.device).manual_seed(int(self.rng.integers(2**62)))

    def load(self, stage: str) -> nn.Module:
        """The model that an earlier stage left behind."""
        model = self.new_model()
        model.load_state_dict(torch.load(self.folder.checkpoint(stage), map_location=self.device, weights_only=True))
        return model

    def new_model(self) -> nn.Module:
        """Random weights, a function of the seed alone."""
        return new_model(self.config.model, self.config.seed).to(self.device)

    def respond(
        self,
        model: nn.Module,
        problems: Sequence[Problem],
        temperature: float,
        step: int | None = None,
        max_tokens: int | None = None,
    ) -> tuple[list[Sample], list[Rollout]]:
        """One response of the model to each problem, as sampled and in the library's format."""
        prompts = [encode(p.prompt) for p in problems]
        samples = Sampler(model)(prompts, max_tokens or self.config.max_tokens, temperature, self.generator)
        return samples, to_rollouts(problems, samples, step)

    def log(self, total: int, shown: str = "loss") -> Callable[[dict[str, float]], None]:
        """A callback for training loops: stores a step's metrics and moves the progress bar."""

        def on_step(row: dict[str, float]) -> None:
            self.metrics.append({"stage": self.stage, **row})
            self.report(int(row["step"]), total, f"{shown.rsplit('/', 1)[-1]} {row[shown]:.3f}")

        return on_step

    def finish(self, model: nn.Module) -> None:
        """A training stage's last step: saves its model and evaluates it on held-out problems."""
        path = self.folder.checkpoint(self.stage)
        torch.save(model.state_dict(), path.with_suffix(".tmp"))
        os.replace(path.with_suffix(".tmp"), path)
        self.evaluate(model)

    def evaluate(self, model: nn.Module, temperatures: Sequence[float] | None = None) -> None:
        """Adds one row of metrics per temperature and stores the scored rollouts."""
        settings = self.config.evaluation
        problems = held_out_problems(settings.problems)
        for temperature in temperatures or settings.temperatures:
            _, rollouts = self.respond(model, problems, temperature)
            judged = judge_rollouts(rollouts)
            metrics = behaviour_metrics(judged, levels=[p.level for p in problems]) | extra_metrics(judged)
            self.metrics.append({"stage": self.stage, "temperature": temperature, **metrics})
            name = f"{self.stage}-{temperature_name(temperature)}"
            write_rollouts(self.folder.rollouts(self.stage, name), scored(rollouts, judged))
