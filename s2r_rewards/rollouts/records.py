"""Records on disk: JSONL (optionally .gz) and parquet, streamed, under anyone's field names.

Errors name file, line and field.
"""

import contextlib
import gzip
import json
import mmap
import os
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import chain, islice
from pathlib import Path
from typing import IO, Any, TypeVar

Item = TypeVar("Item")
SUFFIXES = (".jsonl", ".jsonl.gz", ".json", ".ndjson", ".parquet")
PARQUET_BATCH = 1024
#: Fields by all their names; the first is the rollouts'. Problem files say id, problem and answer, verl's rollout
#: dumps input, output and gts, OpenRLHF's data label. verl's uid is not here: it names a sample, not a problem.
FIELD_NAMES = (
    ("prompt", "input", "question", "problem", "query"),
    ("response", "output", "completion", "generation"),
    ("gold", "gts", "label", "ground_truth", "golden", "target", "answer"),
    ("problem_id", "id"),
    ("step", "global_step"),
)


class RecordError(ValueError):
    """A record that cannot be used: where it is, what was found, what was expected."""

    def __init__(self, path: str | os.PathLike[str], line: int, field: str, problem: str) -> None:
        self.path, self.line, self.field, self.problem = str(path), line, field, problem
        where = f"{self.path}:{line}" + (f": field {field!r}" if field else "")
        super().__init__(f"{where}: {problem}")

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.path, self.line, self.field, self.problem)


OnError = Callable[[RecordError], None]


