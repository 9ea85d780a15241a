"""Policy loss ``s2r_action``: Eq. 6 of arXiv:2502.12853, one ratio per action.

verl hands a policy loss only log-probabilities, advantages and the mask. Where one action ends and the next
begins cannot be read from those (neighbours often have equal advantages), so the agent loop stores each
token's action (``s2r_action_ids``) beside the sample, and :func:`loss_with_actions`, which the trainer sets
as the actor's loss, keeps them at hand while verl's own ``ppo_loss`` calls :func:`action_loss`. KL loss and
entropy stay verl's.
"""

from __future__ import annotations

from contextvars import ContextVar
from typing import Any

import torch
from torch import Tensor
from verl.trainer.ppo.core_algos import agg_loss, register_policy_loss

from s2r_rewards.losses import action_policy_loss
from s2r_verl.options import ConfigError
from s2r_verl.records import ACTION_IDS

NEEDS = (
    "policy loss s2r_action needs the boundaries of actions: set trainer.v1.trainer_mode=s2r_sync and "
    "actor_rollout_ref.rollout.agent.default_agent_loop=s2r_agent (or s2r_replay)"
)
Clip = float | tuple[float, float]
"""ε, or ε below and above 1."""
_actions: ContextVar[tuple[Tensor, str, Clip | None]] = ContextVar("s2r_actions")


def loss_with_actions(
    model_output: Any,
    data: Any,
    dp_group: Any = None,
    *,
    config: Any,
    ratio: str,
    clip: Clip | None = None,
) -> tuple[Tensor, dict[str, Any]]:
    """verl's ``ppo_loss`` on one micro-batch, with its actions, ratio and clip (None: verl's) at hand."""
    from verl.workers.utils.losses import ppo_loss

    if ACTION_IDS not in data:
        raise ConfigError(NEEDS)
    ids = data[ACTION_IDS]
    ids = ids.to_padded_tensor(0) if ids.is_nested else ids
    token = _actions.set((ids, ratio, clip))
    try:
        loss, metrics = ppo_loss(config=config, model_output=model_output, data=data, dp_group=dp_group)
        return loss, metrics
    finally:
        _actions.reset(token)


def action_loss(
    old_log_prob: Tensor,
    log_prob: Tensor,
    advantages: Tensor,
    response_mask: Tensor,
    loss_agg_mode: str = "token-mean",
    config: Any = None,
    rollout_is_weights: Tensor | None = None,
) -> tuple[Tensor, dict[str, float]]:
    """Mean over the mini-batch's responses of the mean over their actions of the clipped objective (Eq. 6).

    All tensors [B, T]. ``loss_agg_mode`` is not used: the average is part of the objective. Importance
    weights of verl's rollout correction, where given, scale the objective token by token.
    """
    try:
        stored, ratio, clip = _actions.get()
    except LookupError:
        raise ConfigError(NEEDS) from None
    ids = fit(stored, response_mask) - 1
    # Log-probabilities come in the model's bfloat16; the sum over an action needs more digits.
    log_prob, old_log_prob = log_prob.float(), old_log_prob.float()
    weighted = advantages if rollout_is_weights is None else advantages * rollout_is_weights
    clip = config.clip_ratio if clip is None else clip
    loss, stats = action_policy_loss(log_prob, old_log_prob, weighted, ids, clip=clip, ratio=ratio)
    # The library averages over the responses of this micro-batch; verl's aggregation turns that into their
    # share of the whole mini-batch over all ranks.
    one_per_response = torch.zeros_like(log_prob)
    one_per_response[:, 0] = (ids >= 0).any(1).to(log_prob.dtype)
    total = agg_loss(
        loss_mat=loss * one_per_response,
        loss_mask=one_per_response,
        loss_agg_mode="seq-mean-token-sum",
        **(config.global_batch_info or {}),
    )
    metrics = {
        "actor/pg_clipfrac": stats["clip_fraction"],
        "actor/ppo_kl": stats["approx_kl"],
        "actor/s2r_ratio_mean": stats["ratio_mean"],
    }
    return total, metrics


register_policy_loss("s2r_action")(action_loss)


def fit(ids: Tensor, mask: Tensor) -> Tensor:
    """[B, T] as wide as the mask, 0 outside of it (verl's padding rows keep the ids of the row they copy)."""
    width = mask.shape[1]
    ids = torch.nn.functional.pad(ids[:, :width], (0, max(0, width - ids.shape[1])))
    return ids.to(mask.device) * mask.long()
