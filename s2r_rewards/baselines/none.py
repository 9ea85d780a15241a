"""No baseline: b(a) = 0, plain REINFORCE; and the place of a critic, which this library does not train.

Caveat: unbiased, with the largest variance of all.

>>> none([[1, -1], [1]])
((0.0, 0.0), (0.0,))
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any

from s2r_rewards.baselines.base import Rewards, group_keys, nest, unnest


def none(rewards: Rewards, groups: Sequence[Hashable] | None = None, values: Rewards | None = None) -> tuple[Any, ...]:
    """Zeros in the shape of ``rewards``."""
    rows, flat = nest(rewards, "none")
    group_keys(groups, len(rows), "none groups")
    return unnest(tuple((0.0,) * len(row) for row in rows), flat)
