"""Files of rollouts in parts: each read, scored where it is not, and added up, in a process of its own if need be."""

from __future__ import annotations

import math
import multiprocessing
import os
import signal
from collections import deque
from collections.abc import Callable, Container, Iterable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field, replace
from itertools import chain, islice
from pathlib import Path
from typing import Any, TypeVar

from s2r_rewards.adapter import Options, resolve_checker, resolve_method
from s2r_rewards.adapter.options import checker_version
from s2r_rewards.report.compare import Sample, sample_of
from s2r_rewards.report.figures import Figures
from s2r_rewards.report.sample import flags_of
from s2r_rewards.rollouts import Rollout, to_rollouts
from s2r_rewards.rollouts.records import RecordError, chunks, open_text, parse_lines, read_records
from s2r_rewards.rollouts.scoring import judge_rollouts

T = TypeVar("T")
PART_BYTES, PART_RECORDS = 2_000_000, 512
WORTH_PROCESSES = 4


@dataclass(frozen=True)
class Rules:
    """How rollouts are read and scored; it travels to other processes."""

    options: Options = field(default_factory=Options)
    fields: Mapping[str, str] | None = None
    again: bool = False
    """Whether scored rollouts are scored again."""
    compared: bool = False
    """Whether the run is compared with others; then a sample of each rollout is kept."""


@dataclass(frozen=True)
class Chunk:
    """Some lines of a file, of which the first has the number ``first``; or, of parquet, some numbered records."""

    path: str
    first: int = 1
    lines: str = ""
    records: tuple[tuple[int, dict[str, Any]], ...] = ()

    @property
    def numbers(self) -> Iterable[int]:
        """The numbers of its lines, empty ones among them."""
        return [n for n, _ in self.records] or range(self.first, self.first + self.lines.count("\n") + 1)

    def only(self, wanted: Container[int]) -> Chunk:
        """The chunk with nothing but the wanted lines; the others are empty."""
        kept = (x if n in wanted else "" for n, x in enumerate(self.lines.split("\n"), self.first))
        return replace(self, lines="\n".join(kept), records=tuple(one for one in self.records if one[0] in wanted))


@dataclass
class Part:
    """What a chunk comes to. Its lists have one entry a rollout."""

    figures: Figures = field(default_factory=Figures)
    flags: list[tuple[str, ...]] = field(default_factory=list)
    sizes: list[int] = field(default_factory=list)
    """Characters that the page needs for it, about."""
    lines: list[int] = field(default_factory=list)
    """Where it stands in its file."""
    wires: list[tuple[Any, str, str] | None] = field(default_factory=list)
    """(step, problem, record) of what was scored here, for its baselines: those of its whole step."""
    samples: list[Sample] = field(default_factory=list)
    """Of a run that is compared with others."""
    errors: list[RecordError] = field(default_factory=list)


def chunks_of(path: Path) -> Iterator[Chunk]:
    """A file in pieces that are handed out one by one."""
    if path.suffix == ".parquet":
        for batch in chunks(read_records(path), PART_RECORDS):
            yield Chunk(str(path), records=tuple(batch))
        return
    with open_text(path, "r") as file:
        first = 1
        while lines := file.readlines(PART_BYTES):
            yield Chunk(str(path), first, "".join(lines))
            first += len(lines)


def read_chunk(chunk: Chunk, rules: Rules) -> tuple[list[tuple[int, Rollout]], list[bool], list[RecordError]]:
    """The rollouts of a chunk with their line numbers, scored; which of them were scored here; and what is no rollout."""
    errors: list[RecordError] = []
    lines = parse_lines(chunk.lines.split("\n"), chunk.path, chunk.first, errors.append)
    found = list(to_rollouts([*chunk.records, *lines], chunk.path, errors.append, rules.fields))
    fresh = [rules.again or rollout.s2r is None for _, rollout in found]
    waiting = [rollout for (_, rollout), new in zip(found, fresh, strict=True) if new]
    if waiting:
        method, checker = resolve_method(rules.options), checker_version(rules.options)
        judged = judge_rollouts(waiting, method.grammar, resolve_checker(rules.options))
        scored = (replace(r, s2r=method.score(j, checker)) for r, j in zip(waiting, judged, strict=True))
        found = [(line, next(scored) if new else one) for (line, one), new in zip(found, fresh, strict=True)]
    return found, fresh, sorted(errors, key=lambda error: error.line)


