"""REINFORCE leave-one-out: b(y_m) = 1/(M−1) Σ_{j≠m} R(y_j) over the M samples of one prompt.

Source: §3.2 (outcome-level RL), arXiv:2502.12853; Ahmadian et al., arXiv:2402.14740.
Caveat: a prompt sampled once has nothing to compare with; its baseline is ``default``.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence

from s2r_rewards.baselines.grouping import Rewards, group_keys, group_means, nest, unnest


def rloo(rewards: Rewards, groups: Sequence[Hashable] | None = None, default: float = 0.0) -> tuple:
    """Leave-one-out mean of the outcome rewards within each prompt.

    Args:
        rewards: one outcome reward per trajectory. (Nested rewards: all actions of a prompt count alike.)
        groups: the prompt of each trajectory; None: all belong to one prompt.

    >>> rloo([1.0, 1.0, 1.0, -1.0])
    (0.3333333333333333, 0.3333333333333333, 0.3333333333333333, 1.0)
    """
    rows, flat = nest(rewards, "rloo")
    prompts = group_keys(groups, len(rows), "rloo groups")
    keys = [[prompt] * len(row) for row, prompt in zip(rows, prompts, strict=True)]
    return unnest(group_means(rows, keys, leave_one_out=True, default=default), flat)