def with_fields(
    record: Mapping[str, Any], wanted: Sequence[str], fields: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """The record with the fields ``wanted`` under these names where it has them under another of FIELD_NAMES.

    Args:
        fields: our name → the file's, which comes before the table, e.g. ``{"response": "reply"}``.
    """
    theirs = {other: ours for ours, other in (fields or {}).items()}
    known = {theirs.get(name, name): value for name, value in record.items()}
    for ours in wanted:
        if known.get(ours) is None:
            names = next((names for names in FIELD_NAMES if ours in names), ())
            found = next((name for name in names if name not in wanted and known.get(name) is not None), None)
            if found is not None:
                known[ours] = known.pop(found)
    return known


def raise_error(error: RecordError) -> None:
    """The default ``on_error``: stop at the first bad record."""
    raise error


def read_records(path: str | os.PathLike[str], on_error: OnError = raise_error) -> Iterator[tuple[int, dict[str, Any]]]:
    """(line number from 1, record) for every record of a JSONL or parquet file, one at a time.

    Args:
        path: ``.jsonl``, ``.jsonl.gz`` or ``.parquet`` (which needs the extra ``parquet``).
        on_error: called with each malformed line; unless it raises, reading goes on behind that line.
    """
    path = Path(path)
    if not path.exists():
        raise FileNotFoundError(f"{path}: no such file; expected JSONL or parquet")
    check_suffix(path)
    if path.suffix == ".parquet":
        yield from _read_parquet(path)
        return
    with open_text(path, "r") as file:
        yield from parse_lines(_lines(file, path), path, 1, on_error)


def parse_lines(
    lines: Iterable[str], path: str | os.PathLike[str], first: int = 1, on_error: OnError = raise_error
) -> Iterator[tuple[int, dict[str, Any]]]:
    """(line number, record) for every line of JSONL that is not empty; ``first``: the number of the first line."""
    for number, line in enumerate(lines, first):
        if not line.strip():
            continue
        try:
            record = json.loads(line)
            problem = f"found a JSON {type(record).__name__}; expected an object"
        except (ValueError, RecursionError) as error:  # ValueError alone: an integer of thousands of digits
            record, problem = None, f"not a JSON object ({error})"
        if isinstance(record, dict):
            yield number, record
        else:
            on_error(RecordError(path, number, "", problem))


def _lines(file: IO[str], path: Path) -> Iterator[str]:
    number = 1
    try:
        for line in file:
            yield line
            number += 1
    except (gzip.BadGzipFile, zlib.error, EOFError) as error:
        raise RecordError(path, number, "", f"not whole gzip ({error}); make the file again") from error


def write_records(path: str | os.PathLike[str], records: Iterable[Mapping[str, Any]]) -> int:
    """Writes all records to a JSONL or parquet file; the file appears whole or not at all. Returns their number."""
    check_suffix(path)
    with atomic_path(path) as partial:
        if partial.suffix == ".parquet":
            return _write_parquet(partial, records, Path(path).name)
        count = 0
        with open_text(partial, "w") as file:
            for record in records:
                file.write(to_json(record) + "\n")
                count += 1
    return count


def check_suffix(path: str | os.PathLike[str]) -> None:
    """Raises ValueError where the name does not say that it is JSONL or parquet."""
    if not str(path).endswith(SUFFIXES):
        raise ValueError(f"{path}: unknown kind of file; expected .jsonl, .jsonl.gz or .parquet")


@contextlib.contextmanager
def atomic_path(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Yields a temporary path beside ``path`` that replaces it only when the block ends without an error."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    # The suffix stays last: writers choose format and compression by it.
    temporary = path.with_name(f".{os.getpid()}-{path.name}")
    try:
        yield temporary
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def cut_torn_line(path: str | os.PathLike[str]) -> int:
    """Cuts what a killed writer left behind the last newline of a plain text file; returns how many bytes went."""
    with open(path, "rb+") as file:
        size = file.seek(0, os.SEEK_END)
        end = 0
        if size:
            with mmap.mmap(file.fileno(), 0) as content:
                end = content.rfind(b"\n") + 1
        file.truncate(end)
    return size - end


def chunks(items: Iterable[Item], size: int = 512) -> Iterator[list[Item]]:
    """The items in lists of ``size``, the last one shorter: work that goes faster together, on a stream."""
    waiting = iter(items)
    while chunk := list(islice(waiting, size)):
        yield chunk


def to_json(record: Mapping[str, Any]) -> str:
    """One line of JSON. Lone surrogates, which model output can contain, are escaped rather than refused."""
    text = json.dumps(record, ensure_ascii=False, separators=(",", ":"))
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        text = json.dumps(record, separators=(",", ":"))
    return text


def open_text(path: Path, mode: str) -> IO[str]:
    """UTF-8 text, gzip where the name says so; undecodable bytes are replaced."""
    if path.name.endswith(".gz"):
        return gzip.open(path, f"{mode}t", encoding="utf-8", errors="replace")  # type: ignore[return-value]
    return open(path, mode, encoding="utf-8", errors="replace", newline="\n")


def _pyarrow() -> Any:
    try:
        import pyarrow.parquet
    except ImportError as error:
        raise ImportError("parquet files need pyarrow: pip install 's2r-rewards[parquet]'") from error
    return pyarrow


def _read_parquet(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    pyarrow, number = _pyarrow(), 0
    try:
        batches = pyarrow.parquet.ParquetFile(path).iter_batches(PARQUET_BATCH)
        for number, record in enumerate(chain.from_iterable(batch.to_pylist() for batch in batches), 1):
            yield number, record
    except (pyarrow.ArrowException, OSError) as error:
        raise RecordError(path, number + 1, "", f"not whole parquet ({error}); make the file again") from error


def _write_parquet(path: Path, records: Iterable[Mapping[str, Any]], name: str) -> int:
    """All records as one table. Fields may be missing or empty anywhere, so columns are settled at the end."""
    pyarrow = _pyarrow()
    tables, field = [pyarrow.table({})], ""
    try:
        for chunk in chunks(records, PARQUET_BATCH):
            columns = {}
            for field in dict.fromkeys(n for r in chunk for n in r):
                columns[field] = pyarrow.array([record.get(field) for record in chunk])
            tables.append(pyarrow.table(columns))
        field = ""
        table = pyarrow.concat_tables(tables, promote_options="permissive")
    except pyarrow.ArrowException as error:
        where = f"{name}: field {field!r}" if field else name
        raise ValueError(f"{where}: a field changes its type ({error}); make it one type or write JSONL") from error
    pyarrow.parquet.write_table(table, path)
    return int(table.num_rows)
