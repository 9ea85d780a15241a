"""Judges samples of concurrent requests together, so that equal answers of a prompt's group are checked once."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from itertools import islice
from typing import Any

Job = tuple[list[Any], "asyncio.Future[list[Any]]"]


class Batcher:
    """``await submit(items)`` → results in order; ``workers`` tasks call ``handle`` on merged batches."""

    def __init__(
        self, handle: Callable[[Sequence[Any]], Awaitable[list[Any]]], max_batch: int, wait: float, workers: int = 2
    ) -> None:
        self.handle, self.max_batch, self.wait, self.workers = handle, max_batch, wait, workers
        self._queue: asyncio.Queue[Job] = asyncio.Queue()
        self._tasks: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Batcher:
        self._tasks = [asyncio.create_task(self._work()) for _ in range(self.workers)]
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
            jobs = await self._gather()
            try:
                results = iter(await self.handle([item for own, _ in jobs for item in own]))
            except Exception as error:
                for _, answer in jobs:
                    if not answer.cancelled():
                        answer.set_exception(error)
            else:
                for own, answer in jobs:
                    part = list(islice(results, len(own)))
                    if not answer.cancelled():  # the client has gone
                        answer.set_result(part)
            for _ in jobs:
                self._queue.task_done()

    async def _gather(self) -> list[Job]:
        """The next job, with what waits behind it or arrives within the waiting time, up to the largest batch."""
        jobs, waited = [await self._queue.get()], False
        count = len(jobs[0][0])
        while count < self.max_batch and not (waited and self._queue.empty()):
            if self._queue.empty():
                await asyncio.sleep(self.wait)
                waited = True
            else:
                jobs.append(self._queue.get_nowait())
                count += len(jobs[-1][0])
        return jobs
