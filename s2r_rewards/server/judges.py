"""Processes that score samples, so that the server's own process only reads and writes requests."""

from __future__ import annotations

import logging
import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, fields
from operator import attrgetter

from s2r_rewards.adapter import Options, Sample, score_responses
from s2r_rewards.metrics import BehaviourCounts, behaviour_counts
from s2r_rewards.scored import ScoredRollout

logger = logging.getLogger(__name__)
_in_order = attrgetter(*(f.name for f in fields(BehaviourCounts)))


@dataclass(frozen=True, slots=True)
class Answer:
    """What the protocol says of one sample; small, since it travels between processes."""

    outcome: float
    failed: bool
    counts: tuple[int, ...]
    """The fields of :class:`~s2r_rewards.metrics.BehaviourCounts`, in order."""

    @classmethod
    def of(cls, scored: ScoredRollout) -> Answer:
        return cls(scored.outcome, scored.failure is not None, _in_order(behaviour_counts(scored)))


def judge_samples(samples: Sequence[Sample], options: Options | None = None) -> list[Answer]:
    """Scores in this process; never raises on content."""
    return [Answer.of(one) for one in score_responses(samples, options)]


def _settle_in(server: int) -> None:
    """A worker leaves Ctrl-C to the server, and ends when the server is no more."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)

    def watch() -> None:
        while os.getppid() == server:
            time.sleep(1.0)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


class Judges:
    """``judge(samples)`` in one of ``count`` processes; called from threads.

    A process that dies (of memory, say) is replaced, and its batch is judged again, once.
    """

    def __init__(self, options: Options, count: int) -> None:
        self.options, self.count = options, count
        self._lock = threading.Lock()
        self._pool: ProcessPoolExecutor | None = None

    def start(self) -> None:
        """Returns when every process is ready."""
        pool = self._get(None)
        list(pool.map(judge_samples, [[Sample("\\boxed{1}", "1")]] * self.count, [self.options] * self.count))

    def judge(self, samples: Sequence[Sample]) -> list[Answer]:
        pool = self._get(None)
        try:
            return pool.submit(judge_samples, samples, self.options).result()
        except BrokenProcessPool:
            logger.error("a scoring process died; starting others, and judging %d samples again", len(samples))
            return self._get(pool).submit(judge_samples, samples, self.options).result()

    def close(self) -> None:
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)

    def _get(self, broken: ProcessPoolExecutor | None) -> ProcessPoolExecutor:
        with self._lock:
            if self._pool is None or self._pool is broken:
                # Forked out of a process with threads a worker may wait for a lock for ever.
                context = multiprocessing.get_context("spawn")
                self._pool = ProcessPoolExecutor(self.count, context, _settle_in, (os.getpid(),))
            return self._pool
