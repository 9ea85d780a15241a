"""Stage 3: online RL at the outcome level (RLOO) or at the process level (reward-context baseline)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from s2r_rewards import behaviour_metrics
from s2r_rewards.rollouts import RolloutWriter
from s2r_rewards.rollouts.scoring import judge_rollouts, score_rollouts

from ..data.responses import METHODS, extra_metrics, to_rollouts
from ..data.task import sample_problems
from ..data.tokenizer import encode
from ..learn.policy import Objective, advantages_of, make_batch, new_optimizer, schedule, update
from ..learn.sampler import Sampler
from .evaluate import finish

if TYPE_CHECKING:
    from ..context import Context


def run(context: Context) -> None:
    config, settings = context.config, context.config.online
    policy, reference = context.folder.load("bi"), context.folder.load("bi").eval()
    optimizer = new_optimizer(policy, settings.lr)
    beta = {"orl": settings.kl_orl, "prl": settings.kl_prl}[context.stage]
    objective = Objective(settings.clip, settings.ratio, beta)
    log = context.log(settings.steps, "s2r/outcome/accuracy")
    stored = context.folder.rollouts(context.stage)
    for step in range(settings.steps):
        for parameters in optimizer.param_groups:
            parameters["lr"] = settings.lr * schedule(step, settings.steps)
        drawn = sample_problems(settings.prompts, context.rng)
        problems = [p for p in drawn for _ in range(settings.samples)]
        groups = [i for i in range(settings.prompts) for _ in range(settings.samples)]
        prompts = [encode(p.prompt) for p in problems]
        samples = Sampler(policy)(prompts, config.max_tokens, settings.temperature, context.generator)
        rollouts = to_rollouts(problems, samples, step + 1)
        judged = judge_rollouts(rollouts)
        batch = make_batch(
            prompts,
            [s.ids for s in samples],
            judged,
            advantages_of(METHODS[context.stage], judged, groups),
            reference,
            [s.log_probs for s in samples],
        )
        stats = update(policy, optimizer, batch, objective, settings.minibatch, context.rng)
        with RolloutWriter(stored, append=step > 0) as writer:
            for rollout in score_rollouts(rollouts, METHODS["prl"])[: settings.keep]:
                writer.write(rollout)
        log({"step": step + 1, **behaviour_metrics(judged), **extra_metrics(judged), **stats})
    finish(context, policy)
