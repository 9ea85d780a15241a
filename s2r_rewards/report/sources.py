"""Where the page's rollouts come from: memory, or files that are read in parts and never held as a whole."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

from s2r_rewards.adapter import resolve_method
from s2r_rewards.methods import Method
from s2r_rewards.report.compare import Sample, sample_of
from s2r_rewards.report.figures import Figures
from s2r_rewards.report.parts import (
    Chunk,
    Part,
    Rules,
    Workers,
    add,
    batches,
    chunks_of,
    digest,
    processors,
    read_chunk,
)
from s2r_rewards.report.payload import payload
from s2r_rewards.report.sample import flags_of
from s2r_rewards.rollouts import Rollout
from s2r_rewards.rollouts.records import OnError, raise_error
from s2r_rewards.scored import ScoredRollout

Credit = tuple[Sequence[float], Sequence[float]]
"""One baseline and one advantage per scored action."""
Wanted = Mapping[int, tuple[int, Credit | None]]
"""Line → place among all rollouts, and what was worked out over its step."""


class Source(Protocol):
    """The rollouts of one run: their figures, one entry a rollout for what chooses among them, and the chosen ones."""

    @property
    def figures(self) -> Figures: ...
    @property
    def flags(self) -> Sequence[tuple[str, ...]]: ...
    @property
    def sizes(self) -> Sequence[int]: ...
    def payloads(self, chosen: Sequence[int], max_text: int) -> list[dict[str, Any]]: ...


class Compared(Source, Protocol):
    """One of several runs: with a sample of each rollout as well."""

    @property
    def samples(self) -> Sequence[Sample]: ...


class Held:
    """Scored rollouts in memory. Raises ValueError for one that is not scored."""

    def __init__(self, rollouts: Sequence[Rollout]) -> None:
        self.rollouts = rollouts
        part = Part()
        for place, rollout in enumerate(rollouts):
            add(part, place, place, rollout, new=False)
        self.figures, self.flags, self.sizes = part.figures, part.flags, part.sizes

    @property
    def samples(self) -> list[Sample]:
        """Made anew whenever asked for."""
        return list(map(sample_of, self.rollouts))

    def payloads(self, chosen: Sequence[int], max_text: int) -> list[dict[str, Any]]:
        """The rollouts at these places, numbered from 1."""
        return [payload(i + 1, self.rollouts[i], self.flags[i], max_text) for i in chosen]


class Stored:
    """The rollouts of files, each read twice: for the figures, and again for the few that the page shows.

    Args:
        on_error: called with each record that is none.
        advance: called with how many rollouts were read meanwhile.
    """

    def __init__(
        self,
        paths: Sequence[Path],
        rules: Rules = Rules(),
        on_error: OnError = raise_error,
        advance: Callable[[float], None] = lambda count: None,
    ) -> None:
        self.paths, self.rules = paths, rules
        self.workers = Workers(processors(rules.options))
        self.figures = Figures()
        self.flags: list[tuple[str, ...]] = []
        self.sizes: list[int] = []
        self.samples: list[Sample] = []
        self._lines: list[int] = []
        self._wires: list[tuple[Any, str, str] | None] = []
        self._ends: list[int] = []  # of each file, how many rollouts it and those before it have
        try:
            self._read(on_error, advance)
        except BaseException:
            self.workers.restart()
            raise

    def _read(self, on_error: OnError, advance: Callable[[float], None]) -> None:
        for path in self.paths:
            for part in self.workers.map(digest, chunks_of(path), self.rules):
                for error in part.errors:
                    on_error(error)
                self.figures.merge(part.figures, len(self.flags))
                self.flags += part.flags
                self.sizes += part.sizes
                self._lines += part.lines
                self._wires += part.wires
                self.samples += part.samples
                advance(len(part.flags))
            self._ends.append(len(self.flags))

    def payloads(self, chosen: Sequence[int], max_text: int) -> list[dict[str, Any]]:
        """The rollouts at these places, numbered from 1."""
        with self.workers:
            credits_ = self._credits({*chosen})
            found = self.workers.map(shown, self._wanted(chosen, credits_), self.rules, max_text)
            return [row for rows in found for row in rows]

    def _credits(self, chosen: set[int]) -> dict[int, Credit]:
        """Baselines and advantages of those among the chosen that were scored here."""
        wanted = [batch for batch in batches(self._wires) if not chosen.isdisjoint(batch)]
        tasks = (([self._wires[i] for i in batch], [k for k, i in enumerate(batch) if i in chosen]) for batch in wanted)
        found = self.workers.map(credits_in, tasks, self.rules)
        return {
            place: credit
            for batch, rows in zip(wanted, found, strict=True)
            for place, credit in zip((i for i in batch if i in chosen), rows, strict=True)
        }

    def _wanted(self, chosen: Sequence[int], credits_: Mapping[int, Credit]) -> Iterator[tuple[Chunk, Wanted]]:
        """The chunks with chosen rollouts in them, without the others; and what is known of each line."""
        start = 0
        for path, end in zip(self.paths, self._ends, strict=True):
            places = {self._lines[i]: i for i in chosen if start <= i < end}
            for chunk in chunks_of(path) if places else ():
                lines = {n: (i, credits_.get(i)) for n in chunk.numbers if (i := places.get(n)) is not None}
                if lines:
                    yield chunk.only(lines), lines
            start = end


def shown(task: tuple[Chunk, Wanted], rules: Rules, max_text: int) -> list[dict[str, Any]]:
    """The payloads of the wanted lines of a chunk."""
    chunk, wanted = task
    found = []
    for line, rollout in read_chunk(chunk, rules)[0]:
        place, credit = wanted[line]
        if credit is not None and rollout.s2r is not None:
            rollout = replace(rollout, s2r=rollout.s2r.with_advantages(*credit))
        found.append(payload(place + 1, rollout, flags_of(rollout.judged), max_text))
    return found


def credits_in(task: tuple[Sequence[tuple[Any, str, str] | None], Sequence[int]], rules: Rules) -> list[Credit]:
    """Baselines and advantages of some records of a batch."""
    wires, wanted = task
    found = credit_of(replace(resolve_method(rules.options), running=False), wires)
    return [found[k] for k in wanted]


def credit_of(method: Method, wires: Iterable[tuple[Any, str, str] | None]) -> list[Credit]:
    """Baselines and advantages of the records of one batch."""
    known = [(problem, ScoredRollout.loads(text)) for _, problem, text in filter(None, wires)]
    baselines, advantages = method.credit([record for _, record in known], [problem for problem, _ in known])
    return list(zip(baselines, advantages, strict=True))
