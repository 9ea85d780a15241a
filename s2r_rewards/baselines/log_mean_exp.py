"""Log-mean-exp baseline: b = τ · log mean exp(R/τ) over the samples of one prompt.

Source: Kimi k1.5, arXiv:2501.12599, an option of the authors' offline code.
Caveat: always at least the mean, and tends to the maximum as τ → 0; advantages do not sum to zero.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Hashable, Sequence
from typing import Any

from s2r_rewards.baselines.base import Rewards, group_keys, nest, unnest


def log_mean_exp(rewards: Rewards, groups: Sequence[Hashable] | None = None, tau: float = 1.0) -> tuple[Any, ...]:
    """τ-softened maximum of the rewards within each group.

    Args:
        rewards: one outcome reward a trajectory (or nested: all actions of a group count alike).
        groups: the prompt of each trajectory; None: one group.
        tau: temperature τ > 0, in units of reward.

    >>> round(log_mean_exp([1.0, -1.0])[0], 6)  # log((e + 1/e) / 2)
    0.433781
    """
    if not tau > 0:
        raise ValueError(f"log_mean_exp: tau is {tau!r}; expected a positive number")
    rows, flat = nest(rewards, "log_mean_exp")
    shared = group_keys(groups, len(rows), "log_mean_exp groups")
    members: dict[Hashable, list[float]] = defaultdict(list)
    for row, group in zip(rows, shared, strict=True):
        members[group].extend(row)

    def soft_maximum(values: list[float]) -> float:
        top = max(values)  # shifting by the maximum keeps exp() from overflowing
        return top + tau * math.log(math.fsum(math.exp((v - top) / tau) for v in values) / len(values))

    level = {group: soft_maximum(values) for group, values in members.items() if values}
    return unnest(tuple((level.get(g, 0.0),) * len(row) for row, g in zip(rows, shared, strict=True)), flat)
