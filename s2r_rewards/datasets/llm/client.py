"""Many completions through the client, each stored as it comes, so that a killed run can go on sample by sample.

One request asks for one sample with its own seed.
"""

import asyncio
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict
from typing import Any

from s2r_rewards.datasets.llm.requests import Request, seed_of
from s2r_rewards.datasets.resume import WorkLog
from s2r_rewards.llm.client import RETRY_STATUSES, Completion, CompletionClient, CompletionError

__all__ = ["RETRY_STATUSES", "Completion", "CompletionClient", "CompletionError", "generate"]


async def generate(
    requests: Iterable[Request],
    client: CompletionClient,
    log: WorkLog,
    seed: int = 0,
    concurrency: int = 32,
    on_error: str = "stop",
    on_done: Callable[[dict[str, Any]], None] = lambda row: None,
) -> list[str]:
    """Ask for every request that ``log`` does not hold yet, and store each reply at once.

    Returns:
        Messages of the requests that failed for good; empty unless ``on_error="skip"``.

    Raises:
        CompletionError: the first failure, after the replies under way were stored (``on_error="stop"``).
    """
    waiting: Iterator[Request] = (r for r in requests if r.key not in log)
    failures: list[str] = []

    async def worker() -> None:
        for request in waiting:
            if failures and on_error == "stop":
                return
            try:
                reply = await client.complete(request.messages, seed_of(seed, request.key))
            except CompletionError as error:
                failures.append(f"{request.key}: {error}")
                continue
            row = {**request.context, **asdict(reply)}
            log.add(request.key, row)
            on_done(row)

    await asyncio.gather(*(worker() for _ in range(concurrency)))
    if failures and on_error == "stop":
        raise CompletionError(failures[0])
    return failures
