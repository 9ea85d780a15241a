"""Stage 3: online RL at the outcome level (RLOO) or at the process level (reward-context baseline)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from s2r_rewards import (
    action_rewards,
    behaviour_metrics,
    outcome_advantages,
    outcome_reward,
    process_advantages,
)
from s2r_rewards.rollouts import RolloutWriter
from s2r_rewards.scoring import judge_rollouts, score_rollouts

from .evaluate import evaluate
from .policy import Advantages, Objective, make_batch, new_optimizer, schedule, update
from .responses import PRESET, extra_metrics, to_rollouts
from .sampler import Sampler
from .task import sample_problems
from .tokenizer import encode

if TYPE_CHECKING:
    from s2r_rewards.judging import JudgedTrajectory

    from .context import Context


def outcome_stage(context: Context) -> None:
    _train(context, outcome_level, context.config.online.kl_orl)


def process_stage(context: Context) -> None:
    _train(context, process_level, context.config.online.kl_prl)


def outcome_level(judged: Sequence[JudgedTrajectory], groups: Sequence[int]) -> Advantages:
    rewards = [outcome_reward(j, PRESET.no_end_penalty) for j in judged]
    return outcome_advantages(rewards, groups)


def process_level(judged: Sequence[JudgedTrajectory], groups: Sequence[int]) -> Advantages:
    """Contexts are shared by the whole batch (Eq. 4), so the groups play no part."""
    return process_advantages([action_rewards(j, PRESET.no_end_penalty) for j in judged], preset=PRESET)


def _train(
    context: Context, level: Callable[[Sequence[JudgedTrajectory], Sequence[int]], Advantages], beta: float
) -> None:
    config, settings = context.config, context.config.online
    policy, reference = context.folder.load("bi"), context.folder.load("bi").eval()
    optimizer = new_optimizer(policy, settings.lr)
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
            level(judged, groups),
            reference,
            [s.log_probs for s in samples],
        )
        stats = update(policy, optimizer, batch, objective, settings.minibatch, context.rng)
        with RolloutWriter(stored, append=step > 0) as writer:
            for rollout in score_rollouts(rollouts, preset=PRESET)[: settings.keep]:
                writer.write(rollout)
        log({"step": step + 1, **behaviour_metrics(judged), **extra_metrics(judged), **stats})
    context.folder.save(context.stage, policy)
    evaluate(context, policy)
