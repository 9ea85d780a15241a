"""Moving average by role (RAE): b starts at 0; after each action of the role, b ← 0.95·b + 0.05·R.

Source: role-conditioned advantage estimation, SPIRAL, arXiv:2506.24119 (train_spiral.py).
Caveat: knows the past only, so it is unbiased; it depends on the order of the batch.

>>> moving_average([[1, 1], [-1]])
((0.0, 0.0), (0.05,))
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any

from s2r_rewards.baselines.base import Baseline, Rewards, group_keys, nest, unnest
from s2r_rewards.baselines.role import role
from s2r_rewards.baselines.running import RunningBaseline


class MovingAverageState(RunningBaseline):
    """The averages so far; an action is compared with what came before it, also within its own batch."""

    def __call__(self, rewards: Rewards, groups: Sequence[Hashable] | None = None) -> tuple[Any, ...]:
        """Baselines in the shape of ``rewards``, action by action in the order of the batch."""
        rows, flat = nest(rewards, self.baseline.name)
        shared = group_keys(groups, len(rows), f"{self.baseline.name} groups")
        average = {key: total for key, (total, _) in self._means.totals().items()}
        baselines = []
        for row, group in zip(rows, shared, strict=True):
            found = []
            for reward, key in zip(row, self._keys(row, group), strict=True):
                before = average.get(key, self.baseline.default)
                found.append(before)
                average[key] = self.decay * before + (1 - self.decay) * reward
            baselines.append(tuple(found))
        self._means.load({key: (value, 1.0) for key, value in average.items()})
        return unnest(tuple(baselines), flat)


@dataclass(frozen=True)
class MovingAverage:
    """Callable as a baseline: the averages of this batch alone; ``new_state`` is what goes on from batch to batch."""

    baseline: Baseline
    decay: float = 0.95

    @property
    def name(self) -> str:
        return self.baseline.name

    def __call__(self, rewards: Rewards, groups: Sequence[Hashable] | None = None) -> tuple[Any, ...]:
        """Baselines in the shape of ``rewards``, from nothing."""
        return self.new_state()(rewards, groups)

    def new_state(self) -> MovingAverageState:
        """Knows nothing yet."""
        return MovingAverageState(self.baseline, self.decay)


moving_average = MovingAverage(Baseline("moving_average", role.keys))
