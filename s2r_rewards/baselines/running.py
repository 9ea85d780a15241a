"""Running baseline: a keyed baseline whose means are those of all **earlier** batches.

b(a_t) = S(key)/N(key), with S, N summed over past batches and, optionally, decayed: S ← γS + new.
Source: the authors' released online code (0 until a key has 10 observations); γ is ours.
Caveat: without decay (γ = 1) it lags behind a policy that improves; the batch baseline of Eq. 4 does not.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

from s2r_rewards.baselines.base import Baseline, Means, Rewards, group_keys, nest, unnest
from s2r_rewards.baselines.position import position
from s2r_rewards.baselines.reward_context import reward_context

_BY = {"context": reward_context, "position": position}


class RunningBaseline:
    """Callable with state: scores a batch with what it knew before, then learns from the batch."""

    def __init__(self, baseline: Baseline, decay: float = 1.0) -> None:
        if not 0.0 < decay <= 1.0:
            raise ValueError(f"running: decay is {decay!r}; expected a number in (0, 1]")
        if baseline.leave_one_out:
            raise ValueError(
                f"running: {baseline.name} has leave_one_out=True; earlier batches never hold the action itself"
            )
        self.baseline, self.decay = baseline, decay
        self._means = Means()

    def __call__(self, rewards: Rewards, groups: Sequence[Hashable] | None = None) -> tuple[Any, ...]:
        """Baselines in the shape of ``rewards``; then updates the state. ``groups`` split the keys."""
        rows, flat = nest(rewards, "running")
        shared = group_keys(groups, len(rows), "running groups")
        keys = [self._keys(row, group) for row, group in zip(rows, shared, strict=True)]
        known = self._means.totals()
        baselines = tuple(self.baseline.look_up(known, *pair) for pair in zip(rows, keys, strict=True))
        if self.decay < 1.0:
            self._means.decay(self.decay)
        for row, row_keys in zip(rows, keys, strict=True):
            self._means.add(row, row_keys)
        return unnest(baselines, flat)

    def _keys(self, rewards: Sequence[float], group: Hashable) -> list[Hashable]:
        first = list(self.baseline.keys(rewards[: self.baseline.pool_from], group))
        return first + [(group, "later")] * (len(rewards) - len(first))

    def state_dict(self) -> dict[str, Any]:
        """Plain JSON-ready data; keys made of tuples, texts, numbers and None survive the way there and back."""
        totals = self._means.totals()
        return {
            "baseline": self.baseline.name,
            "decay": self.decay,
            "totals": [[key, *values] for key, values in totals.items()],
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Raises ValueError if the state was kept for another baseline, or by an older version."""
        if state.get("baseline") != self.baseline.name or "totals" not in state:
            raise ValueError(
                f"running: the stored state is of baseline {state.get('baseline')!r}, expected "
                f"{self.baseline.name!r}; continue with that one, or remove the state to begin without it"
            )
        self._means.load({_hashable(key): (float(s), float(n)) for key, s, n in state["totals"]})


def _hashable(key: Any) -> Hashable:
    """JSON turns tuples into lists."""
    return tuple(_hashable(part) for part in key) if isinstance(key, list) else key


def running(by: str = "context", min_count: int = 10, decay: float = 1.0) -> RunningBaseline:
    """A fresh :class:`RunningBaseline` by reward context or by position."""
    if by not in _BY:
        raise ValueError(f"running: by is {by!r}; expected one of {', '.join(_BY)}")
    return RunningBaseline(_BY[by].with_settings(min_count=min_count), decay)
