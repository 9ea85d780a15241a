"""Where the page's rollouts come from: memory, or files that are read in parts and never held as a whole."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
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
        with self.workers:
            for path in paths:
                for part in self.workers.map(digest, chunks_of(path), self.rules):
                    for error in part.errors:
                        on_error(error)
                    self.figures.merge(part.figures, len(self.flags))
                    self.flags += part.flags
                    self.sizes += part.sizes
                    self.samples += part.samples
                    self._lines += part.lines
                    self._wires += part.wires
                    advance(len(part.flags))
                self._ends.append(len(self.flags))

    def payloads(self, chosen: Sequence[int], max_text: int) -> list[dict[str, Any]]:
        """The rollouts at these places, numbered from 1."""
        credits_ = self._credits({*chosen})
        found: list[dict[str, Any]] = []
        start = 0
        for path, end in zip(self.paths, self._ends, strict=True):
            wanted = {self._lines[i]: i for i in chosen if start <= i < end}
            for chunk in chunks_of(path) if wanted else ():
                found += self._shown(chunk, wanted, credits_, max_text)
            start = end
        return found

    def _credits(self, chosen: set[int]) -> dict[int, Credit]:
        """Baselines and advantages of those among the chosen that were scored here."""
        method = replace(resolve_method(self.rules.options), running=False)
        return {
            place: credit
            for batch in batches(self._wires)
            if not chosen.isdisjoint(batch)
            for place, credit in zip(batch, credit_of(method, (self._wires[i] for i in batch)), strict=True)
            if place in chosen
        }

    def _shown(
        self, chunk: Chunk, wanted: Mapping[int, int], credits_: Mapping[int, Credit], max_text: int
    ) -> Iterator[dict[str, Any]]:
        for line, rollout in read_chunk(chunk.only(wanted), self.rules)[0]:
            place = wanted[line]
            record = rollout.s2r
            if place in credits_ and record is not None:
                rollout = replace(rollout, s2r=record.with_advantages(*credits_[place]))
            yield payload(place + 1, rollout, flags_of(rollout.judged), max_text)


def credit_of(method: Method, wires: Iterator[tuple[Any, str, str] | None]) -> list[Credit]:
    """Baselines and advantages of the records of one batch."""
    known = [(problem, ScoredRollout.loads(text)) for _, problem, text in filter(None, wires)]
    baselines, advantages = method.credit([record for _, record in known], [problem for problem, _ in known])
    return list(zip(baselines, advantages, strict=True))
