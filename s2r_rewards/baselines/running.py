"""Running baseline: the mean over all **earlier** batches, by reward context or position.

b(a_t) = S(key)/N(key), with S, N summed over past batches and, optionally, decayed: S ← γS + new.
Source: the authors' released online code (0 until a key has 10 observations); γ is ours.
Caveat: without decay (γ = 1) it lags behind a policy that improves; the batch baseline of Eq. 4 does not.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

from s2r_rewards.baselines.grouping import Nested, Rewards, group_keys, nest, unnest

MAX_CONTEXT = 64
"""Contexts longer than this share one key, so that the state stays bounded."""


class RunningBaseline:
    """Callable with state: scores a batch with what it knew before, then learns from the batch."""

    def __init__(self, by: str = "context", min_count: int = 10, decay: float = 1.0) -> None:
        if by not in ("context", "position"):
            raise ValueError(f"running: by is {by!r}; expected 'context' or 'position'")
        if not 0.0 < decay <= 1.0:
            raise ValueError(f"running: decay is {decay!r}; expected a number in (0, 1]")
        self.by, self.min_count, self.decay = by, min_count, decay
        self._sums: dict[str, tuple[float, float]] = {}

    def __call__(self, rewards: Rewards, groups: Sequence[Hashable] | None = None) -> tuple:
        """Baselines in the shape of ``rewards``; then updates the state. ``groups`` split the keys."""
        rows, flat = nest(rewards, "running")
        keys = self._keys(rows, group_keys(groups, len(rows), "running groups"))
        known = {key: total / count for key, (total, count) in self._sums.items() if count >= self.min_count}
        baselines = tuple(tuple(known.get(key, 0.0) for key in row) for row in keys)
        self._update(rows, keys)
        return unnest(baselines, flat)

    def _keys(self, rows: Nested, groups: Sequence[Hashable]) -> list[list[str]]:
        keys = []
        for row, group in zip(rows, groups, strict=True):
            prefix = "" if group is None else f"{group}|"
            if self.by == "position":
                keys.append([f"{prefix}{t}" for t in range(len(row))])
                continue
            context, row_keys = prefix, []
            for t, reward in enumerate(row):
                row_keys.append(context if t < MAX_CONTEXT else f"{prefix}longer")
                context += f"{reward:+g}," if t < MAX_CONTEXT else ""
            keys.append(row_keys)
        return keys

    def _update(self, rows: Nested, keys: list[list[str]]) -> None:
        if self.decay < 1.0:
            self._sums = {k: (s * self.decay, n * self.decay) for k, (s, n) in self._sums.items()}
        for row, row_keys in zip(rows, keys, strict=True):
            for reward, key in zip(row, row_keys, strict=True):
                total, count = self._sums.get(key, (0.0, 0.0))
                self._sums[key] = (total + reward, count + 1.0)

    def state_dict(self) -> dict[str, Any]:
        """Plain JSON-ready data."""
        return {"by": self.by, "decay": self.decay, "sums": {k: list(v) for k, v in self._sums.items()}}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Raises ValueError if the state was kept for other keys."""
        if state.get("by") != self.by:
            raise ValueError(f"running: state is by {state.get('by')!r}, this baseline by {self.by!r}")
        self._sums = {key: (float(s), float(n)) for key, (s, n) in state["sums"].items()}


def running(by: str = "context", min_count: int = 10, decay: float = 1.0) -> RunningBaseline:
    """A fresh :class:`RunningBaseline`."""
    return RunningBaseline(by, min_count, decay)
