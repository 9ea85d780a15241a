"""What a batch of records says of itself, and what went wrong in this process."""

from __future__ import annotations

import logging
import threading
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from s2r_rewards.adapter.options import Options, resolve_method
from s2r_rewards.alarms import alarm_metrics, find_alarms
from s2r_rewards.answers.gold import Gold
from s2r_rewards.judging import JudgedTrajectory
from s2r_rewards.metrics import behaviour_metrics
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


def batch_metrics(scored: Iterable[ScoredRollout]) -> dict[str, float]:
    """``behaviour_metrics`` over the responses of a batch and by level, and the share of failures."""
    scored = list(scored)
    metrics = behaviour_metrics(scored, [item.level or None for item in scored])
    failed = sum(item.failure is not None for item in scored)
    metrics[FAILED_METRIC] = failed / len(scored) if scored else float("nan")
    return metrics


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
