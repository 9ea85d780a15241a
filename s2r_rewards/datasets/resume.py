"""Work that survives being killed: a log of finished pieces beside the output, and a receipt when it is done.

While a stage runs, every finished piece is one JSON line of ``<output>.work``. A killed run leaves that
file, perhaps with a torn last line; the next run with the same settings and inputs drops the torn line,
skips what is there, and writes the output in the stage's own order. So an interrupted and an
undisturbed run give the same bytes. ``<output>.receipt.json`` records the settings of a finished output.
"""

import hashlib
import json
from collections.abc import Callable, Collection, Iterable, Iterator
from itertools import chain, islice
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

from s2r_rewards.rollouts.records import atomic_path, cut_torn_line, open_text, read_records, to_json, write_records

LogT = TypeVar("LogT", bound="Log")


class ResumeError(ValueError):
    """The unfinished or finished output belongs to other settings, or its log is damaged."""


def fingerprint(path: str | Path) -> str:
    """Digest of a file's contents: an input that changed must not be mixed into old work."""
    digest = hashlib.blake2b(digest_size=12)
    with open(path, "rb") as handle:
        while block := handle.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


class Log:
    """A log beside ``output``; subclasses say what its entries are.

    Args:
        output: the file that the stage will write.
        settings: everything the output depends on, JSON-serialisable (include `fingerprint`s of inputs).
        restart: throw earlier work away, finished or not.
        way_out: how the user asks for that, for messages.
        extent: settings that only say how much is wanted; where they alone changed, the work there is counts.

    Raises:
        ResumeError: earlier work has other settings, or a line before the last is damaged.
    """

    def __init__(
        self,
        output: str | Path,
        settings: dict[str, Any],
        restart: bool = False,
        way_out: str = "use --restart",
        extent: Collection[str] = (),
    ) -> None:
        self.output, self.way_out, self.extent = Path(output), way_out, extent
        self.path = self.output.with_name(self.output.name + ".work")
        self.receipt = self.output.with_name(self.output.name + ".receipt.json")
        self.settings = json.loads(json.dumps(settings, sort_keys=True))
        if restart:
            for path in (self.path, self.receipt):  # the output itself stays until the new one takes its place
                path.unlink(missing_ok=True)
        self.restarted = restart
        self.complete = self._already_complete()
        self._handle: BinaryIO | None = None
        if not self.complete:
            self._open()

    def __enter__(self: LogT) -> LogT:
        return self

    def __exit__(self, *exc: object) -> None:
        if self._handle:
            self._handle.close()

    def finish(self, summary: dict[str, Any]) -> None:
        """Write the receipt and remove the log. Call after the output is in place."""
        receipt = {"settings": self.settings, "summary": summary, "bytes": self.output.stat().st_size}
        with atomic_path(self.receipt) as path:
            path.write_text(json.dumps(receipt, indent=1) + "\n")
        self.__exit__()
        self.path.unlink(missing_ok=True)

    def discard(self) -> None:
        """Throw the log away: nothing can come of it, so it must not bind a corrected run to its settings."""
        self.__exit__()
        self.path.unlink(missing_ok=True)

    def summary(self) -> dict[str, Any]:
        """The summary that `finish` recorded."""
        summary: dict[str, Any] = json.loads(self.receipt.read_text())["summary"]
        return summary

    def _loaded(self, entry: Any, offset: int) -> None:
        """Called for each entry of earlier work."""
        raise NotImplementedError

    def _already_complete(self) -> bool:
        if self.path.exists() or not (self.output.exists() and self.receipt.exists()):
            return False
        receipt, size = json.loads(self.receipt.read_text()), self.output.stat().st_size
        self._compare(receipt["settings"], self.receipt)
        if receipt.get("bytes", size) != size:
            raise ResumeError(f"{self.output}: changed since it was finished; remove it or {self.way_out}")
        if any(receipt["settings"].get(name) != self.settings.get(name) for name in self.extent):
            self._reopen()
            return False
        return True

    def _reopen(self) -> None:
        """Makes the log of a finished output again, of which now more or less is wanted."""
        raise NotImplementedError

    def _open(self) -> None:
        if self.path.exists():
            cut_torn_line(self.path)
            if self._has_entries():
                self._load()
            else:  # a run that came to nothing binds nobody to its settings
                self.path.unlink()
        elif self.output.exists() and not self.restarted:
            found = f"{self.output}: exists, and was not written by this command"
            raise ResumeError(f"{found}; remove it or {self.way_out}")

    def _has_entries(self) -> bool:
        with open(self.path, "rb") as file:
            return sum(1 for _ in islice(file, 2)) == 2

    def _load(self) -> None:
        offset = 0
        with open(self.path, "rb") as file:
            for number, line in enumerate(file, 1):
                try:
                    entry = json.loads(line)
                except ValueError:
                    entry = None
                if not isinstance(entry, dict):
                    raise ResumeError(f"{self.path}:{number}: damaged line; {self.way_out}")
                if number == 1:
                    self._compare(entry.get("settings"), self.path)
                else:
                    self._loaded(entry, offset)
                offset += len(line)

    def _compare(self, found: Any, where: Path) -> None:
        found = found or {}
        changed = sorted(k for k in self.settings if found.get(k) != self.settings[k] and k not in self.extent)
        if changed:
            lines = [f"{k}: was {found.get(k)!r}, now {self.settings.get(k)!r}" for k in changed]
            raise ResumeError(
                f"{where}: earlier work was done with other settings ({'; '.join(lines)}); use the same settings to go "
                f"on with it, another output file, or throw it away: {self.way_out}"
            )

    def _write(self, *entries: dict[str, Any]) -> int:
        """Appends entries; returns where the first of them begins. A run that comes to nothing leaves no file."""
        if self._handle is None:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._handle = open(self.path, "ab")  # noqa: SIM115 - closed by __exit__
            if not self._handle.tell():
                self._write({"settings": self.settings})
        offset = self._handle.tell()
        self._handle.writelines(to_json(entry).encode() + b"\n" for entry in entries)
        self._handle.flush()
        return offset


