"""A model on held-out problems: greedy and at temperature 1, with the behaviour metrics by level."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from s2r_rewards import behaviour_metrics
from s2r_rewards.rollouts import write_rollouts
from s2r_rewards.rollouts.scoring import judge_rollouts, score_rollouts

from ..config import temperature_name
from ..data.responses import METHODS, extra_metrics, to_rollouts
from ..data.task import sample_problems
from ..data.tokenizer import encode
from ..learn.sampler import Sampler

if TYPE_CHECKING:
    from torch import nn

    from ..context import Context

PROBLEMS_SEED = 99  # every model of every seed answers the same problems


def finish(context: Context, model: nn.Module) -> None:
    """A stage's last step: saves its model, adds one row of metrics per temperature, stores the scored rollouts."""
    config = context.config
    context.folder.save(context.stage, model)
    problems = sample_problems(config.evaluation.problems, np.random.default_rng(PROBLEMS_SEED), "test")
    prompts = [encode(p.prompt) for p in problems]
    for temperature in config.evaluation.temperatures:
        samples = Sampler(model)(prompts, config.max_tokens, temperature, context.generator)
        rollouts = to_rollouts(problems, samples)
        judged = judge_rollouts(rollouts)
        metrics = behaviour_metrics(judged, levels=[p.level for p in problems]) | extra_metrics(judged)
        context.metrics.append({"stage": context.stage, "temperature": temperature, **metrics})
        name = f"{context.stage}-{temperature_name(temperature)}"
        write_rollouts(context.folder.rollouts(name), score_rollouts(rollouts, METHODS["prl"]))
