"""What online and offline RL share: sampled responses as tensors, and one pass of clipped policy updates."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, replace
from typing import cast

import numpy as np
import torch
from torch import Tensor, nn

from s2r_rewards import JudgedTrajectory, Method
from s2r_rewards.losses import action_policy_loss, kl_penalised
from s2r_rewards.tensors import action_ids, spread
from s2r_rewards.tokens import token_spans

from ..data.tokenizer import tokenizer
from .model import pad, response_log_probs
from .training import GRADIENT_NORM

MICRO_BATCH = 64
Advantages = Sequence[float] | Sequence[Sequence[float]]
"""One per response (outcome level), or one per attempt and verification of each response (process level)."""


def advantages_of(method: Method, judged: Sequence[JudgedTrajectory], groups: Sequence[float]) -> Advantages:
    """What the method makes of a batch; `groups`: the prompt of each response online, its prompt's accuracy offline."""
    if method.level == "outcome":
        return method.outcome_advantages([method.outcome(j) for j in judged], groups)
    return method.advantages(judged, accuracy=groups)


@dataclass(frozen=True)
class Batch:
    """B responses of at most T tokens. Rows are trained as one action (outcome) or as many (process)."""

    prompts: Tensor  # [B, P]
    responses: Tensor  # [B, T]
    lengths: Tensor  # [B]
    old_log_probs: Tensor  # [B, T]
    ref_log_probs: Tensor  # [B, T]
    advantages: Tensor  # [B, T], constant within an action
    action_ids: Tensor  # [B, T], -1 outside of every trained action

    def __len__(self) -> int:
        return len(self.lengths)

    def rows(self, index: Tensor) -> Batch:
        """Some rows, cut to the longest of them."""
        width = int(self.lengths[index].max())
        parts = {f.name: getattr(self, f.name)[index] for f in fields(self)}
        return Batch(**{k: v if k in ("prompts", "lengths") else v[:, :width] for k, v in parts.items()})


def make_batch(
    prompts: list[list[int]],
    responses: list[list[int]],
    judged: Sequence[JudgedTrajectory],
    advantages: Advantages,
    reference: nn.Module,
    old_log_probs: list[list[float]] | None = None,
) -> Batch:
    """Without `old_log_probs` the policy is taken to be the reference; `renewed` mends that."""
    ids = pad(responses)
    spans: list[tuple[tuple[int, int], ...]]
    values: list[Sequence[float]]
    if isinstance(advantages[0], float):  # the whole response, end token included, is one action
        spans = [((0, len(r)),) for r in responses]
        values = [(a,) for a in cast("Sequence[float]", advantages)]
    else:  # `end` earns nothing and has no advantage
        values = list(cast("Sequence[Sequence[float]]", advantages))
        spans = [
            token_spans(r, tokenizer(), [(a.start, a.end) for a in j.trajectory.scored])
            for r, j in zip(responses, judged, strict=True)
        ]
    width = ids.shape[1]
    batch = Batch(
        prompts=torch.tensor(prompts),
        responses=ids,
        lengths=torch.tensor([len(r) for r in responses]),
        old_log_probs=torch.zeros(ids.shape),
        ref_log_probs=torch.zeros(ids.shape),
        advantages=spread(values, spans, width),
        action_ids=action_ids(spans, width),
    )
    ref = _log_probs(reference, batch)
    old = ref if old_log_probs is None else pad(old_log_probs, 0.0)
    return replace(batch, ref_log_probs=ref, old_log_probs=old)


@dataclass(frozen=True)
class Objective:
    """The clipped objective (eq. 6) with the KL to the reference inside the advantage (eq. 5)."""

    clip: float
    ratio: str
    beta: float


def new_optimizer(policy: nn.Module, lr: float) -> torch.optim.Optimizer:
    return torch.optim.AdamW(policy.parameters(), lr, betas=(0.9, 0.98), weight_decay=0.0, fused=True)


def schedule(step: int, steps: int) -> float:
    """Three steps of warm-up, then a straight line down to a tenth."""
    return min(1.0, (step + 1) / 3) * (1 - 0.9 * step / steps)


def renewed(batch: Batch, policy: nn.Module) -> Batch:
    """The batch with the current policy as π_old: what stored rollouts need before they are trained on."""
    return replace(batch, old_log_probs=_log_probs(policy, batch))


def update(
    policy: nn.Module,
    optimizer: torch.optim.Optimizer,
    batch: Batch,
    objective: Objective,
    minibatch: int,
    rng: np.random.Generator,
) -> dict[str, float]:
    """One pass over the batch in shuffled mini-batches."""
    penalised = kl_penalised(
        batch.advantages, batch.old_log_probs, batch.ref_log_probs, batch.action_ids, objective.beta
    )
    batch = replace(batch, advantages=penalised)
    totals: dict[str, float] = {}
    updates = 0
    policy.train()
    for index in torch.from_numpy(rng.permutation(len(batch))).split(minibatch):
        for micro in _by_length(batch, index, MICRO_BATCH):
            part = batch.rows(micro)
            loss, stats = loss_of(policy, part, objective)
            share = len(micro) / len(index)
            (loss * share).backward()
            for name, value in stats.items():
                totals[name] = totals.get(name, 0.0) + share * value
        norm = nn.utils.clip_grad_norm_(policy.parameters(), GRADIENT_NORM)
        totals["gradient_norm"] = totals.get("gradient_norm", 0.0) + float(norm)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        updates += 1
    distance = ((batch.old_log_probs - batch.ref_log_probs) * (batch.action_ids >= 0)).sum() / len(batch)
    return {f"tiny/{k}": v / updates for k, v in totals.items()} | {"tiny/kl_to_reference": float(distance)}


def loss_of(policy: nn.Module, batch: Batch, objective: Objective) -> tuple[Tensor, dict[str, float]]:
    log_probs = response_log_probs(policy, batch.prompts, batch.responses)
    return action_policy_loss(
        log_probs, batch.old_log_probs, batch.advantages, batch.action_ids, clip=objective.clip, ratio=objective.ratio
    )


def _log_probs(model: nn.Module, batch: Batch) -> Tensor:
    out = torch.zeros(batch.responses.shape)
    with torch.no_grad():
        for micro in _by_length(batch, torch.arange(len(batch)), 4 * MICRO_BATCH):
            part = batch.rows(micro)
            values = response_log_probs(model, part.prompts, part.responses)
            out[micro, : values.shape[1]] = values
    return out


def _by_length(batch: Batch, index: Tensor, size: int) -> Iterator[Tensor]:
    """Micro-batches of similar lengths: little padding."""
    yield from index[batch.lengths[index].argsort(stable=True)].split(size)
