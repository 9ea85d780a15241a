"""Before stage 4: rollouts/offline.jsonl, some samples per prompt of the initialised model."""

from __future__ import annotations

from typing import TYPE_CHECKING

from s2r_rewards.rollouts import write_rollouts
from s2r_rewards.rollouts.scoring import score_rollouts

from ..data.responses import METHODS, to_rollouts
from ..data.task import sample_problems
from ..data.tokenizer import encode
from ..learn.sampler import Sampler

if TYPE_CHECKING:
    from ..context import Context


def run(context: Context) -> None:
    config, settings = context.config, context.config.offline
    distinct = dict.fromkeys(sample_problems(settings.prompts, context.rng))
    problems = [p for p in distinct for _ in range(settings.samples)]
    prompts = [encode(p.prompt) for p in problems]
    sampler = Sampler(context.folder.load("bi"))
    samples = sampler(prompts, config.max_tokens, settings.temperature, context.generator)
    rollouts = score_rollouts(to_rollouts(problems, samples), METHODS["prl"])
    write_rollouts(context.folder.rollouts("offline"), rollouts)