class WorkLog(Log):
    """Pieces that finish in any order, each a row under a key.

    Args:
        key_of: the key of a row of the output; needed with ``extent``, for outputs that grow.
    """

    def __init__(self, *args: Any, key_of: Callable[[dict[str, Any]], str] | None = None, **kwargs: Any) -> None:
        self.offsets: dict[str, int] = {}
        self.key_of = key_of
        super().__init__(*args, **kwargs)

    def __len__(self) -> int:
        return len(self.offsets)

    def __contains__(self, key: str) -> bool:
        return key in self.offsets

    def add(self, key: str, row: Any) -> None:
        """Store one finished piece; it is on its way to the disk when this returns."""
        if key in self.offsets:
            raise ValueError(f"{self.path}: piece {key!r} is already there")
        self.offsets[key] = self._write({"key": key, "row": row})

    def rows(self, keys: Iterable[str]) -> Iterator[Any]:
        """Rows in the order of ``keys``; those not done are left out."""
        if not self.path.exists():
            return
        with open(self.path, "rb") as handle:
            for key in keys:
                if key in self.offsets:
                    handle.seek(self.offsets[key])
                    yield json.loads(handle.readline())["row"]

    def _loaded(self, entry: Any, offset: int) -> None:
        self.offsets[entry["key"]] = offset

    def _reopen(self) -> None:
        assert self.key_of is not None
        with atomic_path(self.path) as partial, open(partial, "wb") as file:
            entries = ({"key": self.key_of(row), "row": row} for _, row in read_records(self.output))
            for entry in chain([{"settings": self.settings}], entries):
                file.write(to_json(entry).encode() + b"\n")


class SequenceLog(Log):
    """Pieces that finish in the order of the input: only their number is held in memory."""

    count = 0
    """Rows that are there."""

    def append(self, rows: Iterable[Any]) -> None:
        """Store the rows of the next inputs, in order."""
        entries = [{"row": row} for row in rows]
        self._write(*entries)
        self.count += len(entries)

    def rows(self) -> Iterator[Any]:
        """All rows, in order."""
        if not self.path.exists():
            return
        with open(self.path, "rb") as handle:
            handle.readline()
            for line in handle:
                yield json.loads(line)["row"]

    def write(self) -> None:
        """Write the output: the rows as they are, in JSONL without reading them."""
        if self.output.suffix == ".parquet":
            write_records(self.output, self.rows())
            return
        before = len('{"row":')
        with open(self.path, encoding="utf-8") as log, atomic_path(self.output) as partial:
            log.readline()
            with open_text(partial, "w") as file:
                file.writelines(f"{line[before:-2]}\n" for line in log)

    def _loaded(self, entry: Any, offset: int) -> None:
        self.count += 1
