"""What a batch of records says of itself, and what went wrong in this process."""

from __future__ import annotations

import logging
import threading
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from s2r_rewards.adapter.options import Options, resolve_method
from s2r_rewards.alarms import Signs, alarm_metrics, find_alarms, sign_metrics
from s2r_rewards.answers.gold import Gold
from s2r_rewards.judging import JudgedTrajectory
from s2r_rewards.metrics import BehaviourCounts, behaviour_counts, metrics_of_counts
from s2r_rewards.parsing import parse
from s2r_rewards.scored import ScoredRollout
from s2r_rewards.tokens import decode_with_offsets

logger = logging.getLogger(__name__)

#: Share of the samples of a batch that could not be scored (a bad label, an unreadable response, …).
FAILED_METRIC = "s2r/alarm/scoring_failed"


class Failures:
    """Counts what went wrong in this process and logs the first of each kind with its cause."""

    def __init__(self) -> None:
        self.seen: Counter[str] = Counter()
        self._lock = threading.Lock()

    def note(self, error: BaseException, where: str, then: str = "it earns the failing reward") -> str:
        """Counts a failure; returns its cause in one line."""
        cause = f"{type(error).__name__}: {error}"[:500]
        kind = f"{where}: {type(error).__name__}"
        with self._lock:
            self.seen[kind] += 1
            first = self.seen[kind] == 1
        if first:
            logger.error(
                "S2R scoring failed (%s); %s and training goes on. Further failures of this kind are counted, "
                "not logged. %s",
                where,
                then,
                cause,
                exc_info=error,
            )
        return cause


failures = Failures()


class Measured(NamedTuple):
    """What a response adds to the metrics of its batch: little, where thousands of records are too much to keep."""

    counts: BehaviourCounts
    level: str | None
    failed: bool
    signs: Signs | None
    """What it adds to the alarms; None: nothing."""


def measured(record: ScoredRollout) -> Measured:
    """What a record adds."""
    return Measured(behaviour_counts(record), record.level or None, record.failure is not None, record.signs)


def batch_metrics(scored: Iterable[ScoredRollout | Measured], alarms: bool = False) -> dict[str, float]:
    """``behaviour_metrics`` over the responses of a batch and by level, and the share of failures.

    Args:
        alarms: ``s2r/alarm/*`` too, of the signs that the responses bring along.
    """
    found = [item if isinstance(item, Measured) else measured(item) for item in scored]
    metrics = metrics_of_counts([item.counts for item in found], [item.level for item in found])
    metrics[FAILED_METRIC] = sum(item.failed for item in found) / len(found) if found else float("nan")
    return metrics | (sign_metrics([item.signs for item in found if item.signs]) if alarms else {})


def step_alarms(
    scored: Iterable[ScoredRollout],
    golds: Iterable[Gold],
    prompts: Iterable[str],
    responses: Iterable[Sequence[int]],
    tokenizer: Any,
    options: Options,
) -> dict[str, float]:
    """``s2r/alarm/*`` over the B responses of a training step, given by their token ids; those that failed are left out.

    Never raises: a metric must not stop a training run.
    """
    if not options.alarms:
        return {}
    try:
        judged, asked = [], []
        for record, gold, prompt, ids in zip(scored, golds, prompts, responses, strict=True):
            text, _ = decode_with_offsets(ids, tokenizer)
            found = None if record.failure is not None else _judged(record, text, gold, options)
            if found:
                judged.append(found)
                asked.append(prompt)
        return alarm_metrics(find_alarms(judged, asked))
    except Exception as error:
        failures.note(error, "alarms", "this step logs none")
        return {}


def _judged(record: ScoredRollout, text: str, gold: Gold, options: Options) -> JudgedTrajectory | None:
    """A record that travelled as text lacks the answers that some alarms compare: its response is parsed again."""
    if any(action.answer is not None for action in record.actions):
        return record.judged(text, gold)
    trajectory = parse(text, resolve_method(options).grammar, record.ended)
    return JudgedTrajectory(trajectory, gold, record.checks) if len(trajectory.attempts) == len(record.checks) else None
