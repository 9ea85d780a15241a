"""Progress bars in a terminal; one line per finished stage everywhere."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from ..stages import STAGES


class Watch:
    def __init__(self, console: Console, progress: Progress, stages: int, many_seeds: bool):
        self.console, self.progress, self.many_seeds = console, progress, many_seeds
        self.total = progress.add_task("all stages", total=stages, text="")
        self.bars: dict[tuple[int, str], TaskID] = {}

    def step(self, seed: int, stage: str, done: int, total: int, text: str) -> None:
        key = (seed, stage)
        if key not in self.bars:
            self.bars[key] = self.progress.add_task(self._name(seed, stage), total=total, text=text)
        self.progress.update(self.bars[key], completed=done, total=total, text=text)

    def finished(self, seed: int, stage: str, record: dict[str, Any] | None) -> None:
        """`record`: what the stage left behind; None if an earlier run had finished it."""
        bar = self.bars.pop((seed, stage), None)
        if bar is not None:
            self.progress.remove_task(bar)
        self.progress.advance(self.total)
        took = "already done" if record is None else f"{record['wall_s']:.0f} s"
        about = STAGES[stage].about
        self.console.print(f"{self._name(seed, stage):<22}{about}, {took}", highlight=False)

    def _name(self, seed: int, stage: str) -> str:
        return f"{f'seed {seed} ' if self.many_seeds else ''}{stage}"


@contextmanager
def watch(console: Console, stages: int, many_seeds: bool) -> Iterator[Watch]:
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.completed:.0f}/{task.total:.0f}"),
    )
    with Progress(
        *columns, TimeElapsedColumn(), TextColumn("{task.fields[text]}"), console=console
    ) as progress:
        if not console.is_terminal:
            progress.stop()
        yield Watch(console, progress, stages, many_seeds)
