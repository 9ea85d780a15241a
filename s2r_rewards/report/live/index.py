"""The rollouts of a run that is followed: texts and words on disk, some twenty bytes of each in memory."""

from __future__ import annotations

import re
import sqlite3
import tempfile
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from s2r_rewards.report.live.entries import Entry, Kind, Wire, text_of, unpacked
from s2r_rewards.rollouts.records import chunks

Numbers = npt.NDArray[np.int32]
COLUMNS = ("kind", "level", "step", "problem", "length", "attempts", "file")
NONE = -1
GONE = -1
"""In the place of its file, a rollout whose file is another now."""


class Names:
    """Values by numbers, in the order in which they were met."""

    def __init__(self) -> None:
        self.values: list[Any] = []
        self._numbers: dict[Any, int] = {}

    def number(self, value: Any) -> int:
        if value is None:
            return NONE
        found = self._numbers.get(value)
        if found is None:
            found = self._numbers[value] = len(self.values)
            self.values.append(value)
        return found

    def find(self, holds: Callable[[Any], bool]) -> npt.NDArray[np.bool_]:
        """Per number whether its value is wanted; what has none (number −1) is at the end, and is not."""
        return np.array([*(holds(value) for value in self.values), False])


class Index:
    """Rollouts by number, from 0. One thread adds; any thread reads."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="s2r-report-")
        self.path = Path(self._folder.name) / "index.sqlite"
        self.size = 0
        self.names = {name: Names() for name in ("kind", "level", "step", "problem")}
        self._columns: dict[str, Numbers] = {name: np.empty(1024, np.int32) for name in COLUMNS}
        self._order: Numbers = np.empty(0, np.int32)
        self._lock = threading.Lock()
        self._writer = self.connect()
        self._writer.execute("PRAGMA journal_mode = WAL")
        self._writer.execute("CREATE TABLE texts (n INTEGER PRIMARY KEY, data BLOB)")
        self._writer.execute(
            "CREATE VIRTUAL TABLE words USING fts5 (text, content = '', columnsize = 0, "
            "tokenize = 'unicode61 remove_diacritics 0', prefix = '2')"
        )
        self._writer.commit()

    def connect(self) -> sqlite3.Connection:
        """A connection for any one thread at a time."""
        connection = sqlite3.connect(self.path, check_same_thread=False, timeout=60)
        connection.execute("PRAGMA synchronous = OFF")
        connection.execute("PRAGMA cache_size = -16000")
        return connection

    def close(self) -> None:
        """Removes it from disk."""
        self._writer.close()
        self._folder.cleanup()

    def add(self, entries: Sequence[Entry], file: int) -> int:
        """Adds the rollouts of a file; returns the number of the first."""
        first, count = self.size, len(entries)
        texts = ((first + k, e.data) for k, e in enumerate(entries))
        words = ((first + k, e.text) for k, e in enumerate(entries))
        with self._writer:  # both or neither
            self._writer.executemany("INSERT INTO texts VALUES (?, ?)", texts)
            self._writer.executemany("INSERT INTO words (rowid, text) VALUES (?, ?)", words)
        with self._lock:
            self._room(first + count)
            for name, names in self.names.items():
                self._columns[name][first : first + count] = [names.number(getattr(e, name)) for e in entries]
            self._columns["length"][first : first + count] = [e.length for e in entries]
            self._columns["attempts"][first : first + count] = [e.attempts for e in entries]
            self._columns["file"][first : first + count] = file
            self.size += count
        return first

    def drop(self, file: int) -> npt.NDArray[np.int64]:
        """Leaves the rollouts of a file out from now on, and returns their numbers, which are not used again."""
        with self._lock:
            column = self._columns["file"][: self.size]
            dropped = np.flatnonzero(column == file)
            column[dropped] = GONE
            return dropped

    def clear(self, numbers: Iterable[int]) -> None:
        """Takes dropped rollouts off the disk; of the thread that adds."""
        for some in chunks(map(int, numbers)):
            with self._writer:
                for number in some:
                    row = self._writer.execute("SELECT data FROM texts WHERE n = ?", (number,)).fetchone()
                    if row:  # an index without content has to be told what it held
                        held = (number, text_of(unpacked(row[0])[0]))
                        self._writer.execute("INSERT INTO words (words, rowid, text) VALUES ('delete', ?, ?)", held)
                        self._writer.execute("DELETE FROM texts WHERE n = ?", (number,))

    def _room(self, size: int) -> None:
        have = len(self._columns["kind"])
        if size > have:
            more = max(size, 2 * have) - have
            self._columns = {k: np.concatenate([c, np.empty(more, np.int32)]) for k, c in self._columns.items()}

    def column(self, name: str) -> Numbers:
        """One number a rollout."""
        return self._columns[name][: self.size]

    def select(self, wanted: Mapping[str, str]) -> npt.NDArray[np.bool_]:
        """Which rollouts the filters of the page let through, but for its search."""
        with self._lock:
            found: npt.NDArray[np.bool_] = self.column("file") != GONE
            for name, holds in _conditions(wanted).items():
                found &= self.names[name].find(holds)[self.column(name)]
            return found

    def order(self, numbers: npt.NDArray[np.int64], by: str) -> npt.NDArray[np.int64]:
        """The numbers as the page's order `by` has them."""
        if by == "problem":
            places = self._places()
            return numbers[np.argsort(places[self.column("problem")[numbers]], kind="stable")]
        columns = {"longest": ("length", -1), "shortest": ("length", 1), "attempts": ("attempts", -1)}
        if by not in columns:
            return numbers
        name, sign = columns[by]
        return numbers[np.argsort(sign * self.column(name)[numbers], kind="stable")]

    def _places(self) -> Numbers:
        """Of each problem's name, its place among all; kept until there are more."""
        names = list(self.names["problem"].values)
        if len(self._order) != len(names):
            places = np.empty(len(names), np.int32)
            places[sorted(range(len(names)), key=lambda i: _in_words(names[i]))] = np.arange(len(names))
            self._order = places
        return self._order

    def alike(self, number: int, *names: str) -> npt.NDArray[np.int64]:
        """The rollouts that have the same in these columns."""
        with self._lock:
            found = self.column("file") != GONE
            for name in names:
                column = self.column(name)
                found &= column == column[number]
            return np.flatnonzero(found)

    def holds(self, number: int) -> bool:
        """Whether there is a rollout of this number."""
        return 0 <= number < self.size and bool(self.column("file")[number] != GONE)

    def load(self, connection: sqlite3.Connection, numbers: Iterable[int]) -> list[tuple[dict[str, Any], Wire]]:
        """(payload, record) of rollouts, in order, without those that were dropped meanwhile. The page counts from 1."""
        found = []
        for number in map(int, numbers):
            for (data,) in connection.execute("SELECT data FROM texts WHERE n = ?", (number,)):
                shown, wire = unpacked(data)
                found.append(({**shown, "i": number + 1}, wire))
        return found