def digest(chunk: Chunk, rules: Rules) -> Part:
    """The part of a chunk; places in its figures count from 0."""
    part = Part()
    found, fresh, part.errors = read_chunk(chunk, rules)
    for place, ((line, rollout), new) in enumerate(zip(found, fresh, strict=True)):
        add(part, place, line, rollout, new)
    part.samples = [sample_of(rollout) for _, rollout in found] if rules.compared else []
    return part


def add(part: Part, place: int, line: int, rollout: Rollout, new: bool) -> None:
    """One scored rollout; ``new``: it was scored here, without its step."""
    judged, record = rollout.judged, rollout.s2r
    flags = flags_of(judged)
    part.figures.add(place, rollout, judged, flags)
    part.flags.append(flags)
    part.sizes.append(len(rollout.response) + len(rollout.prompt) + 60 * len(judged.trajectory.actions) + 200)
    part.lines.append(line)
    part.wires.append((rollout.step, rollout.problem_id, record.wire()) if new and record is not None else None)


class Workers:
    """A function over many items, in order, in ``count`` processes; in this one where ``count`` is 1 or work is short.

    As a context manager; no more than a few items are under way at a time.
    """

    def __init__(self, count: int) -> None:
        self.count = count
        self._pool: ProcessPoolExecutor | None = None

    def __enter__(self) -> Workers:
        return self

    def __exit__(self, *exc: object) -> None:
        self.restart()

    def restart(self) -> None:
        """Ends the processes; others are started when they are needed."""
        if self._pool is not None:
            self._pool.shutdown(wait=False, cancel_futures=True)
            self._pool = None

    def map(self, function: Callable[..., T], items: Iterable[Any], *rest: Any) -> Iterator[T]:
        """``function(item, *rest)`` of each item; fewer than WORTH_PROCESSES of them are done before one would start."""
        items = iter(items)
        head = list(islice(items, WORTH_PROCESSES))
        if self.count == 1 or (self._pool is None and len(head) < WORTH_PROCESSES):
            yield from (function(item, *rest) for item in chain(head, items))
            return
        if self._pool is None:
            # Forked out of a process with threads a worker may wait for a lock for ever.
            context = multiprocessing.get_context("spawn")
            self._pool = ProcessPoolExecutor(self.count, context, _settle_in)
        under_way = deque(self._pool.submit(function, item, *rest) for item in head)
        while under_way:
            under_way.extend(
                self._pool.submit(function, item, *rest) for item in islice(items, 2 * self.count - len(under_way))
            )
            yield under_way.popleft().result()


def _settle_in() -> None:
    """A worker leaves Ctrl-C to the process that started it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def processors(options: Options) -> int:
    """How many processes are worth it: as many as may check; one where a judge's budget is to be kept."""
    return 1 if options.judge else max(1, min(options.workers, os.cpu_count() or 1))


def batches(wires: Iterable[tuple[Any, str, str] | None]) -> Iterator[list[int]]:
    """The places of what was scored here, step after step: baselines are taken over each list.

    Rollouts of a step that follow one another are a batch, whatever scored ones stand between them.
    """
    batch: list[int] = []
    step: Any = math.nan
    for place, wire in enumerate(wires):
        if wire is None:
            continue
        if batch and wire[0] != step:
            yield batch
            batch = []
        batch.append(place)
        step = wire[0]
    if batch:
        yield batch
