"""Many pairs side by side: our own checker's in chunks, over the calling process and workers of the shared pool."""

from __future__ import annotations

import threading
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
#: Into how many a chunk is cut that went over its limit.
_PIECES = 16
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
    found: list[CheckResult] = [_NOT_YET] * len(pairs)
    rest = _Rest(len(pairs), workers)
    errors: list[BaseException] = []

    def help_out() -> None:
        try:
            while (cut := rest.take_much()) is not None:
                found[cut] = _in_worker(pairs[cut], policy)
        except BaseException as error:  # raised again below, in the caller's thread
            errors.append(error)

    helpers = [threading.Thread(target=help_out, daemon=True) for _ in range(workers - 1)]
    for helper in helpers:
        helper.start()
    while (cut := rest.take_a_little()) is not None:
        found[cut] = [check(gold, answer, policy) for gold, answer in pairs[cut]]
    for helper in helpers:
        helper.join()
    if errors:
        raise errors[0]
    return found


_NOT_YET = CheckResult("ungradable", "checker", "not checked yet")


class _Rest:
    """What nobody has taken yet: this process takes a little from the front, as that costs it nothing; a worker takes its
    share from the end, since each of its chunks waits for this process to let go of the interpreter. The shares shrink
    with what is left, so that all finish together.
    """

    def __init__(self, count: int, workers: int) -> None:
        self.first, self.last, self.workers = 0, count, workers
        self.lock = threading.Lock()

    def take_a_little(self) -> slice | None:
        """The next few pairs; None when all are taken."""
        with self.lock:
            start, self.first = self.first, min(self.last, self.first + _SMALLEST)
            return slice(start, self.first) if start < self.first else None

    def take_much(self) -> slice | None:
        """A worker's next pairs; None when few are left."""
        with self.lock:
            size = int(0.8 * (self.last - self.first) / self.workers)
            if size < _SMALLEST:
                return None
            self.last -= size
            return slice(self.last, self.last + size)


def _in_worker(pairs: Sequence[_Single], policy: CheckPolicy) -> list[CheckResult]:
    """A chunk in a worker; if the chunk goes over its limit, in pieces down to a pair, so that none spoils another."""
    from .workers.pool import Task, shared_pool

    task = Task(f"{__name__}:check_request", {"policy": asdict(DEFAULT_POLICY), "pairs": [("x+1", "1+x")]})
    request: dict[str, Any] = {"policy": asdict(policy), "pairs": pairs}
    reply = shared_pool().call(task, request, policy.time_limit + _PER_PAIR * len(pairs))
    if "timeout" in reply:
        if len(pairs) == 1:
            return [CheckResult("timeout", "checker", reply["timeout"])]
        step = max(1, len(pairs) // _PIECES)
        pieces = (pairs[start : start + step] for start in range(0, len(pairs), step))
        return [result for piece in pieces for result in _in_worker(piece, policy)]
    for *key, count in reply["failures"]:
        FAILURES[key[0], key[1]] += count
    results = [CheckResult(*one) for one in reply["results"]]
    return [results[number] for number in reply["found"]]


def check_request(request: dict[str, Any]) -> dict[str, Any]:
    """In a worker: our checker's results on a chunk, each kind of result once, and how often it failed meanwhile."""
    policy = CheckPolicy(**request["policy"])
    before = FAILURES.copy()
    numbers: dict[CheckResult, int] = {}
    found = [numbers.setdefault(check(gold, answer, policy), len(numbers)) for gold, answer in request["pairs"]]
    failures = [[*key, count] for key, count in (FAILURES - before).items()]
    return {"found": found, "results": [(one.verdict, one.tier, one.reason) for one in numbers], "failures": failures}
