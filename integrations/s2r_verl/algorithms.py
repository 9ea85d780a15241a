"""What registers with verl's ``core_algos``: advantage estimators and the policy loss.

Estimators: ``s2r`` gives each action what the method says, ``s2r_dense`` what was stored; ``s2r_process`` and
``s2r_outcome`` are ``s2r`` under names that also state the method's level. They read the records that the samples carry,
which S²R's trainers have at hand. Token-level rewards, which hold the outcome, are for the logs and filters.

Policy loss ``s2r_action``: Eq. 6 of arXiv:2502.12853, one ratio per action, or what the method says. verl hands a policy
loss only log-probabilities, advantages and the mask. Where one action ends and the next begins cannot be read from those
(neighbours often have equal advantages), so :func:`loss_with_actions`, which the trainers set as the actor's loss, keeps
the spans that came with the samples at hand while verl's own loss calls :func:`action_loss`. KL loss, entropy and
distillation stay verl's.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor
from verl.trainer.ppo.core_algos import register_adv_est, register_policy_loss

from s2r_rewards.adapter import ConfigError
from s2r_rewards.baselines import RunningBaseline
from s2r_rewards.baselines.base import Values
from s2r_rewards.losses import kl_penalised, response_losses
from s2r_rewards.methods import Method
from s2r_rewards.scored import ScoredRollout
from s2r_rewards.tensors import spread
from s2r_verl.checks import KL_IN_REWARD
from s2r_verl.checks.setup import CREDIT, DENSE, LOSS
from s2r_verl.records import ACTION_IDS, ADVANTAGES, SPANS, action_ids, rows_of, spans_of

NO_ACTIONS = (
    "policy loss s2r_action needs the boundaries of actions: set trainer.v1.trainer_mode=s2r_sync and "
    "actor_rollout_ref.rollout.agent.default_agent_loop=s2r_agent (or s2r_replay)"
)
NO_RECORDS = "S2R's advantages need the records of the batch: set trainer.v1.trainer_mode=s2r_sync"
_BLOCK = 1 << 20  # tokens that are masked at once


@dataclass(frozen=True)
class Batch:
    """What an estimator needs beyond verl's tensors."""

    records: Sequence[ScoredRollout | None]
    """One per row, in order."""
    method: Method
    state: RunningBaseline | None = None
    """Of a running method, what it remembers between batches."""
    outcomes: Sequence[float] | None = None
    """The rewards of the whole responses where verl's own manager changed them (an overlong penalty)."""


_batch: ContextVar[Batch] = ContextVar("s2r_batch")


@contextmanager
def at_hand(batch: Batch) -> Iterator[None]:
    """While this lasts, estimators work on ``batch``."""
    token = _batch.set(batch)
    try:
        yield
    finally:
        _batch.reset(token)


def action_advantages(
    batch: Batch, lengths: Sequence[int], groups: Sequence[Hashable] | None, taken: Sequence[bool]
) -> tuple[Values, list[ScoredRollout | None]]:
    """A(a_t) of a batch's actions (Eq. 2–5, arXiv:2502.12853), and the records whose spans they belong to.

    Args:
        lengths: tokens of each row's response.
        groups: the prompt of each row.
        taken: whether a row takes part (padding and rejected rows do not: () and None).

    Raises:
        ConfigError: rewards that another manager computed.
    """
    rows = [i for i, takes_part in enumerate(taken) if takes_part]
    records = [_record(batch, i, lengths[i]) for i in rows]
    prompts = None if groups is None else [groups[i] for i in rows]
    found = dict(zip(rows, batch.method.advantages(records, prompts, state=batch.state) if rows else (), strict=True))
    whose = dict(zip(rows, records, strict=True))
    return tuple(found.get(i, ()) for i in range(len(taken))), [whose.get(i) for i in range(len(taken))]


def _record(batch: Batch, row: int, length: int) -> ScoredRollout:
    record = batch.records[row]
    if record is not None and batch.method.level == "outcome":
        if batch.outcomes is not None:
            record = replace(record, outcome=batch.outcomes[row])
        return record.as_one_action(length)
    if record is None or len(record.spans) < len(record.rewards):
        raise ConfigError(
            "a response came without S2R's record of its actions: set reward.reward_manager.name=s2r (at the outcome "
            "level reward.custom_reward_function.path=pkg://s2r_verl.reward_function does as well)"
        )
    return record


