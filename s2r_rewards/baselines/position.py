"""Position baseline: b(a_t) = mean R over all actions at position t.

Source: the variant that appendix F.1.1, arXiv:2502.12853, refines by accuracy group.
Caveat: biased where the policy itself controls the number of turns (late positions are reached by hard
problems only); reward contexts are the paper's answer.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence

from s2r_rewards.baselines.grouping import Rewards, group_keys, group_means, nest, unnest


def position(
    rewards: Rewards,
    groups: Sequence[Hashable] | None = None,
    leave_one_out: bool = False,
    min_count: int = 1,
    default: float = 0.0,
) -> tuple:
    """Mean reward of the actions at the same index; arguments as in :func:`reward_context`.

    >>> position([[1, 1], [-1, 1, 1, 1], [-1, -1]])[1][:2]
    (-0.3333333333333333, 0.3333333333333333)
    """
    rows, flat = nest(rewards, "position")
    shared = group_keys(groups, len(rows), "position groups")
    keys = [[(group, t) for t in range(len(row))] for row, group in zip(rows, shared, strict=True)]
    return unnest(group_means(rows, keys, leave_one_out, min_count, default), flat)
