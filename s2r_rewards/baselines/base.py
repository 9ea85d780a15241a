"""What every baseline shares: give each reward a key, and average the rewards of equal keys.

A baseline module supplies the keys; nothing else.  Sums are exact before they are rounded once, so the order of
trajectories in a batch, or of batches in a file, cannot change a result by a single bit.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from numbers import Real
from typing import Any

Rewards = Sequence[Any]
"""Per-trajectory sequences of action rewards, or a flat sequence of one reward per trajectory."""
Values = tuple[tuple[float, ...], ...]
"""One value per action, per trajectory."""
KeyFunction = Callable[[Sequence[float], Hashable], Iterable[Hashable]]
"""(the rewards of one trajectory's actions, its group) → one key per action; an action's key may depend on the
rewards of the actions before it, not on its own."""
Totals = Mapping[Hashable, tuple[float, float]]
"""key → (sum, count)"""

_FOLD = 4096
_SEQUENCES = (tuple, list)  # told from numbers without asking the abstract class


class Means:
    """Sum and count of rewards by key, for a batch, over batches, or over a file that fits no memory."""

    def __init__(self) -> None:
        self._values: dict[Hashable, list[float]] = {}
        self._counts: dict[Hashable, float] = {}

    def add(self, rewards: Iterable[float], keys: Iterable[Hashable]) -> None:
        """Counts the rewards of one trajectory under their keys."""
        known, counts = self._values, self._counts
        for reward, key in zip(rewards, keys, strict=True):
            values = known.get(key)
            if values is None:
                values = known[key] = []
            values.append(reward)
            if len(values) >= _FOLD:
                values[:] = _exact_parts(values)
            counts[key] = counts.get(key, 0) + 1

    def totals(self) -> Totals:
        """What has been added so far, each sum rounded once."""
        return {key: (math.fsum(values), self._counts[key]) for key, values in self._values.items()}

    def decay(self, factor: float) -> None:
        """Lets all that was added so far count ``factor`` times as much."""
        self._values = {key: [math.fsum(values) * factor] for key, values in self._values.items()}
        self._counts = {key: count * factor for key, count in self._counts.items()}

    def load(self, totals: Totals) -> None:
        """Starts again from stored totals."""
        self._values = {key: [total] for key, (total, _) in totals.items()}
        self._counts = {key: count for key, (_, count) in totals.items()}


def _exact_parts(values: list[float]) -> list[float]:
    """A few numbers with exactly the sum of many: the rounded sum, what it missed, and so on."""
    parts: list[float] = []
    while rest := math.fsum([*values, *(-part for part in parts)]):
        parts.append(rest)
    return parts


@dataclass(frozen=True)
class Baseline:
    """b(a) = mean reward of the actions that have a's key. Callable: (rewards, groups) → the same shape."""

    name: str
    keys: KeyFunction
    leave_one_out: bool = False
    """Leave an action out of its own mean."""
    min_count: int = 1
    """Keys with fewer rewards (the action's own included) have the baseline ``default``."""
    default: float = 0.0
    pool_from: int | None = None
    """Over earlier batches, actions from this index on share one key: keys that grow with every action would let the
    state grow without bound."""

    def __call__(
        self,
        rewards: Rewards,
        groups: Sequence[Hashable] | None = None,
        leave_one_out: bool | None = None,
        min_count: int | None = None,
        default: float | None = None,
        values: Rewards | None = None,
    ) -> tuple[Any, ...]:
        """Baselines in the shape of ``rewards``, over the given batch.

        Args:
            rewards: per-trajectory sequences of action rewards, or one reward a trajectory.
            groups: one key per trajectory: means are taken within a group. None: over the whole batch.
            leave_one_out, min_count, default: instead of this baseline's own.
            values: what is averaged, in the shape of ``rewards``; the keys stay those of the rewards. Default: they.

        Raises:
            ValueError: flat and nested rewards mixed, one that is not finite, or not one group a trajectory.
        """
        own = self.with_settings(leave_one_out=leave_one_out, min_count=min_count, default=default)
        rows, flat = nest(rewards, self.name)
        shared = group_keys(groups, len(rows), f"{self.name} groups")
        keys = [tuple(self.keys(row, group)) for row, group in zip(rows, shared, strict=True)]
        averaged = rows if values is None else nest(values, self.name)[0]
        means = Means()
        for row, row_keys in zip(averaged, keys, strict=True):
            means.add(row, row_keys)
        totals = means.totals()
        if own.leave_one_out:
            found = tuple([own.look_up(totals, *pair) for pair in zip(averaged, keys, strict=True)])
        else:  # of one key, all have one mean
            means_of = {key: own._mean(totals, 0.0, key) for key in totals}
            found = tuple([tuple([means_of[key] for key in row_keys]) for row_keys in keys])
        return unnest(found, flat)

    def look_up(self, totals: Totals, rewards: Sequence[float], keys: Iterable[Hashable]) -> tuple[float, ...]:
        """The baselines of one trajectory's actions out of what a :class:`Means` has gathered."""
        return tuple([self._mean(totals, r, key) for r, key in zip(rewards, keys, strict=True)])

    def _mean(self, totals: Totals, reward: float, key: Hashable) -> float:
        total, count = totals.get(key, (0.0, 0))
        if self.leave_one_out:
            total, left = total - reward, count - 1
        else:
            left = count
        return total / left if left > 0 and count >= self.min_count else self.default

    def with_settings(self, **settings: Any) -> Baseline:
        """This baseline with those settings that are not None."""
        given = {name: value for name, value in settings.items() if value is not None}
        return replace(self, **given) if given else self


def nest(rewards: Rewards, name: str) -> tuple[Values, bool]:
    """(rewards as a tuple of tuples, True if they were flat).

    Raises:
        ValueError: flat and nested mixed, or a reward that is not a finite number; names its place.
    """
    rows: list[tuple[Any, ...]] = []
    kinds = {type(row) not in _SEQUENCES and isinstance(row, Real) for row in rewards}
    if len(kinds) > 1:
        raise ValueError(f"{name}: rewards mix numbers and sequences; expected one or the other")
    flat = kinds == {True}
    for i, row in enumerate(rewards):
        values = (row,) if flat else tuple(row)
        for t, value in enumerate(values):
            if not (type(value) is float or isinstance(value, Real)) or not math.isfinite(value):
                raise ValueError(f"{name}: reward of trajectory {i}, action {t} is {value!r}; expected a finite number")
        rows.append(values)
    return tuple(rows), flat


def unnest(values: Values, flat: bool) -> tuple[Any, ...]:
    """Undoes :func:`nest`."""
    return tuple(row[0] for row in values) if flat else values


def group_keys(groups: Sequence[Hashable] | None, count: int, name: str) -> Sequence[Hashable]:
    """One key per trajectory (default: all in one group)."""
    if groups is None:
        return (None,) * count
    if len(groups) != count:
        raise ValueError(f"{name}: {len(groups)} keys for {count} trajectories; expected one a trajectory")
    return groups
