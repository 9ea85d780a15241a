"""Stage 4: offline RL from stored rollouts of the initialised model (appendix F, arXiv:2502.12853)."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from s2r_rewards import JudgedTrajectory, Verdict, parse
from s2r_rewards.datasets.offline import Decision, PromptCounts, decide, in_band
from s2r_rewards.rollouts import Rollout, read_rollouts
from s2r_rewards.rollouts.scoring import judge_rollouts

from ..data.responses import METHODS
from ..data.tokenizer import END_TEXT, tokenizer
from ..learn.policy import Objective, advantages_of, make_batch, new_optimizer, renewed, schedule, update
from .evaluate import finish

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor

    from ..config import OfflineConfig
    from ..context import Context

MAX_ACTIONS = 10  # as the released code's limit works out


@dataclass(frozen=True)
class Stored:
    """One rollout that is learned from, cut behind its confirmed right attempt."""

    prompt: str
    accuracy: float
    judged: JudgedTrajectory


def run(context: Context) -> None:
    settings = context.config.offline
    stored, fates = select(list(read_rollouts(context.folder.rollouts("offline"))), settings)
    context.metrics.append({"stage": context.stage, **{f"tiny/{k}": float(v) for k, v in fates.items()}})
    policy, reference = context.folder.load("bi"), context.folder.load("bi").eval()
    prompts = [tokenizer().encode(s.prompt) for s in stored]
    responses = [tokenizer().encode(s.judged.trajectory.text) for s in stored]
    judged = [s.judged for s in stored]
    advantages = advantages_of(METHODS[context.stage], judged, [s.accuracy for s in stored])
    batch = make_batch(prompts, responses, judged, advantages, reference)
    optimizer = new_optimizer(policy, settings.lr)
    objective = Objective(settings.clip, settings.ratio, settings.kl)
    chunks = [c for _ in range(settings.passes) for c in _shuffled(len(batch), settings.batch, context.rng)]
    log = context.log(len(chunks), "tiny/kl_to_reference")
    for step, index in enumerate(chunks):
        for parameters in optimizer.param_groups:
            parameters["lr"] = settings.lr * schedule(step, len(chunks))
        part = renewed(batch.rows(index), policy)
        stats = update(policy, optimizer, part, objective, settings.minibatch, context.rng)
        log({"step": step + 1, **stats})
    finish(context, policy)


def _shuffled(count: int, size: int, rng: np.random.Generator) -> tuple[Tensor, ...]:
    return torch.from_numpy(rng.permutation(count)).split(size)


def select(rollouts: Sequence[Rollout], settings: OfflineConfig) -> tuple[list[Stored], Counter[str]]:
    """Prompts of middling accuracy; rollouts that alternate, cut where they are done; as many wrong as right.

    Returns the rollouts to learn from, and how many met which fate.
    """
    judged = judge_rollouts(rollouts)
    decisions = [_decide(j) for j in judged]
    prompts: dict[str, PromptCounts] = defaultdict(PromptCounts)
    for rollout, j, decision in zip(rollouts, judged, decisions, strict=True):
        prompts[rollout.problem_id].add(j.last_correct, decision.reason is None, any(j.correct))
    kept: list[Stored] = []
    fates: Counter[str] = Counter()
    for rollout, j, decision in zip(rollouts, judged, decisions, strict=True):
        prompt = prompts[rollout.problem_id]
        if not in_band(prompt.accuracy, settings.low, settings.high):
            fates["prompt_out_of_band"] += 1
        elif decision.reason:
            fates[decision.reason] += 1
        elif not any(j.correct) and not prompt.take_wrong():
            fates["balanced_out"] += 1
        else:
            fates["truncated" if decision.truncated else "kept_whole"] += 1
            kept.append(Stored(rollout.prompt, prompt.accuracy, _cut(j, decision)))
    return kept, fates


def _decide(judged: JudgedTrajectory) -> Decision:
    trajectory = judged.trajectory
    confirmed = [v.verdict is Verdict.CORRECT for v in trajectory.verifications]
    return decide(judged.correct, confirmed, trajectory.codes, mode="truncate", max_actions=MAX_ACTIONS)


def _cut(judged: JudgedTrajectory, decision: Decision) -> JudgedTrajectory:
    """The trajectory with its first actions only, ended there."""
    if not decision.truncated:
        return judged
    trajectory = judged.trajectory
    text = trajectory.text[: trajectory.actions[decision.actions - 1].end].rstrip() + END_TEXT
    shorter = parse(text)
    return JudgedTrajectory(shorter, judged.gold, judged.checks[: len(shorter.attempts)])
