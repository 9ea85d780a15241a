"""Many completions through one client, each stored as it comes: the engine of sampling, verifying and evaluating."""

import asyncio
import hashlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from s2r_rewards.datasets.client import CompletionClient, CompletionError
from s2r_rewards.datasets.resume import WorkLog


@dataclass(frozen=True, slots=True)
class Request:
    """One completion to ask for. ``key`` names it for ever; ``context`` goes into its row as it is."""

    key: str
    messages: list[dict[str, str]]
    context: dict[str, Any]


@dataclass(slots=True)
class Usage:
    """Requests and tokens of one run; tokens as the server counts them."""

    done: int = 0
    failed: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cut_off: int = 0

    def cost(self, per_million_in: float, per_million_out: float) -> float:
        """Price of the tokens, in the currency of the two prices per million tokens."""
        return (self.prompt_tokens * per_million_in + self.completion_tokens * per_million_out) / 1e6

    def add(self, row: dict[str, Any]) -> None:
        self.done += 1
        self.prompt_tokens += row["prompt_tokens"]
        self.completion_tokens += row["completion_tokens"]
        self.cut_off += not row["finished"]


def seed_of(seed: int, key: str) -> int:
    """The seed of one request: a resumed run asks the server for the very same sample."""
    return int.from_bytes(hashlib.blake2b(f"{seed}:{key}".encode(), digest_size=4).digest(), "big") >> 1


async def generate(
    requests: Iterable[Request],
    client: CompletionClient,
    log: WorkLog,
    seed: int = 0,
    concurrency: int = 32,
    on_error: str = "raise",
    on_done: Callable[[dict[str, Any]], None] = lambda row: None,
) -> list[str]:
    """Ask for every request that ``log`` does not hold yet, and store each reply at once.

    Returns:
        Messages of the requests that failed for good; empty unless ``on_error="skip"``.

    Raises:
        CompletionError: the first failure, after the replies under way were stored (``on_error="raise"``).
    """
    waiting: Iterator[Request] = (r for r in requests if r.key not in log)
    failures: list[str] = []

    async def worker() -> None:
        for request in waiting:
            if failures and on_error == "raise":
                return
            try:
                reply = await client.complete(request.messages, seed_of(seed, request.key))
            except CompletionError as error:
                failures.append(f"{request.key}: {error}")
                continue
            row = {
                **request.context,
                "response": reply.text,
                "finished": reply.finished,
                "prompt_tokens": reply.prompt_tokens,
                "completion_tokens": reply.completion_tokens,
            }
            log.add(request.key, row)
            on_done(row)

    await asyncio.gather(*(worker() for _ in range(concurrency)))
    if failures and on_error == "raise":
        raise CompletionError(failures[0])
    return failures
