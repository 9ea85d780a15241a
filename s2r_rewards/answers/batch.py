"""Many checks at once: de-duplicated, cached, in order.

The checker's own tiers take tens of µs each: they run in the calling process, and large batches on worker processes
beside it (see :mod:`.chunks`). What always goes to a worker (the symbolic tier, the other backends) runs on
``workers`` of them side by side.
"""

import itertools
import threading
from collections import OrderedDict
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import replace
from functools import lru_cache, partial
from typing import Any

from .checker import CHECKER_VERSION, best, check, needs_worker
from .chunks import check_chunks, side_by_side
from .gold import TypedGold, accepted
from .policy import DEFAULT_POLICY, AnswerKind, CheckPolicy, get_policy
from .result import VERDICTS, CheckResult, failed
from .workers.backends import Backend, require

Pair = tuple[str | Sequence[str] | TypedGold, str | None]
_Single = tuple[str, str | None]
_CheckAll = Callable[[Collection[_Single], AnswerKind | None], dict[_Single, CheckResult]]
CACHE_SIZE = 65_536
_CACHED_LENGTH = 2_000


class ResultCache:
    """A bounded least-recently-used cache; thread-safe. Timeouts and long texts are never kept."""

    def __init__(self, size: int = CACHE_SIZE) -> None:
        self.size = size
        self.lock = threading.Lock()
        self.results: OrderedDict[tuple[object, ...], CheckResult] = OrderedDict()

    def get(self, key: tuple[object, ...]) -> CheckResult | None:
        """The result kept under a key, if there is one."""
        with self.lock:
            result = self.results.get(key)
            if result is not None:
                self.results.move_to_end(key)
            return result

    def put(self, key: tuple[object, ...], result: CheckResult) -> None:
        """Keep a result, and drop the one that was not asked for the longest time; a key ends with the texts."""
        if (
            result.verdict == "timeout"
            or sum([len(text) for text in key[1:] if isinstance(text, str)]) > _CACHED_LENGTH
        ):
            return
        with self.lock:
            self.results[key] = result
            while len(self.results) > self.size:
                self.results.popitem(last=False)


CACHE = ResultCache()
_numbers = itertools.count()


@lru_cache(maxsize=256)
def _asked(version: str, policy: CheckPolicy, backend: Backend) -> int:
    """A number for what is asked of every pair of a batch, so that not each pair's key is hashed with all of it."""
    return next(_numbers)


def check_many(
    pairs: Iterable[Pair],
    workers: int = 2,
    policy: CheckPolicy | str | None = DEFAULT_POLICY,
    backend: Backend = "s2r",
    cache: ResultCache | None = CACHE,
) -> list[CheckResult]:
    """Check every ``(gold, answer)`` pair; equal pairs are checked once, results come back in order.

    ``workers`` processes at most work side by side, this one among them; the worker processes are those of the one pool
    that all threads share. A gold answer may be a tuple of accepted ones, or a `TypedGold` that brings its kind;
    ``policy`` is whatever :func:`get_policy` takes.
    """
    if workers < 1:
        raise ValueError(f"workers must be at least 1, got {workers}")
    return _over_pairs(pairs, partial(_check_all, workers, get_policy(policy), backend, cache))


def _over_pairs(pairs: Iterable[Pair], check_all: _CheckAll) -> list[CheckResult]:
    """Ask once for every single gold answer and answer, of one kind after the other; results in order."""
    listed: list[Any] = [(g if isinstance(g, (str, TypedGold)) else accepted(g), answer) for g, answer in pairs]
    known: dict[Any, CheckResult] = {}
    if listed and all(type(gold) is str for gold, _ in listed):  # as most batches are
        known = check_all(dict.fromkeys(listed), None)
        return [known[pair] for pair in listed]
    for kind in dict.fromkeys(_kind(gold) for gold, _ in listed):
        own = dict.fromkeys(pair for pair in listed if _kind(pair[0]) == kind)
        several = {pair: [(one, pair[1]) for one in accepted(pair[0])] for pair in own if not isinstance(pair[0], str)}
        single = (pair for pair in own if isinstance(pair[0], str))
        results: dict[Any, CheckResult] = check_all(
            dict.fromkeys([*single, *(one for row in several.values() for one in row)]), kind
        )
        known |= {pair: results[pair] for pair in own if pair not in several}
        known |= {pair: best([results[one] for one in row]) for pair, row in several.items()}
    return [known[pair] for pair in listed]