def credit(
    token_level_rewards: Tensor,
    response_mask: Tensor,
    index: Sequence[Hashable] | None = None,
    config: Any = None,
    **unused: Any,
) -> tuple[Tensor, Tensor]:
    """A(a_t) = R(a_t) − b(a_t), the same for all tokens of an action, where verl needs them on every token.

    Args:
        token_level_rewards: [B, T], not read.
        response_mask: [B, T], 1 for tokens that are trained. A row without any (padding, rejected) takes no part.
        index: the prompt of each row.
        config: verl's ``algorithm`` block.

    Returns:
        (advantages, returns), both [B, T] and the same tensor, as verl's own estimators return it.

    Raises:
        ConfigError: ``use_kl_in_reward``, another trainer, or rewards that another manager computed.
    """
    _refuse_kl_in_reward(config)
    try:
        batch = _batch.get()
    except LookupError:
        raise ConfigError(NO_RECORDS) from None
    rows, length = response_mask.shape
    first = response_mask[:, 0].tolist()  # most rows are told by their first token
    taken = [bool(token) or bool(response_mask[i].any()) for i, token in enumerate(first)]
    values, records = action_advantages(batch, [length] * rows, index, taken)
    spans = [record.spans if record else () for record in records]
    advantages = spread(values, spans, length).to(response_mask.device)
    block = max(1, _BLOCK // max(1, length))  # a mask of integers, cast as a whole, takes as much memory again
    for at in range(0, rows, block):
        advantages[at : at + block].mul_(response_mask[at : at + block])
    return advantages, advantages


def dense(
    token_level_rewards: Tensor, response_mask: Tensor, config: Any = None, **unused: Any
) -> tuple[Tensor, Tensor]:
    """Offline replay: the samples carry their stored advantages, so that S²R's trainer never asks."""
    _refuse_kl_in_reward(config)
    raise ConfigError(NO_RECORDS)


def _refuse_kl_in_reward(config: Any) -> None:
    if config is not None and config.get("use_kl_in_reward", False):
        raise ConfigError(KL_IN_REWARD)


@dataclass(frozen=True)
class Objective:
    """How the actor's loss is made of actions; plain data, so that it reaches every worker."""

    level: str = "process"
    beta: float = 0.0
    options: Mapping[str, Any] = field(default_factory=dict)
    """The method's :attr:`~s2r_rewards.methods.Method.loss_options`; what they leave out is verl's."""


_objective: ContextVar[tuple[Tensor, Objective]] = ContextVar("s2r_objective")


def loss_with_actions(
    model_output: Any = None,
    data: Any = None,
    dp_group: Any = None,
    *,
    config: Any,
    level: str = "process",
    beta: float = 0.0,
    distillation: Any = None,
    student_logits: Tensor | None = None,
    data_format: str = "thd",
    **options: Any,
) -> tuple[Tensor, dict[str, Any]]:
    """verl's loss of one micro-batch, with the actions of its samples at hand and their advantages on their tokens.

    Args:
        config: verl's actor configuration.
        level, beta, options: see :class:`Objective`.
        distillation: verl's configuration of distillation; None: without. Its loss holds this one.
        student_logits, data_format: from verl where it asks for the distillation's part alone.
    """
    from verl.workers.utils import losses

    def loss(**given: Any) -> tuple[Tensor, dict[str, Any]]:
        if distillation is None:
            found: tuple[Tensor, dict[str, Any]] = losses.ppo_loss(config=config, **given)
            return found
        from verl.trainer.distillation import distillation_ppo_loss

        found = distillation_ppo_loss(config=config, distillation_config=distillation, **given)
        return found

    if student_logits is not None:
        return loss(data=data, student_logits=student_logits, data_format=data_format)
    objective = Objective(level, beta, {name: value for name, value in options.items() if value is not None})
    data = data.clone(recurse=False)  # a micro-batch may be seen again in the next epoch
    ids = _on_tokens(data, objective)
    if ids is None:
        if config is None or config.policy_loss.loss_mode == LOSS:
            raise ConfigError(NO_ACTIONS)
        return loss(model_output=model_output, data=data, dp_group=dp_group)
    token = _objective.set((ids, objective))
    try:
        return loss(model_output=model_output, data=data, dp_group=dp_group)
    finally:
        _objective.reset(token)


def _on_tokens(data: Any, objective: Objective) -> Tensor | None:
    """[B, T] 1 + each token's action, or None where the samples hold none; puts the advantages onto ``data``."""
    from verl.workers.utils.padding import response_to_nested

    if SPANS not in data and ACTION_IDS not in data and objective.level == "process":
        return None
    nested = data["response_mask"]
    mask = nested.to_padded_tensor(0)
    spans = spans_of(data, [mask.shape[1]] * len(mask))
    if SPANS in data or ACTION_IDS not in data:
        data[ACTION_IDS] = response_to_nested(action_ids(spans, mask), nested)
    ids = fit(data[ACTION_IDS].to_padded_tensor(0), mask)
    advantages = None
    if values := rows_of(data, ADVANTAGES):
        kept = [row[: len(where)] for row, where in zip(values, spans, strict=True)]
        advantages = spread(kept, spans, mask.shape[1]).to(mask.device) * mask
    elif objective.beta:
        advantages = data["advantages"].to_padded_tensor(0.0)
    if objective.beta and advantages is not None:
        # Eq. 5, or Eq. 2 where the response is one action. A sum over an action needs more digits than bfloat16.
        old, reference = (data[name].to_padded_tensor(0.0).float() for name in ("old_log_probs", "ref_log_prob"))
        advantages = kl_penalised(advantages, old, reference, ids - 1, objective.beta)
    if advantages is not None:
        data["advantages"] = response_to_nested(advantages, nested)
    return ids


def action_loss(
    old_log_prob: Tensor,
    log_prob: Tensor,
    advantages: Tensor,
    response_mask: Tensor,
    loss_agg_mode: str = "token-mean",
    config: Any = None,
    rollout_is_weights: Tensor | None = None,
) -> tuple[Tensor, dict[str, float]]:
    """This micro-batch's share of the clipped objective over actions (Eq. 6), or over what the method says.

    All tensors [B, T]. Clips are the method's, else verl's ``clip_ratio_low``, ``_high`` and ``_c``. Importance weights
    of verl's rollout correction scale the objective token by token. For ``loss_agg_mode`` see :func:`_averages`.
    """
    try:
        ids, objective = _objective.get()
    except LookupError:
        raise ConfigError(NO_ACTIONS) from None
    ids = fit(ids, response_mask) - 1
    low = config.clip_ratio if config.clip_ratio_low is None else config.clip_ratio_low
    high = config.clip_ratio if config.clip_ratio_high is None else config.clip_ratio_high
    lowest = config.get("clip_ratio_c", 3.0)
    options = {
        "clip": (low, high),
        "dual_clip": None if objective.options.get("objective", "clip") != "clip" or math.isinf(lowest) else lowest,
        **objective.options,
    }
    info = config.global_batch_info or {}
    options |= _averages(loss_agg_mode, objective, info.get("loss_scale_factor") or response_mask.shape[-1])
    weighted = advantages if rollout_is_weights is None else advantages * rollout_is_weights
    # Log-probabilities come in the model's bfloat16; the sum over an action needs more digits.
    losses, weights, stats = response_losses(log_prob.float(), old_log_prob.float(), weighted, ids, **options)
    per_token = options["average"] == "tokens" and options["divisor"] is None
    whole = info.get("batch_num_tokens" if per_token else "global_batch_size")
    if loss_agg_mode == "token-sum":
        whole = 1
    total = losses.sum() / (weights.sum().clamp(min=1) if whole is None else whole) * info.get("dp_size", 1)
    metrics = {
        "actor/pg_clipfrac": stats["clip_fraction"],
        "actor/ppo_kl": stats["approx_kl"],
        "actor/s2r_ratio_mean": stats["ratio_mean"],
    }
    return total, metrics


def _averages(mode: str, objective: Objective, horizon: float) -> dict[str, Any]:
    """What ``loss_agg_mode`` means over actions. Equal to verl's own average wherever a response is one action.

    ``token-mean`` is what verl has where nobody chose: at the process level it leaves the average to the method, Eq. 6's
    mean over responses of the mean over their actions. Every other mode is verl's own over the tokens' objective.
    """
    own = {name: objective.options.get(name, default) for name, default in (("average", "actions"), ("divisor", None))}
    if own != {"average": "actions", "divisor": None} or (mode == "token-mean" and objective.level == "process"):
        return own
    if mode == "seq-mean-token-mean":
        return {"average": "responses", "divisor": None}
    divisor = {"seq-mean-token-sum": 1.0, "seq-mean-token-sum-norm": float(horizon)}.get(mode)
    return {"average": "tokens", "divisor": divisor}


def fit(ids: Tensor, mask: Tensor) -> Tensor:
    """[B, T] as wide as the mask, 0 outside of it (verl's padding rows keep the actions of the row they copy)."""
    width = mask.shape[1]
    ids = torch.nn.functional.pad(ids[:, :width], (0, max(0, width - ids.shape[1])))
    return ids.to(mask.device) * mask.long()


for _name in CREDIT:
    register_adv_est(_name)(credit)
register_adv_est(DENSE)(dense)
register_policy_loss(LOSS)(action_loss)
