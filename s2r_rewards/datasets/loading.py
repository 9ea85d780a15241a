"""Reads records from wherever they are: JSONL, JSON, parquet, a folder of JSON files, or the Hugging Face hub."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from s2r_rewards.datasets.problems import Problem, ProblemError, Source
from s2r_rewards.rollouts.records import SUFFIXES, OnError, RecordError, raise_error, read_records, with_fields

Located = tuple[str, int, dict[str, Any]]


def load_records(
    where: str,
    split: str = "train",
    config: str | None = None,
    on_error: OnError = raise_error,
    file: str | None = None,
) -> Iterator[Located]:
    """(file or data set, line or row number from 1, record) for every record.

    Args:
        where: a local ``.jsonl[.gz]``, ``.json`` (one list, or one object a line), ``.parquet``, a folder of
            ``.json`` files (one object each, as MATH is published), or a hub name like ``openai/gsm8k``.
        split, config, file: for the hub only; ``file`` is the one of the repository that is read.
    """
    path = Path(where)
    if path.is_dir():
        for one in sorted(path.rglob("*.json")):
            yield from _json_file(one, on_error)
    elif path.suffix == ".json" and path.exists():
        yield from _json_file(path, on_error)
    elif not is_hub_name(where):
        yield from _lines(where, on_error)
    else:
        yield from _hub(where, split, config, file)


def source_records(
    source: Source,
    places: Iterable[str] = (),
    on_error: OnError = raise_error,
    split: str | None = None,
    config: str | None = None,
) -> Iterator[Located]:
    """The records that belong to a source: of files, folders and hub names, or of its own hub data set.

    Raises:
        ValueError: no place is given, and the source has none of its own.
    """
    places = list(places) or ([source.hub] if source.hub else [])
    if not places:
        raise ValueError(f"source {source.name} has no data set of its own: name a file")
    configs = [config] if config else source.configs
    for place in places:
        own = is_hub_name(place)  # configurations are parts of a hub data set; a file has none
        file = source.file if place == source.hub else None
        for part in configs if configs and own else [None]:
            for located in load_records(place, split or source.split, part, on_error, file):
                if all(located[2].get(name) in values for name, values in source.only.items()):
                    yield located


def is_hub_name(where: str) -> bool:
    """True for ``owner/name`` that is no file here and does not look like one."""
    path = Path(where)
    return "/" in where and not path.exists() and not where.endswith(SUFFIXES)


def converted(
    records: Iterable[Located], convert: Callable[[dict[str, Any]], Problem], on_error: OnError = raise_error
) -> Iterator[Problem]:
    """The records as problems; those that cannot be one go to ``on_error``."""
    for where, line, record in records:
        try:
            problem = convert(record)
        except ProblemError as error:
            on_error(RecordError(where, line, error.field, error.message))
        else:
            yield problem


def read_problems(
    path: str | Path, on_error: OnError = raise_error, fields: Mapping[str, str] | None = None
) -> list[Problem]:
    """Problems as ``s2r data problems`` writes them, or under other names. Ids must differ.

    Args:
        fields: our name → the file's, beside those that `records.FIELD_NAMES` knows.
    """
    seen: set[str] = set()

    def convert(record: dict[str, Any]) -> Problem:
        problem = Problem.from_record(with_fields(record, ("id", "problem", "answer"), fields))
        if problem.id in seen:
            raise ProblemError("id", f"{problem.id!r} names an earlier problem too")
        seen.add(problem.id)
        return problem

    return list(converted(_lines(path, on_error), convert, on_error))


def _lines(path: str | Path, on_error: OnError) -> Iterator[Located]:
    return ((str(path), line, record) for line, record in read_records(path, on_error))


def _json_file(path: Path, on_error: OnError) -> Iterator[Located]:
    if not _is_one_document(path):
        yield from _lines(path, on_error)
        return
    try:
        content = json.loads(path.read_text(encoding="utf-8", errors="replace"))
    except (ValueError, RecursionError) as error:
        on_error(RecordError(path, getattr(error, "lineno", 1), "", f"not JSON ({error})"))
        return
    for number, record in enumerate(content if isinstance(content, list) else [content], 1):
        if isinstance(record, dict):
            yield str(path), number, record
        else:
            on_error(RecordError(path, number, "", f"found a JSON {type(record).__name__}; expected an object"))


def _is_one_document(path: Path) -> bool:
    """A JSON list, or an object spread over several lines, rather than one object a line."""
    with open(path, encoding="utf-8", errors="replace") as file:
        first = file.readline()
    try:
        json.loads(first)
    except (ValueError, RecursionError):
        return True
    return first.startswith("[")


def _hub(name: str, split: str, config: str | None, file: str | None) -> Iterator[Located]:
    try:
        import datasets
    except ImportError as error:
        raise ImportError(
            f"{name}: no such file, so it would be read from the Hugging Face hub; that needs datasets: pip install 's2r-rewards[data]'"
        ) from error
    more = {"data_files": file} if file else {}
    for number, record in enumerate(datasets.load_dataset(name, config, split=split, streaming=True, **more), 1):
        yield name, number, record
