"""A model on held-out problems: greedy and at temperature 1, with the behaviour metrics by level."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from s2r_rewards.metrics import behaviour_metrics

from .responses import extra_metrics, judge_samples, write_rollouts
from .sampler import Sampler
from .summary import temperature_name
from .task import sample_problems
from .tokenizer import encode

if TYPE_CHECKING:
    from torch import nn

    from .stages import Context

PROBLEMS_SEED = 99  # every model of every seed answers the same problems


def evaluate(context: Context, model: nn.Module) -> None:
    """Adds one row of metrics per temperature and stores the scored rollouts."""
    config = context.config
    problems = sample_problems(config.evaluation.problems, np.random.default_rng(PROBLEMS_SEED), "test")
    prompts = [encode(p.prompt) for p in problems]
    for temperature in config.evaluation.temperatures:
        samples = Sampler(model)(prompts, config.max_tokens, temperature, context.generator)
        judged = judge_samples(problems, samples)
        metrics = behaviour_metrics(judged, levels=[p.level for p in problems]) | extra_metrics(judged)
        context.metrics.append({"stage": context.stage, "temperature": temperature, **metrics})
        name = f"{context.stage}-{temperature_name(temperature)}"
        write_rollouts(context.folder.path / "rollouts" / f"{name}.jsonl", problems, samples)
