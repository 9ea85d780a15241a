"""What a batch of records says of itself, and what went wrong in this process."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterable

from s2r_rewards.metrics import level_name, total_counts
from s2r_rewards.scored import ScoredRollout

logger = logging.getLogger(__name__)

#: Share of the samples of a batch that could not be scored (a bad label, an unreadable response, …).
FAILED_METRIC = "s2r/alarm/scoring_failed"


class Failures:
    """Counts what went wrong in this process and logs the first of each kind with its cause."""

    def __init__(self) -> None:
        self._seen: dict[str, int] = {}
        self._lock = threading.Lock()

    def note(self, error: BaseException, where: str, then: str = "it earns the failing reward") -> str:
        """Counts a failure; returns its cause in one line."""
        cause = f"{type(error).__name__}: {error}"[:500]
        kind = f"{where}: {type(error).__name__}"
        with self._lock:
            count = self._seen[kind] = self._seen.get(kind, 0) + 1
        if count == 1:
            logger.error(
                "S2R scoring failed (%s); %s and training goes on. Further failures of this kind are counted, "
                "not logged. %s",
                where,
                then,
                cause,
                exc_info=error,
            )
        return cause

    @property
    def total(self) -> int:
        """Failures so far."""
        return sum(self._seen.values())


failures = Failures()


def batch_metrics(scored: Iterable[ScoredRollout]) -> dict[str, float]:
    """Every declared ``s2r/*`` metric over the responses of a batch, then by level, then the failures.

    Counts are added before they are divided, so the numbers equal ``behaviour_metrics`` on the same responses.
    """
    scored = list(scored)
    metrics = total_counts(scored).metrics()
    for level in sorted({item.level for item in scored if item.level}):
        of_level = total_counts(item for item in scored if item.level == level).metrics()
        metrics.update({level_name(name, level): value for name, value in of_level.items()})
    failed = sum(item.failure is not None for item in scored)
    metrics[FAILED_METRIC] = failed / len(scored) if scored else float("nan")
    return metrics