def _kind(gold: object) -> AnswerKind | None:
    """The kind that a gold answer brings along; None: the policy's."""
    return gold.kind if isinstance(gold, TypedGold) else None


def _check_all(
    workers: int,
    policy: CheckPolicy,
    backend: Backend,
    cache: ResultCache | None,
    pairs: Collection[_Single],
    kind: AnswerKind | None,
) -> dict[_Single, CheckResult]:
    policy = policy if kind is None else replace(policy, kind=kind)
    if backend != "s2r":
        require(backend)
    known: dict[_Single, CheckResult] = {}
    asked = _asked(CHECKER_VERSION, policy, backend)
    if cache is not None:
        for pair in pairs:
            if (kept := cache.get((asked, *pair))) is not None:
                known[pair] = kept
    fresh_pairs = [pair for pair in pairs if pair not in known] if known else list(pairs)
    slow = [pair for pair in fresh_pairs if needs_worker(*pair, policy, backend)]
    delegated = set(slow)
    quick = [pair for pair in fresh_pairs if pair not in delegated] if slow else fresh_pairs
    fresh = dict(zip(quick, check_chunks(quick, workers, policy), strict=True))
    if slow:
        ask = partial(_one, policy, backend)
        fresh.update(zip(slow, side_by_side(ask, slow, workers), strict=True))
    if cache is not None:
        for pair, result in fresh.items():
            cache.put((asked, *pair), result)
    return known | fresh if known else fresh


def _one(policy: CheckPolicy, backend: Backend, pair: _Single) -> CheckResult:
    return check(*pair, policy, backend)


def batch_checker(
    checker: Callable[[str, str], object] | str | None = None, policy: CheckPolicy | str | None = None, workers: int = 2
) -> Callable[[Sequence[tuple[Any, str]]], list[CheckResult]]:
    """A checker of many pairs at once: ours under a policy, or one of your own. It can be pickled and never raises.

    Args:
        checker: None; or ``(gold, answer) -> CheckResult`` (or a bool), as a function or ``"package.module:object"``.
            Equal pairs are asked once; an exception or any other reply is an ``ungradable`` result with the reason.
        policy: for our checker, whatever :func:`get_policy` takes.
        workers: worker processes for our checker, see :func:`check_many`.

    Raises:
        ValueError: an unknown policy, a checker that cannot be called, or a policy for one of your own.
    """
    if workers < 1:
        raise ValueError(f"workers must be at least 1, got {workers}")
    if checker is None:
        return partial(check_many, workers=workers, policy=get_policy(policy))
    if policy is not None:
        raise ValueError(f"policy={policy!r}: checker {checker!r} decides by itself; give one of the two")
    function: Any = checker
    if isinstance(checker, str):
        from s2r_rewards.resolve import load_object

        function = load_object(checker, "checker")
    if not callable(function):
        found = type(function).__name__
        raise ValueError(f"checker {checker!r}: expected a function (gold, answer) -> CheckResult, found {found}")
    name = checker if isinstance(checker, str) else getattr(checker, "__name__", repr(checker))
    return partial(_over_pairs, check_all=partial(_ask_all, function, f"checker {name}"))


def _ask_all(
    checker: Callable[[str, str], object], name: str, pairs: Collection[_Single], kind: AnswerKind | None
) -> dict[_Single, CheckResult]:
    """Whatever the kind: a checker of one's own sees the texts and decides by itself."""
    return {pair: _ask(checker, name, *pair) for pair in pairs}


def _ask(checker: Callable[[str, str], object], name: str, gold: str, answer: str | None) -> CheckResult:
    """The reply of a person's own checker for one pair, typed."""
    if answer is None:
        return CheckResult("malformed", "string", "the answer is empty")
    try:
        reply = checker(gold, answer)
        if isinstance(reply, CheckResult):
            if reply.verdict not in VERDICTS:
                raise TypeError(f"expected one of the verdicts {', '.join(VERDICTS)}, found {reply.verdict!r}")
            return reply
        if not isinstance(reply, bool):
            raise TypeError(f"expected a CheckResult or a bool, found {type(reply).__name__}")
    except Exception as error:
        return failed(name, error, gold, answer)
    return CheckResult("correct" if reply else "incorrect", "checker", f"{name} says so")
