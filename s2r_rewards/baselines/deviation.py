"""Standard deviation by key: what GRPO and its relatives divide an advantage by (arXiv:2402.03300).

σ(a) = √(Σ (R − μ)²/(n − 1)) over the n rewards that have a's key, plus a small constant.
Caveat: easy and hard prompts are scaled up, and where the policy decides which key an action gets, the scale depends on
its action.

>>> prompt_deviation([1.0, 1.0, 0.0, 1.0, 0.0])[0] ** 2
0.3
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any

from s2r_rewards.baselines.base import KeyFunction, Rewards, group_keys, nest, unnest
from s2r_rewards.baselines.rloo import group_only
from s2r_rewards.baselines.role import role_keys


@dataclass(frozen=True)
class Deviation:
    """σ by key, in the shape of the rewards. Callable as a :class:`~s2r_rewards.baselines.Baseline` is."""

    name: str
    keys: KeyFunction
    plus: float = 0.0
    """Added to σ."""
    population: bool = False
    """Divide by n in the place of n − 1."""

    def __call__(
        self, rewards: Rewards, groups: Sequence[Hashable] | None = None, values: Rewards | None = None
    ) -> tuple[Any, ...]:
        """σ in the shape of ``rewards``; a key with a single reward has 1 (there is nothing to divide)."""
        rows, flat = nest(rewards, self.name)
        shared = group_keys(groups, len(rows), f"{self.name} groups")
        keys = [tuple(self.keys(row, group)) for row, group in zip(rows, shared, strict=True)]
        averaged = rows if values is None else nest(values, self.name)[0]
        known: dict[Hashable, list[float]] = {}
        for row, row_keys in zip(averaged, keys, strict=True):
            for value, key in zip(row, row_keys, strict=True):
                known.setdefault(key, []).append(value)
        found = {key: deviation(members, self.population) + self.plus for key, members in known.items()}
        return unnest(tuple(tuple(found[key] for key in row_keys) for row_keys in keys), flat)


def deviation(values: Sequence[float], population: bool = False) -> float:
    """√(Σ (x − μ)²/(n − 1)), or /n of a population; 1 of a single value. Exactly 0 where all are equal."""
    if len(values) < 2:
        return 1.0
    if min(values) == max(values):
        return 0.0
    mean = math.fsum(values) / len(values)
    return math.sqrt(math.fsum((x - mean) ** 2 for x in values) / (len(values) - (not population)))


prompt_deviation = Deviation("prompt_deviation", group_only)
role_deviation = Deviation("role_deviation", role_keys)
