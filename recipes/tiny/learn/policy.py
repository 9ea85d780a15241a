"""What online and offline RL share: sampled responses as tensors, and one pass of clipped policy updates."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from s2r_rewards import JudgedTrajectory, Method
from s2r_rewards.baselines import RunningBaseline
from s2r_rewards.losses import action_policy_loss, by_response, kl_penalised
from s2r_rewards.tensors import action_ids, spread
from s2r_rewards.tokens import token_spans
from s2r_rewards.trajectory import Action

from ..config import OfflineConfig, OnlineConfig
from ..data.task import tokenizer
from .model import GRADIENT_NORM, pad, response_log_probs

MICRO_BATCH = 64


def advantages_of(
    method: Method,
    judged: Sequence[JudgedTrajectory],
    groups: Sequence[Hashable] | None = None,
    accuracy: Sequence[float] | None = None,
    state: RunningBaseline | None = None,
) -> Sequence[Sequence[float]]:
    """What the method makes of a batch: one number per response (outcome) or per attempt and verification (process).

    `groups`: the prompt of each response; `accuracy`: that of its prompt, where more is known than the batch shows.
    """
    if method.level == "outcome":
        outcomes = [method.outcome(j) for j in judged]
        return [(a,) for a in method.outcome_advantages(outcomes, groups, accuracy, state)]
    scored = [method.score(j, tokens=spans_of(method, j)) for j in judged]
    return method.advantages(scored, groups, accuracy, state)


def spans_of(method: Method, judged: JudgedTrajectory) -> tuple[tuple[int, int], ...]:
    """Where the trained actions stand among the response's tokens."""
    responses = tokenizer().encode(judged.trajectory.text)
    if method.level == "outcome":  # the whole response, end token included, is one action
        return ((0, len(responses)),)
    return token_spans(responses, tokenizer(), [(a.start, a.end) for a in actions_of(method, judged)])


def actions_of(method: Method, judged: JudgedTrajectory) -> tuple[Action, ...]:
    """The |y|_a actions of Eq. 6; `end` among them, with the advantage 0, where the method counts it."""
    return judged.trajectory.actions if method.count_end else judged.trajectory.scored


@dataclass(frozen=True)
class Batch:
    """B responses of at most T tokens. Rows are trained as one action (outcome) or as many (process).

    A whole batch stays in main memory; its micro-batches go to the model.
    """

    prompts: Tensor  # [B, P]
    responses: Tensor  # [B, T]
    lengths: Tensor  # [B]
    old_log_probs: Tensor  # [B, T]
    ref_log_probs: Tensor  # [B, T]
    advantages: Tensor  # [B, T], constant within an action
    action_ids: Tensor  # [B, T], -1 outside of every trained action

    def __len__(self) -> int:
        return len(self.lengths)

    def to(self, device: torch.device) -> Batch:
        return Batch(**{f.name: getattr(self, f.name).to(device) for f in fields(self)})

    def rows(self, index: Tensor) -> Batch:
        """Some rows, cut to the longest of them."""
        width = int(self.lengths[index].max())
        parts = {f.name: getattr(self, f.name)[index] for f in fields(self)}
        return Batch(**{k: v if k in ("prompts", "lengths") else v[:, :width] for k, v in parts.items()})


def make_batch(
    method: Method,
    prompts: Sequence[str],
    judged: Sequence[JudgedTrajectory],
    advantages: Sequence[Sequence[float]],
    reference: nn.Module,
    old_log_probs: list[list[float]] | None = None,
) -> Batch:
    """Without `old_log_probs` the policy is taken to be the reference; `renewed` mends that."""
    responses = [tokenizer().encode(j.trajectory.text) for j in judged]
    ids = pad(responses)
    spans = [spans_of(method, j) for j in judged]
    width = ids.shape[1]
    batch = Batch(
        prompts=torch.tensor([tokenizer().encode(p) for p in prompts]),
        responses=ids,
        lengths=torch.tensor([len(r) for r in responses]),
        old_log_probs=torch.zeros(ids.shape),
        ref_log_probs=torch.zeros(ids.shape),
        advantages=spread(advantages, spans, width),
        action_ids=action_ids(spans, width),
    )
    ref = _log_probs(reference, batch)
    old = ref if old_log_probs is None else pad(old_log_probs, 0.0)
    return replace(batch, ref_log_probs=ref, old_log_probs=old)


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
    settings: OnlineConfig | OfflineConfig,
    method: Method,
    beta: float,
    rng: np.random.Generator,
) -> dict[str, float]:
    """One pass over the batch in shuffled mini-batches: the clipped objective of eq. 6, with the KL to the reference
    inside the advantage (eq. 5)."""
    penalised = kl_penalised(batch.advantages, batch.old_log_probs, batch.ref_log_probs, batch.action_ids, beta)
    batch = replace(batch, advantages=penalised)
    totals: dict[str, float] = defaultdict(float)
    policy.train()
    minibatches = torch.from_numpy(rng.permutation(len(batch))).split(settings.minibatch)
    weights = _weights(batch, loss_options(settings, method))
    for index in minibatches:
        whole = max(float(weights[index].sum()), 1.0)
        for micro in _by_length(batch, index, MICRO_BATCH):
            loss, stats = loss_of(policy, batch.rows(micro), settings, method)
            share = float(weights[micro].sum()) / whole
            (loss * share).backward()
            for name, value in stats.items():
                totals[name] += share * value
        totals["gradient_norm"] += float(nn.utils.clip_grad_norm_(policy.parameters(), GRADIENT_NORM))
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
    distance = ((batch.old_log_probs - batch.ref_log_probs) * (batch.action_ids >= 0)).sum() / len(batch)
    return {f"tiny/{k}": v / len(minibatches) for k, v in totals.items()} | {"tiny/kl_to_reference": float(distance)}


def loss_of(
    policy: nn.Module, batch: Batch, settings: OnlineConfig | OfflineConfig, method: Method
) -> tuple[Tensor, dict[str, float]]:
    batch = batch.to(next(policy.parameters()).device)
    log_probs = response_log_probs(policy, batch.prompts, batch.responses)
    options = loss_options(settings, method)
    return action_policy_loss(log_probs, batch.old_log_probs, batch.advantages, batch.action_ids, **options)


def loss_options(settings: OnlineConfig | OfflineConfig, method: Method) -> dict[str, Any]:
    """The method's, with the settings' ratio and clip in their place; an empty ratio leaves both to the method."""
    options = {"clip": settings.clip, **method.loss_options}
    return {**options, "ratio": settings.ratio, "clip": settings.clip} if settings.ratio else options


def _weights(batch: Batch, options: dict[str, Any]) -> Tensor:
    """[B]: what each response counts in the mean that is the loss; Eq. 6 counts those that have actions."""
    return by_response(batch.advantages, batch.action_ids, options["average"], options["divisor"])[1]


def _log_probs(model: nn.Module, batch: Batch) -> Tensor:
    out = torch.zeros(batch.responses.shape)
    with torch.no_grad():
        for micro in _by_length(batch, torch.arange(len(batch)), 4 * MICRO_BATCH):
            part = batch.rows(micro).to(next(model.parameters()).device)
            values = response_log_probs(model, part.prompts, part.responses)
            out[micro, : values.shape[1]] = values.to(out.device)
    return out


def _by_length(batch: Batch, index: Tensor, size: int) -> Iterator[Tensor]:
    """Micro-batches of similar lengths: little padding."""
    yield from index[batch.lengths[index].argsort(stable=True)].split(size)
