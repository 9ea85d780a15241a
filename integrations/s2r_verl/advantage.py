"""Advantage estimators of the trainer: ``s2r_process``, ``s2r_outcome`` and ``s2r_dense``.

verl hands over token-level rewards [B, T]. S2R's are ±1 at the last token of each action and 0 elsewhere, so
the non-zero positions are the ends of the actions and nothing else is needed. Rows without rewards (the
padding rows of verl's trainer) take no part.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor
from verl.trainer.ppo.core_algos import register_adv_est

from s2r_rewards.advantages import outcome_advantages, process_advantages
from s2r_rewards.baselines import position, reward_context, running
from s2r_rewards.tensors import spread
from s2r_verl.options import ConfigError, Options

Spans = list[tuple[int, int]]
_running: dict[str, Any] = {}
"""The running baseline of this process, if the configuration asks for one."""


def read_actions(rewards: Tensor, mask: Tensor) -> tuple[list[list[float]], list[Spans]]:
    """(rewards, token spans [first, end)) of the actions of each row; both [B, T] in."""
    values: list[list[float]] = [[] for _ in range(rewards.shape[0])]
    spans: list[Spans] = [[] for _ in range(rewards.shape[0])]
    found = torch.nonzero((rewards != 0) & mask.bool())
    at = rewards[found[:, 0], found[:, 1]].tolist()
    for (row, last), reward in zip(found.tolist(), at, strict=True):
        first = spans[row][-1][1] if spans[row] else 0
        values[row].append(reward)
        spans[row].append((first, last + 1))
    return values, spans


@register_adv_est("s2r_process")
def process(
    token_level_rewards: Tensor,
    response_mask: Tensor,
    index: Sequence[Hashable] | None = None,
    config: Any = None,
    **unused: Any,
) -> tuple[Tensor, Tensor]:
    """A(a_t) = R(a_t) − b(a_t), the same for all tokens of an action (eq. 4 and 5, arXiv:2502.12853).

    Args:
        token_level_rewards: [B, T], ±1 at the last token of each action.
        response_mask: [B, T], 1 for generated tokens.
        index: the prompt of each row; used with ``algorithm.s2r.groups=prompt``.
        config: verl's ``algorithm`` block.

    Returns:
        (advantages, returns), both [B, T].

    Raises:
        ConfigError: ``use_kl_in_reward``, or rewards that are not ±1.
    """
    options = _options(config)
    rewards, spans = read_actions(token_level_rewards, response_mask)
    if any(abs(reward) != 1.0 for row in rewards for reward in row):
        raise ConfigError(
            "s2r_process found rewards other than ±1. Set reward.reward_manager.name=s2r and "
            "actor_rollout_ref.rollout.agent.default_agent_loop=s2r_agent"
        )
    groups = list(index) if options.groups == "prompt" and index is not None else None
    values = process_advantages(rewards, groups, preset=options.rules, baseline=_baseline(options))
    return _tokens(values, spans, response_mask)


@register_adv_est("s2r_outcome")
def outcome(
    token_level_rewards: Tensor,
    response_mask: Tensor,
    index: Sequence[Hashable] | None = None,
    config: Any = None,
    **unused: Any,
) -> tuple[Tensor, Tensor]:
    """A(y_m) = R_o(y_m) − leave-one-out mean over the prompt's samples (eq. 3 without its KL term); [B, T]
    each.

    Needs one reward per row: ``algorithm.s2r.level=outcome``, or any reward manager of verl.
    """
    _options(config)
    rewards, _ = read_actions(token_level_rewards, response_mask)
    if any(len(row) > 1 for row in rewards):
        raise ConfigError(
            "s2r_outcome found several rewards in one response; set +algorithm.s2r.level=outcome"
        )
    rows = [i for i, row in enumerate(rewards) if row]
    groups = None if index is None else [index[i] for i in rows]
    known = dict(zip(rows, outcome_advantages([rewards[i][0] for i in rows], groups), strict=True))
    length = response_mask.shape[1]
    values = [[known[i]] if i in known else [] for i in range(len(rewards))]
    spans = [[(0, length)] for _ in rewards]
    return _tokens(values, spans, response_mask)


@register_adv_est("s2r_dense")
def dense(
    token_level_rewards: Tensor, response_mask: Tensor, config: Any = None, **unused: Any
) -> tuple[Tensor, Tensor]:
    """The reward channel already carries each token's advantage (offline replay); [B, T] each."""
    _options(config)
    advantages = token_level_rewards * response_mask
    return advantages, advantages.clone()


def _tokens(values: Sequence[Sequence[float]], spans: Sequence[Spans], mask: Tensor) -> tuple[Tensor, Tensor]:
    advantages = spread(values, spans, mask.shape[1]).to(mask.device) * mask
    return advantages, advantages.clone()


def _options(config: Any) -> Options:
    if config is not None and config.get("use_kl_in_reward", False):
        raise ConfigError(
            "algorithm.use_kl_in_reward=True makes rewards dense, and S2R can no longer tell the actions "
            "from them: "
            "set it to False and use actor_rollout_ref.actor.use_kl_loss=True or algorithm.s2r.beta"
        )
    return Options.from_algorithm(config)


def _baseline(options: Options) -> Any:
    name = options.baseline_name
    if name == "running":
        return running_baseline(options)
    baseline = {"reward_context": reward_context, "position": position}[name]
    return partial(baseline, leave_one_out=options.leave_one_out, min_count=options.count)


def running_baseline(options: Options) -> Any:
    """The one running baseline of this process; the trainer saves and restores it with its checkpoints."""
    if "baseline" not in _running:
        _running["baseline"] = running(min_count=options.count)
    return _running["baseline"]
