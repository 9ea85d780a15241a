"""Judges samples of concurrent requests together, so that equal answers of a prompt's group are checked once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

Job = tuple[list[Any], "asyncio.Future[list[Any]]"]


class Batcher:
    """``await submit(items)`` → results in order; a few workers call ``handle`` in threads on merged batches."""

    def __init__(
        self, handle: Callable[[Sequence[Any]], list[Any]], max_batch: int, wait: float, workers: int = 2
    ) -> None:
        self.handle, self.max_batch, self.wait = handle, max_batch, wait
        self._queue: asyncio.Queue[Job] = asyncio.Queue()
        self._workers = workers
        self._tasks: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Batcher:
        self._tasks = [asyncio.create_task(self._work()) for _ in range(self._workers)]
        return self

    async def __aexit__(self, *exception: object) -> None:
        await self._queue.join()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def submit(self, items: list[Any]) -> list[Any]:
        if not items:
            return []
        answer: asyncio.Future[list[Any]] = asyncio.get_running_loop().create_future()
        self._queue.put_nowait((items, answer))
        return await answer

    async def _work(self) -> None:
        while True:
            jobs = [await self._queue.get()]
            await self._gather(jobs)
            items = [item for own, _ in jobs for item in own]
            try:
                results = await asyncio.to_thread(self.handle, items)
            except Exception as error:
                for _, answer in jobs:
                    if not answer.cancelled():
                        answer.set_exception(error)
            else:
                start = 0
                for own, answer in jobs:
                    if not answer.cancelled():  # the client has gone
                        answer.set_result(results[start : start + len(own)])
                    start += len(own)
            for _ in jobs:
                self._queue.task_done()

    async def _gather(self, jobs: list[Job]) -> None:
        """Adds what arrives within the waiting time, up to the largest batch."""
        if not self._take_waiting(jobs):
            await asyncio.sleep(self.wait)
            self._take_waiting(jobs)

    def _take_waiting(self, jobs: list[Job]) -> bool:
        """Adds what is in the queue already; whether the batch is full."""
        count = sum(len(items) for items, _ in jobs)
        while count < self.max_batch and not self._queue.empty():
            jobs.append(self._queue.get_nowait())
            count += len(jobs[-1][0])
        return count >= self.max_batch
