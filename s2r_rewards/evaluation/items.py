"""Benchmark files -> problems in the common schema."""

from collections.abc import Iterator
from itertools import islice
from typing import Any

from s2r_rewards.datasets.loading import converted, load_records
from s2r_rewards.datasets.problems import Problem, ProblemError
from s2r_rewards.evaluation.benchmarks import BENCHMARKS, Benchmark, read_item
from s2r_rewards.rollouts.records import OnError, raise_error

#: Where evaluation sets keep their question, tried in this order.
QUESTION_FIELDS = ("problem", "question", "Problem", "Question", "conclusion", "code", "input")


def load_benchmark(
    benchmark: Benchmark, data: str | None = None, on_error: OnError = raise_error, limit: int | None = None
) -> list[Problem]:
    """The benchmark's problems from a local file, or from the hub without one.

    Records with the id of an earlier one are errors: two questions must not share their generations.
    """
    where = data or benchmark.hub
    if not where:
        raise ValueError(f"benchmark {benchmark.name!r} is not in the registry: give its file as {benchmark.name}=PATH")
    seen: set[str] = set()

    def convert(record: dict[str, Any]) -> Problem:
        problem = read_item(benchmark, record)
        if problem.id in seen:
            raise ProblemError(benchmark.id or "question", f"{problem.id!r} stands here twice")
        seen.add(problem.id)
        return problem

    config = benchmark.configs[0] if benchmark.configs else None
    records = load_records(where, benchmark.split, config, on_error)
    wanted = (located for located in records if benchmark.wanted(located[2]))
    return list(islice(converted(wanted, convert, on_error), limit))


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
