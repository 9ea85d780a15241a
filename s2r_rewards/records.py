"""Records on disk: JSONL (optionally .gz) and parquet, streamed; errors name file, line and field."""

from __future__ import annotations

import gzip
import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import IO, Any

JSONL_SUFFIXES = (".jsonl", ".jsonl.gz", ".json", ".ndjson")
PARQUET_BATCH = 1024


class RecordError(ValueError):
    """A record that cannot be used: where it is, what was found, what was expected."""

    def __init__(self, path: str | os.PathLike[str], line: int, field: str, problem: str) -> None:
        self.path, self.line, self.field, self.problem = str(path), line, field, problem
        where = f"{self.path}:{line}" + (f": field {field!r}" if field else "")
        super().__init__(f"{where}: {problem}")

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.path, self.line, self.field, self.problem)


OnError = Callable[[RecordError], None]


def raise_error(error: RecordError) -> None:
    """The default ``on_error``: stop at the first bad record."""
    raise error


def read_records(
    path: str | os.PathLike[str], on_error: OnError = raise_error
) -> Iterator[tuple[int, dict[str, Any]]]:
    """(line number from 1, record) for every record of a JSONL or parquet file, one at a time.

    Args:
        path: ``.jsonl``, ``.jsonl.gz`` or ``.parquet`` (which needs the extra ``parquet``).
        on_error: called with each malformed line; unless it raises, reading goes on behind that line.
    """
    path = Path(path)
    if not path.exists():
        raise FileNotFoundError(f"{path}: no such file; expected JSONL or parquet")
    if path.suffix == ".parquet":
        yield from _read_parquet(path)
        return
    if not path.name.endswith(JSONL_SUFFIXES):
        raise ValueError(f"{path}: unknown kind of file; expected .jsonl, .jsonl.gz or .parquet")
    with open_text(path, "r") as file:
        for number, line in enumerate(file, 1):
            if not line.strip():
                continue
            try:
                record = json.loads(line)
            except (json.JSONDecodeError, RecursionError) as error:
                on_error(RecordError(path, number, "", f"not a JSON object ({error})"))
                continue
            if not isinstance(record, dict):
                on_error(
                    RecordError(path, number, "", f"found a JSON {type(record).__name__}; expected an object")
                )
                continue
            yield number, record


def write_records(path: str | os.PathLike[str], records: Iterable[Mapping[str, Any]]) -> int:
    """Writes all records to a JSONL or parquet file; the file appears whole or not at all. Returns their number."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.partial")
    count = 0
    try:
        if path.suffix == ".parquet":
            count = _write_parquet(partial, records)
        else:
            with open_text(partial, "w", compressed=path.name.endswith(".gz")) as file:
                for record in records:
                    file.write(to_json(record) + "\n")
                    count += 1
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)
    return count


def to_json(record: Mapping[str, Any]) -> str:
    """One line of JSON. Lone surrogates, which model output can contain, are escaped rather than refused."""
    text = json.dumps(record, ensure_ascii=False, separators=(",", ":"))
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        text = json.dumps(record, separators=(",", ":"))
    return text


def open_text(path: Path, mode: str, compressed: bool | None = None) -> IO[str]:
    """UTF-8 text, gzip where the name (or ``compressed``) says so; undecodable bytes are replaced."""
    if compressed if compressed is not None else path.name.endswith(".gz"):
        return gzip.open(path, f"{mode}t", encoding="utf-8", errors="replace")  # type: ignore[return-value]
    return open(path, mode, encoding="utf-8", errors="replace", newline="\n")


def _pyarrow() -> Any:
    try:
        import pyarrow.parquet
    except ImportError as error:
        raise ImportError("parquet files need pyarrow: pip install 's2r-rewards[parquet]'") from error
    return pyarrow


def _read_parquet(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    file = _pyarrow().parquet.ParquetFile(path)
    number = 0
    for batch in file.iter_batches(PARQUET_BATCH):
        for record in batch.to_pylist():
            number += 1
            yield number, record


def _write_parquet(path: Path, records: Iterable[Mapping[str, Any]]) -> int:
    """All records as one table. Fields may be missing or empty anywhere, so columns are settled at the end."""
    pyarrow = _pyarrow()
    rows = iter(records)
    tables, count = [], 0
    while chunk := list(islice(rows, PARQUET_BATCH)):
        columns = {name: _column(path, name, chunk) for name in dict.fromkeys(n for r in chunk for n in r)}
        tables.append(pyarrow.table(columns))
        count += len(chunk)
    try:
        table = pyarrow.concat_tables(tables, promote_options="permissive") if tables else pyarrow.table({})
    except pyarrow.ArrowException as error:
        raise ValueError(f"{path.name}: {_MIXED.format(error)}") from error
    pyarrow.parquet.write_table(table, path)
    return count


_MIXED = "a field changes its type ({}); make it one type or write JSONL"


def _column(path: Path, name: str, records: Iterable[Mapping[str, Any]]) -> Any:
    pyarrow = _pyarrow()
    try:
        return pyarrow.array([record.get(name) for record in records])
    except pyarrow.ArrowException as error:
        raise ValueError(f"{path.name}: field {name!r}: {_MIXED.format(error)}") from error
