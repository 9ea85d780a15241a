"""Which problems to keep: golden answers that pass their own checker, each problem once, none from a test set."""

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any

from s2r_rewards.answers import check_many
from s2r_rewards.datasets.decontamination import NgramIndex
from s2r_rewards.datasets.loading import load_records
from s2r_rewards.datasets.problems import Problem, duplicate_key

CHUNK = 512
#: Where evaluation sets keep their question, tried in this order.
QUESTION_FIELDS = ("problem", "question", "Problem", "Question", "conclusion", "code", "input")


class Collector:
    """Filters a stream of problems and counts what became of each. Holds a digest of every kept problem.

    Two problems with the same text and different golden answers contradict each other: the first one stays
    and the others are counted as ``contradicting_duplicate``.
    """

    def __init__(self, index: NgramIndex | None = None, workers: int = 1) -> None:
        self.index, self.workers = index or NgramIndex(), workers
        self.counts: Counter[str] = Counter()
        self.dropped: list[dict[str, Any]] = []
        self._answers: dict[bytes, str] = {}
        self._ids: set[str] = set()

    def keep(self, problems: Iterable[Problem]) -> Iterator[Problem]:
        """The problems to keep, in their order."""
        waiting = iter(problems)
        while chunk := list(islice(waiting, CHUNK)):
            checks = check_many([(p.answer, p.answer) for p in chunk], workers=self.workers)
            for problem, own_check in zip(chunk, checks, strict=True):
                self.counts["read"] += 1
                verdict = own_check.verdict
                reason = None if verdict == "correct" else f"gold_{verdict}_by_its_own_check"
                reason = reason or self._duplicate(problem) or self._leaked(problem)
                if reason is None:
                    yield problem
                else:
                    self.counts[reason.split(":")[0]] += 1
                    self.dropped.append({**problem.to_record(), "reason": reason})

    def _duplicate(self, problem: Problem) -> str | None:
        digest = hashlib.blake2b(duplicate_key(problem).encode("utf-8", "replace"), digest_size=12).digest()
        earlier = self._answers.get(digest)
        if earlier is not None:
            return "duplicate" if earlier == problem.answer else "contradicting_duplicate"
        if problem.id in self._ids:
            return "id_used_twice"
        self._answers[digest] = problem.answer
        self._ids.add(problem.id)
        return None

    def _leaked(self, problem: Problem) -> str | None:
        name = self.index.find(problem.problem)
        return None if name is None else f"in_evaluation_set: {name}"


def evaluation_texts(place: str) -> Iterator[tuple[str, str]]:
    """(name, question) of every record of an evaluation set, whatever its field is called."""
    for where, line, record in load_records(place, split="test"):
        field = next((f for f in QUESTION_FIELDS if isinstance(record.get(f), str)), None)
        if field is None:
            raise ValueError(
                f"{where}:{line}: no question; expected one of the fields {', '.join(QUESTION_FIELDS)}"
            )
        yield f"{where}:{line}", record[field]
