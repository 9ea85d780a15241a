"""Progress bars in a terminal; one line per finished stage everywhere."""

from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TimeElapsedColumn

from ..stages import STAGES


class Watch(Progress):
    """One bar for all stages and one for each that runs. Used in a `with` statement."""

    def __init__(self, console: Console, stages: int, many_seeds: bool):
        count, note = "{task.completed:.0f}/{task.total:.0f}", "{task.fields[text]}"
        columns = ("{task.description}", BarColumn(), count, TimeElapsedColumn(), note)
        super().__init__(*columns, console=console, disable=not console.is_terminal)
        self.many_seeds = many_seeds
        self.all_stages = self.add_task("all stages", total=stages, text="")
        self.bars: dict[tuple[int, str], TaskID] = {}

    def step(self, seed: int, stage: str, done: int, total: int, text: str) -> None:
        if (seed, stage) not in self.bars:
            self.bars[seed, stage] = self.add_task(self._name(seed, stage), total=total, text=text)
        self.update(self.bars[seed, stage], completed=done, total=total, text=text)

    def done(self, seed: int, stage: str, record: dict[str, Any] | None) -> None:
        """`record`: what the stage left behind; None if an earlier run had finished it."""
        if (seed, stage) in self.bars:
            self.remove_task(self.bars.pop((seed, stage)))
        self.update(self.all_stages, advance=1)
        took = "already done" if record is None else f"{record['wall_s']:.0f} s"
        self.console.print(f"{self._name(seed, stage):<22}{STAGES[stage].about}, {took}", highlight=False)

    def _name(self, seed: int, stage: str) -> str:
        return f"{f'seed {seed} ' if self.many_seeds else ''}{stage}"
