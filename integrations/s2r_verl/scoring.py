"""Response tokens + golden answer → Trace. Never raises: whatever goes wrong earns the failing score."""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from s2r_rewards import action_rewards, judge, outcome_reward, parse
from s2r_rewards.judging import JudgedTrajectory
from s2r_rewards.metrics import BehaviourCounts, behaviour_counts
from s2r_rewards.tokens import decode_with_offsets, spans_from_offsets
from s2r_verl.options import Options
from s2r_verl.trace import Trace

logger = logging.getLogger(__name__)
FAILING_SCORE = -1.0


class Failures:
    """Counts scoring failures of this process and logs the first of each kind with its cause."""

    def __init__(self) -> None:
        self._seen: dict[str, int] = {}
        self._lock = threading.Lock()

    def note(
        self, error: BaseException, where: str, then: str = f"the response earns {FAILING_SCORE}"
    ) -> str:
        cause = f"{type(error).__name__}: {error}"[:500]
        kind = f"{where}: {type(error).__name__}"
        with self._lock:
            count = self._seen[kind] = self._seen.get(kind, 0) + 1
        if count == 1:
            logger.error(
                "S2R scoring failed (%s); %s and training goes on. "
                "Further failures of this kind are counted, not logged. %s",
                where,
                then,
                cause,
                exc_info=error,
            )
        return cause

    @property
    def total(self) -> int:
        return sum(self._seen.values())


failures = Failures()


def score_tokens(
    token_ids: Sequence[int],
    tokenizer: Any,
    gold: Any,
    options: Options,
    level: Any = None,
    finished: bool | None = None,
) -> Trace:
    """Scores the T generated tokens of one response (without padding) against its golden answer.

    Args:
        finished: True: generation emitted the end token; False: cut off; None: the text decides.
    """
    length = len(token_ids)
    try:
        text, offsets = decode_with_offsets(token_ids, tokenizer)
        judged, trace = _score(text, gold, options, level, finished)
        spans = spans_from_offsets(offsets, [(a.start, a.end) for a in judged.trajectory.actions])
        return replace(trace, spans=spans)
    except Exception as error:
        return _failing(length, level, failures.note(error, "response tokens"))


def score_text(text: Any, gold: Any, options: Options, level: Any = None) -> Trace:
    """As :func:`score_tokens` for a decoded response; the trace has no token spans."""
    try:
        return _score(text, gold, options, level, None)[1]
    except Exception as error:
        return _failing(0, level, failures.note(error, "response text"))


def _score(
    text: str, gold: Any, options: Options, level: Any, finished: bool | None
) -> tuple[JudgedTrajectory, Trace]:
    if not isinstance(gold, str):
        raise TypeError(f"the golden answer is {type(gold).__name__} {gold!r:.80}; expected text")
    if len(text) > options.max_chars:
        raise ValueError(
            f"the response has {len(text)} characters; algorithm.s2r.max_chars is {options.max_chars}"
        )
    rules = options.rules
    judged = judge(parse(text, options.grammar or rules.grammar, finished), gold)
    trace = Trace(
        spans=(),
        rewards=action_rewards(judged, no_end_penalty=rules.no_end_penalty),
        outcome=outcome_reward(judged, no_end_penalty=rules.no_end_penalty),
        counts=behaviour_counts(judged),
        level=_shown(level),
    )
    return judged, trace


def _failing(length: int, level: Any, cause: str) -> Trace:
    """A failed response is one wrong, ungradable attempt that spans all its tokens."""
    counts = BehaviourCounts(trajectories=1, attempts=1, first_wrong=1, ungradable=1)
    spans = ((0, length),) if length else ()
    return Trace(spans, (FAILING_SCORE,) * len(spans), FAILING_SCORE, counts, _shown(level), cause)


def _shown(level: Any) -> str | None:
    return None if level in (None, "") else str(level)
