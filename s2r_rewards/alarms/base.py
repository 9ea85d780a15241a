"""The skeleton of an alarm: a share of cases, with the rollouts that show it."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from s2r_rewards.judging import JudgedTrajectory

MAX_EVIDENCE = 5


@dataclass(frozen=True)
class Batch:
    """What alarms look at: judged trajectories and, where known, their prompts and training steps."""

    judged: Sequence[JudgedTrajectory]
    prompts: Sequence[str] | None = None
    steps: Sequence[int | None] | None = None


@dataclass(frozen=True)
class Alarm:
    """The state of one alarm. `evidence` are indices into the batch, the clearest cases first."""

    name: str
    title: str
    formula: str
    threshold: float
    value: float  # nan: no cases
    count: int  # cases that could have counted
    evidence: tuple[int, ...]
    fired: bool

    @property
    def metric(self) -> str:
        """The name under which a tracker shows it."""
        return f"s2r/alarm/{self.name}"


Case = tuple[int, bool]
"""(index of the rollout, whether this case shows the sign)"""


@dataclass(frozen=True)
class Rule:
    """An alarm as a rule: `cases` lists every case of a batch; it fires when their share of signs reaches
    `threshold` over at least `min_count` cases."""

    name: str
    title: str
    formula: str
    threshold: float
    min_count: int
    cases: Callable[[Batch], Iterable[Case]]

    def __call__(self, batch: Batch) -> Alarm:
        """Measure the rule on a batch."""
        cases = list(self.cases(batch))
        signs = [index for index, sign in cases if sign]
        value = len(signs) / len(cases) if cases else math.nan
        return Alarm(
            name=self.name,
            title=self.title,
            formula=self.formula,
            threshold=self.threshold,
            value=value,
            count=len(cases),
            evidence=most_frequent(signs),
            fired=len(cases) >= self.min_count and value >= self.threshold,
        )


def most_frequent(indices: Iterable[int]) -> tuple[int, ...]:
    """Up to MAX_EVIDENCE indices, those that occur most often first."""
    counts: dict[int, int] = {}
    for index in indices:
        counts[index] = counts.get(index, 0) + 1
    return tuple(sorted(counts, key=lambda i: (-counts[i], i))[:MAX_EVIDENCE])
