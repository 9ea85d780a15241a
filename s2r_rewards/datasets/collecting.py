"""Which problems to keep: golden answers that pass their own checker, each problem once, none from a test set;
and random subsets that do not change with order."""

import hashlib
import random
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, TypeVar

from s2r_rewards.answers import check_many
from s2r_rewards.answers.gold import accepted
from s2r_rewards.datasets.problems import Problem
from s2r_rewards.rollouts.records import chunks

Item = TypeVar("Item")
DEFAULT_NGRAM = 13


class NgramIndex:
    """Word n-grams of evaluation problems, and which problem each came from: the field's usual test of a leak.

    Problems shorter than n words are contaminated when they are equal, word for word. Memory grows with the
    evaluation sets only; training problems can stream past.

    Args:
        n: words of a run.
        ignore: what is no part of a problem, in evaluation sets and in what is looked up: the words of a prompt's
            template, which every problem of a source shares.
    """

    def __init__(self, n: int = DEFAULT_NGRAM, ignore: re.Pattern[str] | None = None) -> None:
        if n < 1:
            raise ValueError(f"n={n} words: expected at least 1")
        self.n, self.ignore = n, ignore
        self._origin: dict[int | str, str] = {}

    def add(self, text: str, name: str) -> None:
        """Add one evaluation problem under a name that reports can show."""
        for key in self._keys(text):
            self._origin.setdefault(key, name)

    def find(self, text: str) -> str | None:
        """The name of an evaluation problem that shares a run of n words with ``text``, or None."""
        return next((self._origin[key] for key in self._keys(text) if key in self._origin), None)

    def _keys(self, text: str) -> Iterator[int | str]:
        """All words and numbers in lower case, then each run of n of them."""
        own = self.ignore.sub(" ", text) if self.ignore else text
        words = re.findall(r"[^\W_]+", own.lower())
        if words:
            yield " ".join(words)
        for i in range(len(words) - self.n + 1):
            yield hash(tuple(words[i : i + self.n]))


class Collector:
    """Filters a stream of problems and counts what became of each. Holds a digest of every kept problem.

    Two problems with the same text and different golden answers contradict each other: the first one stays
    and the others are counted as ``contradicting_duplicate``.
    """

    def __init__(
        self, index: NgramIndex | None = None, workers: int = 1, on_drop: Callable[[dict[str, Any]], None] | None = None
    ) -> None:
        self.index, self.workers = index or NgramIndex(), workers
        self.counts: Counter[str] = Counter()
        self._on_drop = on_drop
        self._answers: dict[bytes, str] = {}
        self._ids: set[str] = set()

    def keep(self, problems: Iterable[Problem]) -> Iterator[Problem]:
        """The problems to keep, in their order."""
        for chunk in chunks(problems):
            # What is cheap comes first: of millions of problems most may be duplicates.
            fresh = [p for p in chunk if self._duplicate(p) is None]
            pairs = [(p.gold, accepted(p.gold)[0]) for p in fresh]
            checks = {p.gold: c for p, c in zip(fresh, check_many(pairs, workers=self.workers), strict=True)}
            for problem in chunk:
                self.counts["read"] += 1
                reason = self._duplicate(problem) or self._unfit(problem, checks[problem.gold].verdict)
                if reason is None:
                    self._answers[_digest(problem)] = problem.answer
                    self._ids.add(problem.id)
                    yield problem
                    continue
                self.counts[reason.split(":")[0]] += 1
                if self._on_drop:
                    self._on_drop({**problem.to_record(), "reason": reason})

    def _duplicate(self, problem: Problem) -> str | None:
        """Against what was kept so far."""
        earlier = self._answers.get(_digest(problem))
        if earlier is not None:
            return "duplicate" if earlier == problem.answer else "contradicting_duplicate"
        return "id_used_twice" if problem.id in self._ids else None

    def _unfit(self, problem: Problem, verdict: str) -> str | None:
        if verdict != "correct":
            return f"gold_{verdict}_by_its_own_check"
        name = self.index.find(problem.problem)
        return None if name is None else f"in_evaluation_set: {name}"


def take(items: Sequence[Item], number: int | None, seed: int = 0) -> list[Item]:
    """``number`` of the items drawn at random, in their own order; all of them without a number."""
    if number is None or number >= len(items):
        return list(items)
    chosen = sorted(random.Random(seed).sample(range(len(items)), number))
    return [items[i] for i in chosen]


def shuffled(items: Sequence[Item], seed: int = 0) -> list[Item]:
    """The items in an order that depends on the seed alone."""
    return random.Random(seed).sample(list(items), len(items))


def _digest(problem: Problem) -> bytes:
    """Two problems with the same one are the same problem; symbols count, white space and case do not."""
    key = re.sub(r"\s+", "", problem.problem.lower())
    return hashlib.blake2b(key.encode("utf-8", "replace"), digest_size=12).digest()
