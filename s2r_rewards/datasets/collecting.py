"""Which problems to keep: golden answers that pass their own checker, each problem once, none from a test set."""

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Any

from s2r_rewards.answers import check_many
from s2r_rewards.datasets.decontamination import NgramIndex
from s2r_rewards.datasets.loading import load_records
from s2r_rewards.datasets.problems import Problem, duplicate_key
from s2r_rewards.evaluation.benchmarks import BENCHMARKS
from s2r_rewards.evaluation.items import load_benchmark

CHUNK = 512
#: Where evaluation sets keep their question, tried in this order.
QUESTION_FIELDS = ("problem", "question", "Problem", "Question", "conclusion", "code", "input")


class Collector:
    """Filters a stream of problems and counts what became of each. Holds a digest of every kept problem.

    Two problems with the same text and different golden answers contradict each other: the first one stays
    and the others are counted as ``contradicting_duplicate``.
    """

    def __init__(
        self,
        index: NgramIndex | None = None,
        workers: int = 1,
        on_drop: Callable[[dict[str, Any]], None] | None = None,
    ) -> None:
        self.index, self.workers = index or NgramIndex(), workers
        self.counts: Counter[str] = Counter()
        self._on_drop = on_drop
        self._answers: dict[bytes, str] = {}
        self._ids: set[str] = set()

    def keep(self, problems: Iterable[Problem]) -> Iterator[Problem]:
        """The problems to keep, in their order."""
        waiting = iter(problems)
        while chunk := list(islice(waiting, CHUNK)):
            # What is cheap comes first: of millions of problems most may be duplicates.
            fresh = [p for p in chunk if self._duplicate(p) is None]
            pairs = [(p.answer, p.answer) for p in fresh]
            checks = {
                p.answer: c for p, c in zip(fresh, check_many(pairs, workers=self.workers), strict=True)
            }
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
        return self._leaked(problem)

    def _leaked(self, problem: Problem) -> str | None:
        name = self.index.find(problem.problem)
        return None if name is None else f"in_evaluation_set: {name}"


def evaluation_texts(place: str) -> Iterator[tuple[str, str]]:
    """(name, question) of every record of an evaluation set.

    Args:
        place: a file in any set's schema, or the name of a benchmark of `s2r eval`, which is read from the hub.
    """
    benchmark = BENCHMARKS.get(place)
    if benchmark is not None:
        for problem in load_benchmark(benchmark):
            yield problem.id, problem.problem
        return
    for where, line, record in load_records(place, split="test"):
        field = next((f for f in QUESTION_FIELDS if isinstance(record.get(f), str)), None)
        if field is None:
            expected = ", ".join(QUESTION_FIELDS)
            raise ValueError(f"{where}:{line}: no question; expected one of the fields {expected}")
        yield f"{where}:{line}", record[field]


def _digest(problem: Problem) -> bytes:
    return hashlib.blake2b(duplicate_key(problem).encode("utf-8", "replace"), digest_size=12).digest()
