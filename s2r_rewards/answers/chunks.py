"""Many pairs side by side: our own checker's in chunks, over the calling process and workers of the shared pool."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any, TypeVar

from .checker import check
from .policy import DEFAULT_POLICY, CheckPolicy
from .result import FAILURES, CheckResult

T = TypeVar("T")
R = TypeVar("R")
_Single = tuple[str, str | None]

#: Smaller batches are done before a worker would have started (about 0.2 s).
WORTH_A_WORKER = 8_000
_SMALLEST = 500
#: CPU seconds that a worker may take for a chunk, beyond ``time_limit``: many times what its pairs need.
_PER_PAIR = 0.005


def side_by_side(function: Callable[[T], R], items: Sequence[T], threads: int) -> list[R]:
    """``function`` of every item, in order, on so many threads."""
    if threads == 1 or len(items) == 1:
        return [function(item) for item in items]
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(max_workers=threads) as executor:
        return list(executor.map(function, items))


def check_chunks(pairs: Sequence[_Single], workers: int, policy: CheckPolicy) -> list[CheckResult]:
    """Our checker's results, in order; this process and ``workers - 1`` others take chunk after chunk."""
    if workers == 1 or len(pairs) < WORTH_A_WORKER:
        return [check(gold, answer, policy) for gold, answer in pairs]
    chunks = deque(_cut(len(pairs), workers))
    found: list[Sequence[CheckResult]] = [()] * len(chunks)
    places = {chunk: place for place, chunk in enumerate(chunks)}
    errors: list[BaseException] = []

    def help_out() -> None:
        try:
            while chunk := _next(chunks):
                found[places[chunk]] = _in_worker(pairs[chunk[0] : chunk[1]], policy)
        except BaseException as error:  # raised again below, in the caller's thread
            errors.append(error)

    helpers = [threading.Thread(target=help_out, daemon=True) for _ in range(workers - 1)]
    for helper in helpers:
        helper.start()
    while chunk := _next(chunks):
        found[places[chunk]] = [check(gold, answer, policy) for gold, answer in pairs[chunk[0] : chunk[1]]]
    for helper in helpers:
        helper.join()
    if errors:
        raise errors[0]
    return [result for chunk_results in found for result in chunk_results]


def _next(chunks: deque[tuple[int, int]]) -> tuple[int, int] | None:
    try:
        return chunks.popleft()
    except IndexError:
        return None


def _cut(count: int, workers: int) -> list[tuple[int, int]]:
    """[first, end) of each chunk: large ones first, small ones at the end, so that all finish together."""
    cuts, at = [], 0
    while at < count:
        size = min(count - at, max(_SMALLEST, (count - at) // (3 * workers)))
        cuts.append((at, at + size))
        at += size
    return cuts


def _in_worker(pairs: Sequence[_Single], policy: CheckPolicy) -> list[CheckResult]:
    """A chunk in a worker; if the chunk goes over its limit, each pair by itself, so that one spoils no other."""
    from .workers.pool import Task, shared_pool

    task = Task(f"{__name__}:check_request", {"policy": asdict(DEFAULT_POLICY), "pairs": [("x+1", "1+x")]})
    request: dict[str, Any] = {"policy": asdict(policy), "pairs": pairs}
    reply = shared_pool().call(task, request, policy.time_limit + _PER_PAIR * len(pairs))
    if "timeout" in reply:
        if len(pairs) == 1:
            return [CheckResult("timeout", "checker", reply["timeout"])]
        return [result for pair in pairs for result in _in_worker([pair], policy)]
    for *key, count in reply["failures"]:
        FAILURES[key[0], key[1]] += count
    return [CheckResult(*one) for one in reply["results"]]


def check_request(request: dict[str, Any]) -> dict[str, Any]:
    """In a worker: our checker's results on a chunk, and how often it failed meanwhile."""
    policy = CheckPolicy(**request["policy"])
    before = FAILURES.copy()
    found = [check(gold, answer, policy) for gold, answer in request["pairs"]]
    failures = [[*key, count] for key, count in (FAILURES - before).items()]
    return {"results": [(one.verdict, one.tier, one.reason) for one in found], "failures": failures}
