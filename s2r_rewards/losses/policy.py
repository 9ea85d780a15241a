"""Losses over actions: the clipped objective of Eq. 6 and its relatives, and the KL term of Eq. 5.

Shapes: B trajectories, T response tokens; ``action_ids`` [B, T] as from :func:`s2r_rewards.tensors.action_ids`
(−1: the token belongs to no action and is left out).
"""

from __future__ import annotations

import torch
from torch import Tensor

from s2r_rewards.methods.objective import RATIOS, check_objective


def same_shape(**tensors: Tensor) -> None:
    """ValueError unless all are [B, T] of one shape."""
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
    same_shape(values=values, action_ids=action_ids)
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
    same_shape(log_probs=log_probs, old_log_probs=old_log_probs, advantages=advantages, action_ids=action_ids)
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
        same_shape(off_policy=off_policy, action_ids=action_ids)
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
    same_shape(advantages=advantages, log_probs=log_probs, ref_log_probs=ref_log_probs, action_ids=action_ids)
    log_ratio = action_log_ratio((log_probs - ref_log_probs).detach(), action_ids, "action")
    return (advantages - beta * log_ratio) * (action_ids >= 0)
