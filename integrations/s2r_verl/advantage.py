"""Advantage estimators: ``s2r`` gives each action what the method says, ``s2r_dense`` what was stored.

``s2r_process`` and ``s2r_outcome`` are ``s2r`` under names that also state the method's level. Which actions there
are, what they earned and where they stand comes from the records that the samples carry; the trainer ``s2r_sync``
has them at hand while verl calls an estimator. Token-level rewards are for the logs: they are not read back.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from verl.trainer.ppo.core_algos import register_adv_est

from s2r_rewards.baselines import RunningBaseline
from s2r_rewards.methods import Method
from s2r_rewards.scored import ScoredRollout
from s2r_rewards.tensors import spread
from s2r_verl.checks import CREDIT, DENSE, KL_IN_REWARD
from s2r_verl.options import ConfigError
from s2r_verl.records import as_one_action

NO_TRAINER = "S2R's advantages need the records of the batch: set trainer.v1.trainer_mode=s2r_sync"
NO_RECORD = (
    "a response came without S2R's record of its actions: set reward.reward_manager.name=s2r (at the outcome "
    "level reward.custom_reward_function.path=pkg://s2r_verl.reward_function does as well)"
)


@dataclass(frozen=True)
class Batch:
    """What an estimator needs beyond verl's tensors."""

    records: Sequence[ScoredRollout | None]
    """One per row, in order."""
    method: Method
    state: RunningBaseline | None = None
    """Of a running method, what it remembers between batches."""


_batch: ContextVar[Batch] = ContextVar("s2r_batch")


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
    """A(a_t) = R(a_t) − b(a_t), the same for all tokens of an action (Eq. 3–5, arXiv:2502.12853).

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
        raise ConfigError(NO_TRAINER) from None
    length = response_mask.shape[1]
    advantages = torch.zeros(response_mask.shape, device=response_mask.device)
    rows = [i for i, taken in enumerate(response_mask.bool().any(1).tolist()) if taken]
    if rows:
        records = [_actions(batch.records[i], batch.method, length) for i in rows]
        groups = None if index is None else [index[i] for i in rows]
        values = batch.method.advantages(records, groups, state=batch.state)
        found = spread(values, [record.spans for record in records], length)
        advantages[rows] = found.to(advantages.device)
    advantages = advantages * response_mask
    return advantages, advantages.clone()


def _actions(record: ScoredRollout | None, method: Method, length: int) -> ScoredRollout:
    if record is not None and method.level == "outcome":
        return as_one_action(record, length)
    if record is None or len(record.spans) < len(record.rewards):
        raise ConfigError(NO_RECORD)
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


for _name in CREDIT:
    register_adv_est(_name)(credit)
register_adv_est(DENSE)(dense)
