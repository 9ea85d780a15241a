"""Many checks at once: de-duplicated, cached, in order.

The checker's own tiers take some 50 µs each and run in the calling process; what goes to a worker process (the
symbolic tier, the other backends) runs on ``workers`` of them side by side.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor

from .backend import Backend
from .checker import CHECKER_VERSION, check, needs_worker
from .policy import DEFAULT_POLICY, CheckPolicy
from .result import CheckResult

Pair = tuple[str, str | None]
CACHE_SIZE = 65_536
_CACHED_LENGTH = 2_000


class ResultCache:
    """A bounded least-recently-used cache; thread-safe. Timeouts are never kept."""

    def __init__(self, size: int = CACHE_SIZE) -> None:
        self.size = size
        self.lock = threading.Lock()
        self.results: OrderedDict[tuple[object, ...], CheckResult] = OrderedDict()

    def get(self, key: tuple[object, ...]) -> CheckResult | None:
        with self.lock:
            result = self.results.get(key)
            if result is not None:
                self.results.move_to_end(key)
            return result

    def put(self, key: tuple[object, ...], result: CheckResult) -> None:
        if result.verdict == "timeout":
            return
        with self.lock:
            self.results[key] = result
            while len(self.results) > self.size:
                self.results.popitem(last=False)

    def clear(self) -> None:
        with self.lock:
            self.results.clear()


CACHE = ResultCache()


def check_many(
    pairs: Iterable[Pair],
    workers: int = 2,
    policy: CheckPolicy = DEFAULT_POLICY,
    backend: Backend = "s2r",
    cache: ResultCache | None = CACHE,
) -> list[CheckResult]:
    """Check every ``(gold, answer)`` pair; equal pairs are checked once, results come back in order.

    ``workers`` worker processes at most run side by side for the symbolic tier and the other backends.
    """
    if workers < 1:
        raise ValueError(f"workers must be at least 1, got {workers}")
    listed: list[Pair] = [(gold, answer) for gold, answer in pairs]
    known: dict[Pair, CheckResult] = {}
    waiting: list[Pair] = []
    for pair in dict.fromkeys(listed):
        gold, answer = pair
        key = (CHECKER_VERSION, policy, backend, gold, answer)
        found = cache.get(key) if cache is not None else None
        if found is not None:
            known[pair] = found
        elif needs_worker(gold, answer, policy, backend):
            waiting.append(pair)
        else:
            known[pair] = check(gold, answer, policy, backend)
            _keep(cache, key, known[pair])
    if waiting:
        with ThreadPoolExecutor(max_workers=workers) as executor:
            results = executor.map(lambda pair: check(pair[0], pair[1], policy, backend, 20.0), waiting)
            for pair, result in zip(waiting, results, strict=True):
                known[pair] = result
                _keep(cache, (CHECKER_VERSION, policy, backend, *pair), result)
    return [known[pair] for pair in listed]


def _keep(cache: ResultCache | None, key: tuple[object, ...], result: CheckResult) -> None:
    gold, answer = key[-2:]
    if cache is not None and len(str(gold)) + len(str(answer or "")) <= _CACHED_LENGTH:
        cache.put(key, result)