def _conditions(wanted: Mapping[str, str]) -> dict[str, Callable[[Any], bool]]:
    """Column → what its value must be, by the filters that are set. As `matches` of the page's script."""
    flag, dev, check, ctx = (wanted.get(name, "") for name in ("flag", "dev", "check", "ctx"))
    level, problem = wanted.get("level", ""), wanted.get("problem", "")
    steps = {name: wanted[name] for name in ("step", "since", "until") if wanted.get(name)}

    def kind(one: Kind) -> bool:
        fits = one.right == (flag == "right") if flag in ("right", "wrong") else not flag or flag in one.flags
        return (
            fits
            and (not dev or dev in one.deviations)
            and (not check or check in one.checks)
            and one.signs.startswith(ctx)
        )

    def step(one: Any) -> bool:
        fits = "step" not in steps or str(one) == steps["step"]
        low, high = _number(steps.get("since"), -np.inf), _number(steps.get("until"), np.inf)
        return fits and low <= _number(one, np.nan) <= high if {*steps} - {"step"} else fits

    conditions: dict[str, Callable[[Any], bool]] = {}
    if flag or dev or check or ctx:
        conditions["kind"] = kind
    if steps:
        conditions["step"] = step
    if level:
        conditions["level"] = lambda one: one == level
    if problem:
        conditions["problem"] = lambda one: one == problem
    return conditions


def _in_words(name: str) -> list[tuple[int, int, str]]:
    """A key that puts problem-10 behind problem-2, and looks at no case."""
    parts = re.findall(r"[0-9]{1,18}|[^0-9]+", name.casefold())
    return [(0, int(part), "") if part[0] in "0123456789" else (1, 0, part) for part in parts]


def _number(value: Any, otherwise: float) -> float:
    try:
        return float(value)
    except (TypeError, ValueError):
        return otherwise
