"""Searching the texts of the index: words at once, anything else by looking through; never longer than the page waits."""

from __future__ import annotations

import re
import sqlite3
import threading
from array import array
from bisect import bisect_left
from collections import OrderedDict
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from s2r_rewards.report.live.entries import text_of, unpacked
from s2r_rewards.report.live.index import Index

KEPT = 6
"""Searches that are remembered."""
_WORD = re.compile(r"[^\W_]+")
_UNSPACED = re.compile(r"[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u2e80-\u9fff\uac00-\ud7af\U00020000-\U0003ffff]")
"""Scripts that put no spaces between words."""
SHORTEST_BEGINNING = 2
_BATCH = 256


def expression(wanted: str) -> tuple[str | None, bool]:
    """(what FTS5 is asked, whether each hit has to be looked at); None: there is no word to ask it for.

    Words one after the other; the last one may be the beginning of a longer one.
    """
    words = _WORD.findall(wanted)
    if not words or _UNSPACED.search(wanted):
        return None, True
    beginning = "*" if wanted[-1:].isalnum() and len(words[-1]) >= SHORTEST_BEGINNING else ""
    return '"' + " ".join(words) + '"' + beginning, " ".join(words) != wanted


class Search:
    """The rollouts that hold a text, found by a thread of its own."""

    def __init__(self, index: Index, wanted: str) -> None:
        self._index, self.wanted = index, wanted.lower()
        self._found = array("q")
        self._lock = threading.Lock()
        self._upto = 0
        self._stopped = False
        self._thread: threading.Thread | None = None
        self._connection: sqlite3.Connection | None = None

    @property
    def complete(self) -> bool:
        """Whether everything that the index holds by now was looked at."""
        return self._upto >= self._index.size

    def numbers(self, seconds: float) -> tuple[npt.NDArray[np.int64], bool]:
        """(what was found, ascending, whether that is all) after at most so many seconds; it goes on meanwhile if not."""
        with self._lock:  # two requests start one thread
            if not self.complete and (self._thread is None or not self._thread.is_alive()):
                self._thread = threading.Thread(target=self._run, daemon=True)
                self._thread.start()
            thread = self._thread
        if thread is not None:
            thread.join(seconds)
        complete = self.complete  # before the copy: what is found in between is then one too many, never one missing
        with self._lock:  # an array that is copied must not grow
            return np.array(self._found, np.int64), complete

    def stop(self) -> None:
        """Lets it end early."""
        self._stopped = True
        if self._connection is not None:
            self._connection.interrupt()

    def _run(self) -> None:
        connection = self._connection = self._index.connect()
        try:
            end = self._index.size
            self._take([], self._upto)
            hits: list[int] = []
            for number in self._hits(connection, self._upto, end):
                if self._stopped:
                    return
                hits.append(number)
                if len(hits) >= _BATCH or len(self._found) < _BATCH:
                    self._take(hits)
            self._take(hits)
            self._upto = end
        except sqlite3.OperationalError:
            if not self._stopped:
                raise
        finally:
            self._connection = None
            connection.close()

    def _take(self, hits: list[int], below: int | None = None) -> None:
        """Moves hits to what was found. ``below``: what lies behind it is of a run that broke off, and comes again."""
        with self._lock:
            if below is not None:
                del self._found[bisect_left(self._found, below) :]
            self._found.extend(hits)
        hits.clear()

    def _hits(self, connection: sqlite3.Connection, start: int, end: int) -> Iterator[int]:
        asked, look = expression(self.wanted)
        if asked is None:
            rows = connection.execute("SELECT n, data FROM texts WHERE n >= ? AND n < ?", (start, end))
            yield from (number for number, data in rows if self._holds(data))
            return
        query = "SELECT rowid FROM words WHERE words MATCH ? AND rowid >= ? AND rowid < ?"
        numbers = (number for (number,) in connection.execute(query, (asked, start, end)))
        if not look:
            yield from numbers
            return
        texts = connection.cursor()
        for number in numbers:
            rows = texts.execute("SELECT data FROM texts WHERE n = ?", (number,))
            if any(self._holds(data) for (data,) in rows):  # none: it was dropped meanwhile
                yield number

    def _holds(self, data: bytes) -> bool:
        return self.wanted in text_of(unpacked(data)[0]).lower()


class Searches:
    """The latest searches; older ones are stopped."""

    def __init__(self, index: Index) -> None:
        self._index = index
        self._known: OrderedDict[str, Search] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, wanted: str) -> Search:
        """The search for a text, begun if need be."""
        with self._lock:
            search = self._known.get(wanted) or self._known.setdefault(wanted, Search(self._index, wanted))
            self._known.move_to_end(wanted)
            while len(self._known) > KEPT:
                self._known.popitem(last=False)[1].stop()
            return search

    def close(self) -> None:
        """Stops all."""
        with self._lock:
            while self._known:
                self._known.popitem()[1].stop()
