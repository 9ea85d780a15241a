"""A run that is still going: its files are read as they grow, and what the page asks for is answered."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from s2r_rewards.adapter import resolve_method
from s2r_rewards.report.figures import Figures
from s2r_rewards.report.live.entries import IndexedPart, indexed
from s2r_rewards.report.live.index import Index
from s2r_rewards.report.live.search import Searches
from s2r_rewards.report.live.tail import Tail
from s2r_rewards.report.parts import Chunk, Rules, Workers, processors
from s2r_rewards.report.sources import credit_of

logger = logging.getLogger(__name__)
SHOWN_NOTICES = 5
LARGEST_BATCH = 20_000
"""Baselines over more rollouts than these are not worked out while somebody waits."""
MOST_ROWS, MOST_SAMPLES = 500, 64
MOST_FAILURES = 3
"""In a row; then reading ends."""
PATIENCE = 0.1
"""Seconds that a search may keep the page waiting before it shows what there is."""


@dataclass
class Watched:
    """A file of the run, and what it adds to the figures."""

    number: int
    tail: Tail
    figures: Figures = field(default_factory=Figures)
    bad: int = 0
    """Records of it that were left out."""


class Following:
    """Reads what comes, in a thread of its own (:meth:`run`); everything else may be called from any thread.

    Args:
        find: the files of the run as they are now.
        pause: seconds between two looks.
        tell: shows a line to the user.
    """

    def __init__(
        self,
        find: Callable[[], Sequence[Path]],
        rules: Rules,
        pause: float = 1.0,
        tell: Callable[[str], None] = logger.info,
    ) -> None:
        self.index, self.rules = Index(), rules
        self.searches = Searches(self.index)
        self.lock = threading.Lock()
        self.figures = Figures()
        self.version = 0
        """Counts what changed the figures."""
        self._find, self._pause, self._tell = find, pause, tell
        self._watched: dict[Path, Watched] = {}
        self._notices: deque[str] = deque(maxlen=SHOWN_NOTICES)
        self._gone, self._reading = 0, False
        self._stop = threading.Event()
        self._connections = threading.local()
        self._credits: dict[tuple[int, int, int], dict[int, Any]] = {}

    def run(self) -> None:
        """Reads until :meth:`close`, or until it has failed MOST_FAILURES times in a row."""
        failures = 0
        with Workers(processors(self.rules.options)) as workers:
            while not self._stop.is_set():
                started = time.monotonic()
                try:
                    if failures:
                        self._forget()
                    self.look(workers)
                    failures = 0
                except Exception as error:
                    # A worker that was killed, a disk that was full: may be over by the next look.
                    failures += 1
                    logger.exception("reading the run failed")
                    workers.restart()
                    self._reading = False
                    ends = failures == MOST_FAILURES
                    then = "reading has ended; start s2r report again" if ends else "all files are read again"
                    self._note(f"reading failed ({type(error).__name__}: {error}); {then}")
                    if ends:
                        return
                    self._stop.wait(5 * self._pause)
                self._stop.wait(max(self._pause, 0.2 * (time.monotonic() - started)))

    def close(self) -> None:
        """Ends it and removes the index."""
        self._stop.set()
        self.searches.close()

    def look(self, workers: Workers) -> int:
        """Reads what came since the last look; returns how many rollouts."""
        under_way: deque[tuple[Watched, bool]] = deque()
        count = 0
        self._reading = True
        for part in workers.map(indexed, self._new(under_way), self.rules):
            watched, again = under_way.popleft()
            count += self._take(watched, again, part)
            if self._stop.is_set():
                break
        self._reading = False
        return count

    def _new(self, under_way: deque[tuple[Watched, bool]]) -> Iterator[Chunk]:
        """The chunks that are new; what each belongs to, and whether its file begins anew, goes to ``under_way``."""
        files = list(self._find())
        there = {*files}
        for path in [path for path in self._watched if there and path not in there and path.exists()]:
            self._note(f"{path} is no part of the run any more (another folder has newer files): it is left out")
            under_way.append((self._watched.pop(path), True))
            self._gone += 1
            yield Chunk(str(path))
        for path in files:
            watched = self._watched.get(path) or self._watched.setdefault(
                path, Watched(self._gone + len(self._watched), Tail(path))
            )
            happened = watched.tail.changed()
            if happened is None:
                continue
            again = bool(happened)
            if again:
                self._note(f"{path} {happened}: it is read from its beginning, and what it held before is left out")
                under_way.append((watched, True))
                yield Chunk(str(path))
            for chunk in watched.tail.chunks(again):
                under_way.append((watched, False))
                yield chunk

    def _take(self, watched: Watched, again: bool, found: IndexedPart) -> int:
        if again:
            watched.bad = 0
        for error in found.part.errors:
            watched.bad += 1
            if watched.bad <= SHOWN_NOTICES:
                self._note(f"left out: {error}")
        first = self.index.add(found.entries, watched.number) if found.entries else self.index.size
        dropped: Iterable[int] = ()
        with self.lock:
            if again:
                dropped = self.index.drop(watched.number)
                watched.figures = Figures()
                self.figures = Figures()
                for other in self._watched.values():
                    self.figures.merge(other.figures)
            watched.figures.merge(found.part.figures, first)
            self.figures.merge(found.part.figures, first)
            self.version += bool(again or found.entries)
        self.index.clear(dropped, self._stop.is_set)
        return len(found.entries)

    def _forget(self) -> None:
        with self.lock:
            dropped = [self.index.drop(watched.number) for watched in self._watched.values()]
            self._gone += len(self._watched)
            self._watched, self.figures = {}, Figures()
            self.version += 1
        for numbers in dropped:
            self.index.clear(numbers, self._stop.is_set)

    def _note(self, text: str) -> None:
        self._notices.append(f"{time.strftime('%H:%M:%S')} {text}")
        self._tell(text)

    def status(self) -> str:
        """What is going on, in a line or two."""
        files = list(self._watched.values())
        tails, bad = [watched.tail for watched in files], sum(watched.bad for watched in files)
        waiting = sum(tail.waiting > 0 for tail in tails)
        size = sum(tail.waiting for tail in tails)
        lines = [
            "No rollouts yet: waiting for the first." if not self.index.size else "",
            f"Following {len(tails):,} file{'s' if len(tails) != 1 else ''}"
            + (", reading what is there." if self._reading else "."),
            f"{waiting:,} half-written last line{'s' if waiting != 1 else ''} ({size:,} bytes) waiting."
            if waiting
            else "",
            f"{bad:,} bad records left out." if bad else "",
            *(f"{tail.path}: {tail.trouble}." for tail in tails if tail.trouble),
            *self._notices,
        ]
        return " ".join(filter(None, lines))

    def rows(self, wanted: Mapping[str, str]) -> dict[str, Any]:
        """A window of the rollouts that the filters let through, in the order asked for; and where the rollout `r` is.

        Args:
            wanted: the filters and the order of the page's address; ``from`` and ``size``: the window, or ``at``: the
                number of a rollout that it should hold; ``r``: the number of a rollout whose place is asked for;
                ``next`` and ``after``: the first rollout with this flag behind that place.
        """
        size = min(max(_whole(wanted.get("size"), 60), 1), MOST_ROWS)
        mask = self.index.select(wanted)
        complete = True
        if words := wanted.get("q", "").strip():
            search = self.searches.get(words)
            found, complete = search.numbers(PATIENCE)
            found = found[found < len(mask)]
            found = found[mask[found]]
        else:
            found = np.flatnonzero(mask)
        found = self.index.order(found, wanted.get("sort", ""))
        start = _whole(wanted.get("from"), 0)
        if wanted.get("at") and (at := _place(found, wanted["at"])) is not None:
            start = max(0, at - size // 2)
        if wanted.get("next"):
            behind = _whole(wanted.get("after"), -1) + 1
            flagged = self.index.select({"flag": wanted["next"]})
            for place in (behind + np.flatnonzero(flagged[found[behind:]])[:1]).tolist():
                if row := self._load(found[place : place + 1]):
                    return {"place": place, "row": row[0]}
            return {"place": None}
        rows = self._load(found[start : start + size])
        place = _place(found, wanted.get("r"))
        return {"count": len(found), "complete": complete, "from": start, "rows": rows, "place": place}

    def rollout(self, number: int) -> dict[str, Any] | None:
        """A rollout and the samples of its problem at its step, with baselines; None: there is no such one (any more)."""
        if not self.index.holds(number):
            return None
        alike = self.index.alike(number, "problem", "step")
        place = int(np.searchsorted(alike, number))
        near = max(0, min(place - MOST_SAMPLES // 2, len(alike) - MOST_SAMPLES))
        shown = alike[near : near + MOST_SAMPLES]
        loaded = self.index.load(self._connection, shown)
        credits_ = self._credits_of(number) if any(wire for _, wire in loaded) else {}
        samples = [_credited(row, credits_.get(row["i"] - 1)) for row, _ in loaded]
        own = next((row for row in samples if row["i"] == number + 1), None)
        return own and {"rollout": own, "samples": samples, "of": len(alike)}

    def _load(self, numbers: Any) -> list[dict[str, Any]]:
        return [row for row, _ in self.index.load(self._connection, numbers)]

    @property
    def _connection(self) -> Any:
        if not hasattr(self._connections, "one"):
            self._connections.one = self.index.connect()
        return self._connections.one

    def _credits_of(self, number: int) -> dict[int, Any]:
        """Baselines and advantages over the step of a rollout, as far as it has come."""
        version = self.version
        batch = self.index.alike(number, "step")
        if len(batch) > LARGEST_BATCH:
            return {}
        if not len(batch):  # dropped meanwhile
            return {}
        key = (version, int(batch[0]), len(batch))
        found = self._credits.get(key)
        if found is None:
            rows = self.index.load(self._connection, batch)
            wires = {row["i"] - 1: (None, *wire) for row, wire in rows if wire}
            method = replace(resolve_method(self.rules.options), running=False)
            found = dict(zip(wires, credit_of(method, iter(wires.values())), strict=True))
            self._credits = {key: found}
        return found


def _credited(row: dict[str, Any], credit: Any) -> dict[str, Any]:
    """The payload with baselines, advantages and contexts, as `payload` writes them."""
    if credit is None:
        return row
    baselines, advantages = credit
    scored = [action for action in row.get("a", ()) if action["k"] != "end"]
    earned: list[float] = []
    for action, baseline, advantage in zip(scored, baselines, advantages, strict=True):
        action |= {"b": round(float(baseline), 4), "A": round(float(advantage), 4)}
        if earned:
            action["x"] = list(earned)
        earned.append(action.get("r", 0.0))
    return row


def _place(numbers: npt.NDArray[np.int64], number: str | None) -> int | None:
    """Where the rollout that the page calls so stands among these."""
    places = np.flatnonzero(numbers == _whole(number, 0) - 1)
    return int(places[0]) if len(places) else None


def _whole(text: str | None, otherwise: int) -> int:
    try:
        return int(text) if text else otherwise
    except ValueError:
        return otherwise
