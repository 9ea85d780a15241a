"""What registers with verl's ``core_algos``: advantage estimators and the policy loss.

Estimators: ``s2r`` gives each action what the method says, ``s2r_dense`` what was stored; ``s2r_process`` and
``s2r_outcome`` are ``s2r`` under names that also state the method's level. They read the records that the samples carry,
which the trainer ``s2r_sync`` has at hand while verl calls one. Token-level rewards are for the logs only.

Policy loss ``s2r_action``: Eq. 6 of arXiv:2502.12853, one ratio per action. verl hands a policy loss only
log-probabilities, advantages and the mask. Where one action ends and the next begins cannot be read from those
(neighbours often have equal advantages), so the agent loop stores each token's action (``s2r_action_ids``) beside the
sample, and :func:`loss_with_actions`, which the trainer sets as the actor's loss, keeps them at hand while verl's own
``ppo_loss`` calls :func:`action_loss`. KL loss and entropy stay verl's.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from verl.trainer.ppo.core_algos import agg_loss, register_adv_est, register_policy_loss

from s2r_rewards.adapter import ConfigError
from s2r_rewards.baselines import RunningBaseline
from s2r_rewards.losses import action_policy_loss
from s2r_rewards.methods import Method
from s2r_rewards.scored import ScoredRollout
from s2r_rewards.tensors import spread
from s2r_verl.checks import CREDIT, DENSE, KL_IN_REWARD, LOSS
from s2r_verl.records import ACTION_IDS

NO_ACTIONS = (
    "policy loss s2r_action needs the boundaries of actions: set trainer.v1.trainer_mode=s2r_sync and "
    "actor_rollout_ref.rollout.agent.default_agent_loop=s2r_agent (or s2r_replay)"
)
Clip = float | tuple[float, float]
"""ε, or ε below and above 1."""


@dataclass(frozen=True)
class Batch:
    """What an estimator needs beyond verl's tensors."""

    records: Sequence[ScoredRollout | None]
    """One per row, in order."""
    method: Method
    state: RunningBaseline | None = None
    """Of a running method, what it remembers between batches."""


_batch: ContextVar[Batch] = ContextVar("s2r_batch")
_actions: ContextVar[tuple[Tensor, str, Clip | None]] = ContextVar("s2r_actions")


@contextmanager
def at_hand(batch: Batch) -> Iterator[None]:
    """While this lasts, estimators work on ``batch``."""
    token = _batch.set(batch)
    try:
        yield
    finally:
        _batch.reset(token)


def credit(
    token_level_rewards: Tensor,
    response_mask: Tensor,
    index: Sequence[Hashable] | None = None,
    config: Any = None,
    **unused: Any,
) -> tuple[Tensor, Tensor]:
    """A(a_t) = R(a_t) − b(a_t), the same for all tokens of an action (Eq. 2–5, arXiv:2502.12853).

    Args:
        token_level_rewards: [B, T], not read.
        response_mask: [B, T], 1 for tokens that are trained. A row without any (padding, rejected) takes no part.
        index: the prompt of each row.
        config: verl's ``algorithm`` block.

    Returns:
        (advantages, returns), both [B, T].

    Raises:
        ConfigError: ``use_kl_in_reward``, another trainer, or rewards that another manager computed.
    """
    _refuse_kl_in_reward(config)
    try:
        batch = _batch.get()
    except LookupError:
        raise ConfigError(
            "S2R's advantages need the records of the batch: set trainer.v1.trainer_mode=s2r_sync"
        ) from None
    length = response_mask.shape[1]
    advantages = torch.zeros(response_mask.shape, device=response_mask.device)
    rows = [i for i, taken in enumerate(response_mask.bool().any(1).tolist()) if taken]
    if rows:
        records = [_with_spans(batch.records[i], batch.method, length) for i in rows]
        groups = None if index is None else [index[i] for i in rows]
        values = batch.method.advantages(records, groups, state=batch.state)
        found = spread(values, [record.spans for record in records], length)
        advantages[rows] = found.to(advantages.device)
    advantages = advantages * response_mask
    return advantages, advantages.clone()


def _with_spans(record: ScoredRollout | None, method: Method, length: int) -> ScoredRollout:
    if record is not None and method.level == "outcome":
        return record.as_one_action(length)
    if record is None or len(record.spans) < len(record.rewards):
        raise ConfigError(
            "a response came without S2R's record of its actions: set reward.reward_manager.name=s2r (at the outcome "
            "level reward.custom_reward_function.path=pkg://s2r_verl.reward_function does as well)"
        )
    return record


def dense(
    token_level_rewards: Tensor, response_mask: Tensor, config: Any = None, **unused: Any
) -> tuple[Tensor, Tensor]:
    """The reward channel already carries each token's advantage (offline replay); [B, T] each."""
    _refuse_kl_in_reward(config)
    advantages = token_level_rewards * response_mask
    return advantages, advantages.clone()


def _refuse_kl_in_reward(config: Any) -> None:
    if config is not None and config.get("use_kl_in_reward", False):
        raise ConfigError(KL_IN_REWARD)


def loss_with_actions(
    model_output: Any, data: Any, dp_group: Any = None, *, config: Any, ratio: str, clip: Clip | None = None
) -> tuple[Tensor, dict[str, Any]]:
    """verl's ``ppo_loss`` on one micro-batch, with its actions, ratio and clip (None: verl's) at hand."""
    from verl.workers.utils.losses import ppo_loss

    if ACTION_IDS not in data:
        raise ConfigError(NO_ACTIONS)
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
        raise ConfigError(NO_ACTIONS) from None
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


def fit(ids: Tensor, mask: Tensor) -> Tensor:
    """[B, T] as wide as the mask, 0 outside of it (verl's padding rows keep the ids of the row they copy)."""
    width = mask.shape[1]
    ids = torch.nn.functional.pad(ids[:, :width], (0, max(0, width - ids.shape[1])))
    return ids.to(mask.device) * mask.long()


for _name in CREDIT:
    register_adv_est(_name)(credit)
register_adv_est(DENSE)(dense)
register_policy_loss(LOSS)(action_loss)
