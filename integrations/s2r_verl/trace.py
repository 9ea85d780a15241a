"""What the reward worker found out about one response, as one JSON string that survives verl's plumbing.

verl carries ``reward_extra_info`` from the reward worker to the agent loop and to the trainer; lists of
unequal length raise there and equal ones are averaged, a string passes untouched.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass

from s2r_rewards.metrics import BehaviourCounts, level_name

FIELD = "s2r_trace"
ACTION_IDS = "s2r_action_ids"
"""[T] long per sample: 1 + the index of the token's action, 0 for none (so that padding with 0 is harmless)."""
FAILED_METRIC = "s2r/alarm/scoring_failed"
"""Share of responses whose scoring failed (they earn the failing score)."""


@dataclass(frozen=True, slots=True)
class Trace:
    """The actions of one response of T tokens."""

    spans: tuple[tuple[int, int], ...]
    """Token span [first, end) of each action; that of ``end``, which earns nothing, comes last where there is one."""
    rewards: tuple[float, ...]
    """±1 per attempt and verification."""
    outcome: float
    """±1."""
    counts: BehaviourCounts
    level: str | None = None
    error: str | None = None
    """Why scoring failed, None if it did not."""

    def dumps(self) -> str:
        return json.dumps(
            {
                "spans": self.spans,
                "rewards": self.rewards,
                "outcome": self.outcome,
                "counts": list(asdict(self.counts).values()),
                "level": self.level,
                "error": self.error,
            },
            separators=(",", ":"),
        )

    @classmethod
    def loads(cls, text: str) -> Trace:
        data = json.loads(text)
        return cls(
            spans=tuple((first, end) for first, end in data["spans"]),
            rewards=tuple(data["rewards"]),
            outcome=data["outcome"],
            counts=BehaviourCounts(*data["counts"]),
            level=data["level"],
            error=data["error"],
        )


def batch_metrics(traces: Iterable[Trace]) -> dict[str, float]:
    """Every declared ``s2r/*`` metric over the responses of a batch, then by level, then the failures.

    Counts are added before they are divided, so the numbers equal ``behaviour_metrics`` on the same
    responses.
    """
    traces = list(traces)
    metrics = _total(traces).metrics()
    for level in sorted({trace.level for trace in traces if trace.level}):
        of_level = _total([trace for trace in traces if trace.level == level]).metrics()
        metrics.update({level_name(name, level): value for name, value in of_level.items()})
    failed = sum(trace.error is not None for trace in traces)
    metrics[FAILED_METRIC] = failed / len(traces) if traces else float("nan")
    return metrics


def _total(traces: list[Trace]) -> BehaviourCounts:
    columns = zip(*(asdict(trace.counts).values() for trace in traces), strict=True)
    return BehaviourCounts(*(sum(column) for column in columns)) if traces else BehaviourCounts()
