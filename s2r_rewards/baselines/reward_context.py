"""Reward-context baseline: b(a_t) = mean R(a) over all actions a of the batch with a's reward context.

Source: Eq. 4, arXiv:2502.12853. The reward context of a_t is (R(a_1), …, R(a_{t−1})).
Caveat: Eq. 4 counts a_t itself, which shrinks the advantages of rare contexts (a context seen once has
advantage 0); ``leave_one_out`` removes that bias, at the price of ``default`` for contexts seen once.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence

from s2r_rewards.baselines.grouping import Rewards, context_ids, group_keys, group_means, nest, unnest


def reward_context(
    rewards: Rewards,
    groups: Sequence[Hashable] | None = None,
    leave_one_out: bool = False,
    min_count: int = 1,
    default: float = 0.0,
) -> tuple:
    """Mean reward of the actions that share a reward context.

    Args:
        rewards: per-trajectory sequences of action rewards.
        groups: contexts are shared within a group only (e.g. per prompt); None: over the whole batch, as the
            paper does.
        leave_one_out: leave a_t out of its own mean.
        min_count: contexts with fewer actions have the baseline ``default`` (10 in the authors' code).

    Returns:
        Baselines in the shape of ``rewards``.

    >>> reward_context([[1, 1], [-1, 1, 1, 1], [-1, -1]])[0]
    (-0.3333333333333333, 1.0)
    """
    rows, flat = nest(rewards, "reward_context")
    keys = context_ids(rows, group_keys(groups, len(rows), "reward_context groups"))
    return unnest(group_means(rows, keys, leave_one_out, min_count, default), flat)
