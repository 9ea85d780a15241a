"""Which problems to keep: golden answers that pass their own checker, each problem once, none from a test set;
and random subsets that do not change with order."""

import hashlib
import random
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, TypeVar

from s2r_rewards.answers import check_many
from s2r_rewards.datasets.decontamination import NgramIndex
from s2r_rewards.datasets.problems import Problem, duplicate_key
from s2r_rewards.rollouts.records import chunks

Item = TypeVar("Item")


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
            pairs = [(p.answer, p.answer) for p in fresh]
            checks = {p.answer: c for p, c in zip(fresh, check_many(pairs, workers=self.workers), strict=True)}
            for problem in chunk:
                self.counts["read"] += 1
                reason = self._duplicate(problem) or self._unfit(problem, checks[problem.answer].verdict)
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


def _digest(problem: Problem) -> bytes:
    return hashlib.blake2b(duplicate_key(problem).encode("utf-8", "replace"), digest_size=12).digest()
