"""What every baseline shares: give each reward a key, and average the rewards of equal keys.

A baseline module supplies the keys; nothing else.  Sums use ``math.fsum``, so that the order of trajectories
in a batch cannot change a result by a single bit.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Hashable, Iterable, Iterator, Sequence
from numbers import Real
from typing import Any

Rewards = Sequence[Any]
"""Per-trajectory sequences of action rewards, or a flat sequence of one reward per trajectory."""
Nested = tuple[tuple[Any, ...], ...]


def nest(rewards: Rewards, name: str) -> tuple[Nested, bool]:
    """(rewards as a tuple of tuples, True if they were flat).

    Raises:
        ValueError: flat and nested mixed, or a reward that is not a finite number; names its place.
    """
    rows: list[tuple[Any, ...]] = []
    kinds = {isinstance(row, Real) for row in rewards}
    if len(kinds) > 1:
        raise ValueError(f"{name}: rewards mix numbers and sequences; expected one or the other")
    flat = kinds == {True}
    for i, row in enumerate(rewards):
        values = (row,) if flat else tuple(row)
        for t, value in enumerate(values):
            if not isinstance(value, Real) or not math.isfinite(value):
                raise ValueError(
                    f"{name}: reward of trajectory {i}, action {t} is {value!r}; expected a finite number"
                )
        rows.append(values)
    return tuple(rows), flat


def unnest(values: Nested, flat: bool) -> tuple:
    return tuple(row[0] for row in values) if flat else values


def group_keys(groups: Sequence[Hashable] | None, count: int, name: str) -> Sequence[Hashable]:
    """One key per trajectory (default: all in one group)."""
    if groups is None:
        return (None,) * count
    if len(groups) != count:
        raise ValueError(f"{name}: {len(groups)} keys for {count} trajectories; expected one a trajectory")
    return groups


def context_ids(rows: Nested, groups: Sequence[Hashable]) -> Nested:
    """The reward context (R(a_1), …, R(a_{t−1})) of every action as a small integer, equal iff contexts are.

    Ids come from a trie over (parent id, reward), so that a trajectory of n actions costs n and not n².
    """
    trie: dict[tuple, int] = {}

    def ids(row: tuple, group: Hashable) -> Iterator[int]:
        node = trie.setdefault((group,), len(trie))
        for reward in row:
            yield node
            node = trie.setdefault((node, reward), len(trie))

    return tuple(tuple(ids(row, group)) for row, group in zip(rows, groups, strict=True))


def group_means(
    rows: Nested,
    keys: Iterable[Iterable[Hashable]],
    leave_one_out: bool = False,
    min_count: int = 1,
    default: float = 0.0,
) -> Nested:
    """Mean reward of all rewards with the same key, in the shape of ``rows``.

    With ``leave_one_out`` a reward's own value is left out of its mean.  A group of fewer than ``min_count``
    rewards (counting the reward itself), or one with nothing left in it, has the baseline ``default``.
    """
    keys = tuple(tuple(row) for row in keys)
    members: dict[Hashable, list[float]] = defaultdict(list)
    for row, row_keys in zip(rows, keys, strict=True):
        for reward, key in zip(row, row_keys, strict=True):
            members[key].append(reward)
    totals = {key: (math.fsum(values), len(values)) for key, values in members.items()}

    def mean(reward: float, key: Hashable) -> float:
        total, count = totals[key]
        if count < min_count:
            return default
        if not leave_one_out:
            return total / count
        return (total - reward) / (count - 1) if count > 1 else default

    return tuple(
        tuple(mean(reward, key) for reward, key in zip(row, row_keys, strict=True))
        for row, row_keys in zip(rows, keys, strict=True)
    )
