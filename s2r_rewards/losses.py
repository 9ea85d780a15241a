"""Losses over actions (torch): the clipped objective of Eq. 6 and its relatives, the KL term of Eq. 5, and the SFT mask
of Eq. 1.

Shapes: B trajectories, T response tokens; ``action_ids`` [B, T] as from :func:`s2r_rewards.tensors.action_ids`
(−1: the token belongs to no action and is left out).
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from s2r_rewards.methods.objective import RATIOS, check_objective
from s2r_rewards.trajectory import Trajectory


def _same_shape(**tensors: Tensor) -> None:
    shapes = {name: tuple(t.shape) for name, t in tensors.items()}
    if len(set(shapes.values())) != 1 or any(len(shape) != 2 for shape in shapes.values()):
        raise ValueError(f"expected [B, T] tensors of one shape, found {shapes}")


def _units(ids: Tensor) -> tuple[Tensor, Tensor, int]:
    """(mask [B, T], the number of each token's action within the batch [B, T], how many numbers there are)."""
    mask = ids >= 0
    width = int(ids.max().item()) + 1 if ids.numel() and bool(mask.any()) else 1
    rows = torch.arange(ids.shape[0], device=ids.device).unsqueeze(1)
    return mask, rows * width + ids.clamp(min=0), ids.shape[0] * width


def sum_by_action(values: Tensor, action_ids: Tensor) -> tuple[Tensor, Tensor]:
    """(sums [B, A], token counts [B, A]) of token values [B, T] over actions, A the largest number of actions.

    Sums are kept in float32 at least: trainers hand over bfloat16, which loses whole tokens in a long sum.
    """
    _same_shape(values=values, action_ids=action_ids)
    values = values.to(torch.promote_types(values.dtype, torch.float32))
    mask, unit, size = _units(action_ids)
    sums = torch.zeros(size, dtype=values.dtype, device=values.device)
    counts = torch.zeros(size, dtype=values.dtype, device=values.device)
    sums = sums.index_add(0, unit[mask], values[mask])
    counts = counts.index_add(0, unit[mask], torch.ones_like(values[mask]))
    return sums.view(values.shape[0], -1), counts.view(values.shape[0], -1)


def action_log_ratio(log_ratio: Tensor, action_ids: Tensor, ratio: str = "action") -> Tensor:
    """[B, T]: the log-ratio that each token takes part with.

    ``"action"``: Σ over its action's tokens (Eq. 6: one ratio per action); ``"action_mean"``: their mean
    (length-normalised, tamer on long actions); ``"trajectory_mean"``: the mean over the trajectory (the authors'
    outcome loss); ``"token"``: its own (PPO).
    """
    if ratio not in RATIOS:
        raise ValueError(f"ratio is {ratio!r}; expected one of {RATIOS}")
    if ratio == "token":
        return log_ratio
    ids = action_ids if ratio != "trajectory_mean" else action_ids.clamp(max=0)
    sums, counts = sum_by_action(log_ratio, ids)
    if ratio != "action":
        sums = sums / counts.clamp(min=1)
    return sums.gather(1, ids.clamp(min=0)) * (action_ids >= 0)


def mean_over_actions(values: Tensor, action_ids: Tensor) -> Tensor:
    """Scalar: mean over trajectories of the mean over their actions of the mean over an action's tokens (Eq. 6).

    Trajectories without any action do not count.
    """
    totals, weights = by_response(values, action_ids)
    return totals.sum() / weights.sum().clamp(min=1)


def by_response(
    values: Tensor, action_ids: Tensor, average: str = "actions", divisor: float | None = None
) -> tuple[Tensor, Tensor]:
    """(totals [B], weights [B]): Σ totals / Σ weights is the average, over however many micro-batches the B lie.

    Args:
        values: [B, T].
        action_ids: [B, T].
        average: one of :data:`s2r_rewards.methods.objective.AVERAGES`.
        divisor: K in the place of the number of a response's actions (``actions``) or tokens (``tokens``; Dr. GRPO,
            arXiv:2503.20783). 1/|y| pays for short responses where they are good and for long ones where they are
            bad; a constant does not.
    """
    sums, counts = sum_by_action(values, action_ids)
    if average == "actions":
        totals, size = (sums / counts.clamp(min=1)).sum(1), (counts > 0).sum(1)
    else:
        totals, size = sums.sum(1), counts.sum(1)
    one = (counts > 0).any(1).to(totals.dtype)
    if divisor is not None:
        return totals / divisor, one
    if average == "tokens":
        return totals, size.to(totals.dtype)
    return totals / size.clamp(min=1), one


def response_losses(
    log_probs: Tensor,
    old_log_probs: Tensor,
    advantages: Tensor,
    action_ids: Tensor,
    clip: float | tuple[float, float] = 0.2,
    ratio: str = "action",
    *,
    objective: str = "clip",
    dual_clip: float | None = None,
    average: str = "actions",
    divisor: float | None = None,
    off_policy: Tensor | None = None,
) -> tuple[Tensor, Tensor, dict[str, float]]:
    """What :func:`action_policy_loss` averages: (losses [B], weights [B], stats).

    The loss of a mini-batch is Σ losses / Σ weights over all its micro-batches and ranks.
    """
    _same_shape(log_probs=log_probs, old_log_probs=old_log_probs, advantages=advantages, action_ids=action_ids)
    check_objective(ratio, clip, objective, dual_clip, average, divisor)
    mask = action_ids >= 0
    difference = torch.where(mask, log_probs - old_log_probs, 0.0)
    log_ratio = action_log_ratio(difference, action_ids, ratio).clamp(-20.0, 20.0)  # exp() stays finite
    rho = log_ratio.exp()
    low, high = clip if isinstance(clip, tuple) else (clip, clip)
    clipped = rho.clamp(1.0 - low, 1.0 + high)
    if objective == "cispo":
        terms = clipped.detach() * advantages * torch.where(mask, log_probs, 0.0)
        was_clipped = clipped != rho
    else:
        terms = torch.minimum(rho * advantages, clipped * advantages)
        was_clipped = clipped * advantages < rho * advantages
    if dual_clip is not None:
        terms = torch.where(advantages < 0, torch.maximum(terms, dual_clip * advantages), terms)
    if off_policy is not None:
        _same_shape(off_policy=off_policy, action_ids=action_ids)
        terms = torch.where(off_policy.bool(), shaped_probability(log_probs) * advantages, terms)
    totals, weights = by_response(terms, action_ids, average, divisor)
    with torch.no_grad():
        stats = {
            "clip_fraction": float(mean_over_actions(was_clipped.to(rho.dtype), action_ids)),
            "ratio_mean": float(mean_over_actions(rho, action_ids)),
            "approx_kl": float(-difference.sum() / mask.sum().clamp(min=1)),
        }
    return -totals, weights, stats


def action_policy_loss(
    log_probs: Tensor,
    old_log_probs: Tensor,
    advantages: Tensor,
    action_ids: Tensor,
    clip: float | tuple[float, float] = 0.2,
    ratio: str = "action",
    *,
    objective: str = "clip",
    dual_clip: float | None = None,
    average: str = "actions",
    divisor: float | None = None,
    off_policy: Tensor | None = None,
) -> tuple[Tensor, dict[str, float]]:
    """−E[1/|y|_a Σ_t min(ρ_t A_t, clip(ρ_t, 1−ε, 1+ε) A_t)], one ratio ρ_t per action (Eq. 6, arXiv:2502.12853).

    Every other setting is another method's; ``Method.loss_options`` holds a method's own.

    Args:
        log_probs: log π_θ of the tokens, [B, T].
        old_log_probs: log π_old, [B, T].
        advantages: constant within an action, [B, T] (:func:`s2r_rewards.tensors.spread`).
        action_ids: [B, T].
        clip: ε, or ε below and above 1 (DAPO's clip-higher: 0.2, 0.28); infinite: no clip on that side.
        ratio: see :func:`action_log_ratio`; ``trajectory_mean`` with ``average="responses"`` is GSPO's.
        objective: one of :data:`s2r_rewards.methods.objective.OBJECTIVES`.
        dual_clip: c > 1: where A < 0, no token counts for less than c·A.
        average: one of :data:`s2r_rewards.methods.objective.AVERAGES`.
        divisor: see :func:`by_response`.
        off_policy: [B, T], true for tokens of which π_old is not known; see :func:`shaped_probability`.

    Returns:
        (loss, stats); stats are floats: ``clip_fraction`` of actions, ``ratio_mean``, ``approx_kl`` per token.

    Raises:
        ValueError: shapes differ, or a setting that no loss can be made of.
    """
    losses, weights, stats = response_losses(
        log_probs,
        old_log_probs,
        advantages,
        action_ids,
        clip,
        ratio,
        objective=objective,
        dual_clip=dual_clip,
        average=average,
        divisor=divisor,
        off_policy=off_policy,
    )
    return losses.sum() / weights.sum().clamp(min=1), stats


def shaped_probability(log_probs: Tensor, gamma: float = 0.1) -> Tensor:
    """f(π) = π/(π + γ) of tokens that another policy wrote, in the place of a ratio (Critique-GRPO, arXiv:2506.03106)."""
    probability = log_probs.clamp(max=0.0).exp()
    return probability / (probability + gamma)


def kl_penalised(
    advantages: Tensor, log_probs: Tensor, ref_log_probs: Tensor, action_ids: Tensor, beta: float
) -> Tensor:
    """A(a_t) − β log(π(a_t)/π_ref(a_t)), the log-ratio summed over the action (Eq. 5), [B, T].

    For the outcome level (KL per sequence) pass ``action_ids.clamp(max=0)``: the whole response is one action.
    The log-ratio is a constant here; no gradient flows through it.
    """
    _same_shape(advantages=advantages, log_probs=log_probs, ref_log_probs=ref_log_probs, action_ids=action_ids)
    log_ratio = action_log_ratio((log_probs - ref_log_probs).detach(), action_ids, "action")
    return (advantages - beta * log_ratio) * (action_ids >= 0)


def trained_actions(trajectory: Trajectory) -> tuple[bool, ...]:
    """δ(a_t) of Eq. 1, per action: every verification, the **last** attempt and ``end``; no earlier attempt."""
    attempts = [i for i, action in enumerate(trajectory.actions) if action.kind == "solve"]
    last = attempts[-1] if attempts else -1
    return tuple(action.kind != "solve" or i == last for i, action in enumerate(trajectory.actions))


def sft_mask(trajectory: Trajectory, spans: Sequence[tuple[int, int]], length: int) -> Tensor:
    """δ of Eq. 1 over tokens, [T] of 0/1, from the token spans of all actions."""
    if len(spans) != len(trajectory.actions):
        raise ValueError(f"{len(spans)} spans for {len(trajectory.actions)} actions; expected one each")
    mask = torch.zeros(length)
    for trained, (first, end) in zip(trained_actions(trajectory), spans, strict=True):
        mask[first:end] = float(trained)
    return mask


def nll_and_kl(logits: Tensor, labels: Tensor, ref_logits: Tensor | None, chunk: int = 1024) -> tuple[Tensor, Tensor]:
    """(−log π(label), KL(π ‖ π_ref) over the whole vocabulary), [N] each, in float32 at least.

    Args:
        logits: [N, V], at N tokens that are trained.
        labels: the tokens that they predict, [N].
        ref_logits: of the frozen reference at the same places, [N, V]; None: the KL is 0.
        chunk: so many tokens at a time; only one chunk's probabilities are kept, and made again in the backward pass.
    """
    if ref_logits is None:
        wide = logits.to(torch.promote_types(logits.dtype, torch.float32))
        nll = torch.nn.functional.cross_entropy(wide, labels, reduction="none")
        return nll, torch.zeros_like(nll)
    if ref_logits.shape != logits.shape:
        raise ValueError(
            f"the reference gave logits {tuple(ref_logits.shape)}, the model {tuple(logits.shape)}; expected one "
            "vocabulary: start both from the same model"
        )
    found: list[tuple[Tensor, Tensor]] = []
    for at in range(0, len(labels), chunk):
        part = slice(at, at + chunk)
        given = logits[part], labels[part], ref_logits[part].detach()
        found.append(checkpoint(_nll_and_kl, *given, use_reentrant=False))
    if not found:
        nothing = logits.flatten()[:0].to(torch.promote_types(logits.dtype, torch.float32))
        return nothing, nothing
    parts = zip(*found, strict=True)
    return torch.cat(next(parts)), torch.cat(next(parts))


def full_kl(logits: Tensor, ref_logits: Tensor, chunk: int = 1024) -> Tensor:
    """KL(π ‖ π_ref) over the whole vocabulary, [N], where a trainer computes the NLL itself; as in :func:`nll_and_kl`."""
    return nll_and_kl(logits, logits.new_zeros(len(logits), dtype=torch.long), ref_logits, chunk)[1]


def _nll_and_kl(logits: Tensor, labels: Tensor, ref_logits: Tensor) -> tuple[Tensor, Tensor]:
    dtype = torch.promote_types(logits.dtype, torch.float32)
    log_probs = torch.log_softmax(logits.to(dtype), dim=-1)
    nll = -log_probs.gather(-1, labels.unsqueeze(-1)).squeeze(-1)
    ref = torch.log_softmax(ref_logits.to(dtype), dim=-1)
    return nll, (log_probs.exp() * (log_probs - ref)).sum(-1)


def sft_loss(
    logits: Tensor,
    labels: Tensor,
    mask: Tensor,
    ref_logits: Tensor | None = None,
    beta: float = 0.0,
    divisor: float | None = None,
) -> tuple[Tensor, dict[str, float]]:
    """Σ δ (−log π(token) + β KL(π ‖ π_ref)) / divisor: Eq. 1 with its KL term (§2.2, arXiv:2502.12853).

    Eq. 1 is a mean over examples of a *sum* over actions, so divisor = B; the authors' code and every trainer here take
    the mean over trained tokens, divisor = Σ δ, which weighs long examples alike with short ones, token by token. A part
    of a mini-batch is given the divisor of the whole one: then its parts add up to the same loss, however it is cut.

    Args:
        logits: [B, T, V]; position t predicts ``labels[:, t]``.
        labels: [B, T].
        mask: δ of the labels, [B, T] of 0/1 (:func:`sft_mask`).
        ref_logits: of the frozen reference model, [B, T, V]; needed where β > 0.
        beta: β, 0.1 in the paper (0.01 for Qwen2.5-Math-7B).
        divisor: default: the trained tokens of what is given.

    Returns:
        (loss, stats): ``nll`` and ``kl`` are the two terms under the same divisor, without β.
    """
    _same_shape(labels=labels, mask=mask)
    if beta and ref_logits is None:
        raise ValueError(f"beta is {beta}, but there are no logits of a reference model; give ref_logits or beta=0")
    at = mask.bool()
    nll, kl = nll_and_kl(logits[at], labels[at], None if ref_logits is None else ref_logits[at])
    count = max(float(at.sum()) if divisor is None else divisor, 1.0)
    terms = nll.sum() / count, kl.sum() / count
    return terms[0] + beta * terms[1], {"nll": float(terms[0].detach()), "kl": float(terms[1].detach())}
