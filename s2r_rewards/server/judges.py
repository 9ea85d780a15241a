"""Processes that score samples, so that the server's own process only reads and writes requests."""

from __future__ import annotations

import asyncio
import atexit
import logging
import multiprocessing
import os
import pickle
import signal
import socket
import threading
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import fields
from operator import attrgetter
from typing import NamedTuple

from s2r_rewards.adapter import Options, Sample, score_responses
from s2r_rewards.metrics import BehaviourCounts, behaviour_counts
from s2r_rewards.scored import ScoredRollout

logger = logging.getLogger(__name__)
_in_order = attrgetter(*(f.name for f in fields(BehaviourCounts)))
_SIZE = 8  # bytes in front of a reply that say how long it is


class Answer(NamedTuple):
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
    """A process leaves Ctrl-C to the server, and ends when the server is no more, in the middle of a check, too."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)

    def watch() -> None:
        while os.getppid() == server:
            time.sleep(1.0)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def _judge_for_ever(link: socket.socket, options: Options, server: int) -> None:
    """In a process of its own: answers batch after batch, until the server hangs up."""
    _settle_in(server)
    with link.makefile("rwb") as pipe:
        while True:
            try:
                batch = [Sample(response, gold, level=level) for response, gold, level in pickle.load(pipe)]
            except (EOFError, OSError, pickle.UnpicklingError):
                return
            # Plain tuples: objects take several times as long to be packed.
            reply = pickle.dumps([tuple(answer) for answer in judge_samples(batch, options)])
            try:
                pipe.write(len(reply).to_bytes(_SIZE, "big") + reply)
                pipe.flush()
            except OSError:
                return


class _Judge:
    """One process, and the socket to it. Batches may wait in the socket, so that the process never does."""

    def __init__(self, options: Options) -> None:
        self.link, theirs = socket.socketpair()
        # Forked out of a process with threads a worker may wait for a lock for ever.
        context = multiprocessing.get_context("spawn")
        self.process = context.Process(target=_judge_for_ever, args=(theirs, options, os.getpid()))
        self.process.start()
        theirs.close()
        atexit.register(self.link.close)  # before multiprocessing waits for a process that waits for this server
        self.asked: deque[asyncio.Future[list[Answer]]] = deque()
        self.alive = True

    async def open(self) -> None:
        self.reader, self.writer = await asyncio.open_connection(sock=self.link)
        self.listening = asyncio.create_task(self._listen())

    async def ask(self, samples: Sequence[Sample]) -> list[Answer]:
        """ConnectionError: the process died."""
        if not self.alive:
            raise ConnectionError("the scoring process died")
        answer: asyncio.Future[list[Answer]] = asyncio.get_running_loop().create_future()
        self.asked.append(answer)
        self.writer.write(pickle.dumps([(one.response, one.gold, one.level) for one in samples]))
        return await answer

    async def _listen(self) -> None:
        try:
            while True:
                size = int.from_bytes(await self.reader.readexactly(_SIZE), "big")
                found = [Answer(*one) for one in pickle.loads(await self.reader.readexactly(size))]
                answer = self.asked.popleft()
                if not answer.done():  # else nobody waits any more
                    answer.set_result(found)
        except (asyncio.IncompleteReadError, OSError):
            self.alive = False
            for answer in self.asked:
                if not answer.done():
                    answer.set_exception(ConnectionError("the scoring process died"))

    def close(self) -> None:
        """The process ends when it has done what it was asked."""
        atexit.unregister(self.link.close)
        self.writer.close()
        self.listening.cancel()


class Judges:
    """``await judge(samples)`` in one of ``count`` processes.

    A process that dies (of memory, say) is replaced, and its batches are judged again, once.
    """

    def __init__(self, options: Options, count: int) -> None:
        self.options, self.count = options, count
        self._judges: list[_Judge] = []
        self._replacing = asyncio.Lock()

    async def start(self) -> None:
        """Returns when every process is ready."""
        self._judges = [_Judge(self.options) for _ in range(self.count)]
        for judge in self._judges:
            await judge.open()
        await asyncio.gather(*[judge.ask([Sample("\\boxed{1}", "1")]) for judge in self._judges])

    async def judge(self, samples: Sequence[Sample]) -> list[Answer]:
        judge = min(self._judges, key=lambda one: len(one.asked))
        try:
            return await judge.ask(samples)
        except ConnectionError:
            logger.error("a scoring process died; starting another, and judging %d samples again", len(samples))
            return await (await self._instead_of(judge)).ask(samples)

    async def close(self) -> None:
        for judge in self._judges:
            judge.close()
        for judge in self._judges:
            await asyncio.to_thread(judge.process.join)

    async def _instead_of(self, dead: _Judge) -> _Judge:
        async with self._replacing:
            if dead in self._judges:
                dead.close()
                fresh = _Judge(self.options)
                await fresh.open()
                self._judges[self._judges.index(dead)] = fresh
            return min(self._judges, key=lambda one: len(one.asked))
