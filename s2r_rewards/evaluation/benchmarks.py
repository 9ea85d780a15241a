"""The eleven benchmarks of the paper, as data: where they are published, and how one record reads.

Seven in-domain (mathematics) and four cross-domain sets, in ``benchmarks.json``. Field names are those of the named
hub data sets; other copies of a set with the same fields read as well. Prompts are ours: the paper prints none.
Which categories of MMLU-Pro count as STEM is [open] in the paper.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any

from s2r_rewards.datasets.collecting import DEFAULT_NGRAM, NgramIndex
from s2r_rewards.datasets.loading import converted, load_records
from s2r_rewards.datasets.problems import Problem, ProblemError, Record, Source, load_sources, template, to_problem
from s2r_rewards.rollouts.records import SUFFIXES, OnError, raise_error, with_fields


@dataclass(frozen=True)
class Benchmark(Source):
    """One evaluation set."""

    title: str = ""
    split: str = "test"
    training: str | None = None
    """Its split to train on; None: the hub has the evaluation questions alone."""
    aliases: Sequence[str] = ()
    """What others call it; case, ``-`` and ``_`` make no difference."""


BENCHMARKS = load_sources(Path(__file__).with_name("benchmarks.json"), Benchmark)
IN_DOMAIN = tuple(name for name, benchmark in BENCHMARKS.items() if benchmark.kind == "math")
CROSS_DOMAIN = tuple(name for name in BENCHMARKS if name not in IN_DOMAIN)
#: Where evaluation sets keep their question, tried in this order.
QUESTION_FIELDS = ("problem", "question", "Problem", "Question", "conclusion", "code", "input")


def canonical(name: str) -> str:
    """The registry's name for what others call by another; any other name as it is."""
    plain = _plain(name)
    known = (b.name for b in BENCHMARKS.values() if plain in map(_plain, (b.name, *b.aliases)))
    return next(known, name)


def files_in(folder: str | Path) -> dict[str, str]:
    """Benchmark → its file or folder, of a folder of evaluation sets.

    A set is a file ``NAME.jsonl`` (``.json``, ``.parquet``), or a folder ``NAME`` with a ``test`` file, as
    Qwen2.5-Math's repository has them. Names that are not in the registry are sets of the user's.
    """
    found: dict[str, str] = {}
    for path in sorted(Path(folder).iterdir()):
        if path.is_dir():
            tests = [file for file in sorted(path.iterdir()) if file.name.startswith("test") and _is_set(file)]
            if tests:
                found.setdefault(canonical(path.name), str(tests[0]))
        elif _is_set(path):
            found.setdefault(canonical(path.name.split(".")[0]), str(path))
    if not found:
        raise ValueError(f"{folder}: no evaluation set in it; expected NAME/test.jsonl or NAME.jsonl")
    return found


def _is_set(path: Path) -> bool:
    return path.name.endswith(SUFFIXES) and not path.name.startswith(".")


def _plain(name: str) -> str:
    return name.lower().replace("-", "").replace("_", "").replace(" ", "")


def benchmark_of(name: str) -> Benchmark:
    """The named benchmark; an unknown name is a mathematical set of the user's in the schema of `Problem`."""
    name = canonical(name)
    own = Benchmark(name, "", ("text", "problem", "question"), ("golden", "answer"), "level", id="id", title=name)
    return BENCHMARKS.get(name, own)


def training_split(source: Source) -> str | None:
    """The split of a source's hub data set to train on; None where that would be the evaluation set."""
    return source.training if isinstance(source, Benchmark) else source.split


def read_item(benchmark: Benchmark, record: Record) -> Problem:
    """One record; its id begins with the benchmark's name. Raises ProblemError naming the field."""
    problem = to_problem(record, benchmark, benchmark.name)
    own_id = record.get(benchmark.id) if benchmark.id else None
    return problem if own_id in (None, "") else replace(problem, id=f"{benchmark.name}-{own_id}")


def load_benchmark(
    benchmark: Benchmark,
    data: str | None = None,
    on_error: OnError = raise_error,
    limit: int | None = None,
    fields: Mapping[str, str] | None = None,
) -> list[Problem]:
    """The benchmark's problems from a local file, or from the hub without one.

    Args:
        fields: ``problem`` and ``answer`` under the names that the file gives them.

    Records with the id of an earlier one are errors: two questions must not share their generations.
    """
    where = data or benchmark.hub
    if not where:
        raise ValueError(f"benchmark {benchmark.name!r} is not in the registry: give its file as {benchmark.name}=PATH")
    seen: set[str] = set()

    def convert(record: dict[str, Any]) -> Problem:
        problem = read_item(benchmark, with_fields(record, (), fields))
        if problem.id in seen:
            raise ProblemError(benchmark.id or "question", f"{problem.id!r} stands here twice")
        seen.add(problem.id)
        return problem

    config = benchmark.configs[0] if benchmark.configs else None
    wanted = (
        located
        for located in load_records(where, benchmark.split, config, on_error)
        if all(located[2].get(name) in values for name, values in benchmark.only.items())
    )
    return list(islice(converted(wanted, convert, on_error), limit))


def _template_words() -> re.Pattern[str]:
    """The fixed parts of the benchmarks' templates, and the letters before options."""
    forms = [benchmark.problem[1] for benchmark in BENCHMARKS.values() if benchmark.problem[0] == "template"]
    parts = {part.strip() for form in forms for part in re.split(r"\{\w+(?::\w+)?\}", form)}
    longest_first = sorted((part for part in parts if re.search(r"\w", part)), key=lambda part: (-len(part), part))
    return re.compile("|".join([*map(re.escape, longest_first), r"^\([A-Z]\) "]), re.MULTILINE)


#: FOLIO's question is 16 words, the same in every problem: it would make each problem a leak of each other one.
TEMPLATE_WORDS = _template_words()


def evaluation_index(places: Iterable[str], n: int = DEFAULT_NGRAM) -> NgramIndex:
    """The problems of evaluation sets, by which leaks are found; ``places`` as in `evaluation_texts`."""
    index = NgramIndex(n, TEMPLATE_WORDS)
    for place in places:
        for name, question in evaluation_texts(place):
            index.add(question, name)
    return index


def evaluation_texts(place: str) -> Iterator[tuple[str, str]]:
    """(name, question) of every record of an evaluation set.

    Args:
        place: a file in any set's schema, or the name of a benchmark of `s2r eval`, which is read from the hub.
    """
    if place in BENCHMARKS:
        yield from ((problem.id, problem.problem) for problem in load_benchmark(BENCHMARKS[place]))
        return
    for where, line, record in load_records(place, split="test"):
        question = _question(record)
        if question is None:
            expected = ", ".join(QUESTION_FIELDS)
            raise ValueError(f"{where}:{line}: no question; expected one of the fields {expected}")
        yield f"{where}:{line}", question


def _question(record: Record) -> str | None:
    """The problem of a record in any set's schema: with its premises, options or input, where it has them, as a training
    problem of such a set has them. None: there is no question in it."""
    for form in (benchmark.problem[1] for benchmark in BENCHMARKS.values() if benchmark.problem[0] == "template"):
        names = re.findall(r"\{(\w+)", form)
        if len(names) > 1 and all(record.get(name) for name in names):
            try:
                return template(record, form)
            except ProblemError:  # fields of these names that hold something else
                continue
    return next((record[name] for name in QUESTION_FIELDS if isinstance(record.get(name), str)), None)
