"""Replies kept in SQLite, and the budget counted beside them: shared by every thread and process that names the file."""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Iterable, Mapping


class ReplyCache:
    """Opened anew in a forked child. Whatever goes wrong with the file raises ``sqlite3.Error``."""

    def __init__(self, path: str = "") -> None:
        self.path = path
        self._lock = threading.Lock()
        self._owner = 0
        self._open: sqlite3.Connection | None = None

    def _connection(self) -> sqlite3.Connection:
        if self._open is None or self._owner != os.getpid():
            folder = os.path.dirname(self.path)
            if folder:
                os.makedirs(folder, exist_ok=True)
            self._open = sqlite3.connect(self.path or ":memory:", timeout=10.0, check_same_thread=False)
            self._owner = os.getpid()
            with self._open:
                self._open.execute(
                    "CREATE TABLE IF NOT EXISTS replies (question TEXT PRIMARY KEY, reply TEXT NOT NULL)"
                )
                self._open.execute(
                    "CREATE TABLE IF NOT EXISTS spent (asker TEXT PRIMARY KEY, requests INTEGER NOT NULL)"
                )
        return self._open

    def get(self, keys: Iterable[str]) -> dict[str, str]:
        """The replies that are kept."""
        found = {}
        with self._lock:
            connection = self._connection()
            for key in keys:
                row = connection.execute("SELECT reply FROM replies WHERE question = ?", (key,)).fetchone()
                if row is not None:
                    found[key] = row[0]
        return found

    def put(self, replies: Mapping[str, str]) -> None:
        """Keep replies."""
        with self._lock, self._connection() as connection:
            connection.executemany("INSERT OR REPLACE INTO replies VALUES (?, ?)", replies.items())

    def spend(self, asker: str, wanted: int, budget: int) -> int:
        """How many of the requests that are wanted the budget allows; they count as made."""
        with self._lock, self._connection() as connection:
            connection.execute("INSERT OR IGNORE INTO spent VALUES (?, 0)", (asker,))
            connection.execute("UPDATE spent SET requests = requests WHERE asker = ?", (asker,))  # takes the write lock
            (before,) = connection.execute("SELECT requests FROM spent WHERE asker = ?", (asker,)).fetchone()
            allowed = max(0, min(wanted, budget - before))
            connection.execute("UPDATE spent SET requests = requests + ? WHERE asker = ?", (allowed, asker))
        return int(allowed)

    def give_back(self, asker: str, requests: int) -> None:
        """Requests that were not made after all."""
        with self._lock, self._connection() as connection:
            connection.execute("UPDATE spent SET requests = requests - ? WHERE asker = ?", (requests, asker))
