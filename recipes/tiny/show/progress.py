"""Progress bars in a terminal; one line per finished stage everywhere."""

from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TimeElapsedColumn

from ..pipeline import Task
from ..stages import ALL


class Watch(Progress):
    """One bar for everything and one for each task that runs. Used in a `with` statement."""

    def __init__(self, console: Console, tasks: int):
        count, note = "{task.completed:.0f}/{task.total:.0f}", "{task.fields[text]}"
        columns = ("{task.description}", BarColumn(), count, TimeElapsedColumn(), note)
        super().__init__(*columns, console=console, disable=not console.is_terminal)
        self.all_tasks = self.add_task("all stages", total=tasks, text="")
        self.bars: dict[str, TaskID] = {}

    def step(self, label: str, done: int, total: int, text: str) -> None:
        if label not in self.bars:
            self.bars[label] = self.add_task(label, total=total, text=text)
        self.update(self.bars[label], completed=done, total=total, text=text)

    def done(self, task: Task, record: dict[str, Any] | None) -> None:
        """`record`: what the stage left behind; None if an earlier run had finished it."""
        if task.label in self.bars:
            self.remove_task(self.bars.pop(task.label))
        self.update(self.all_tasks, advance=1)
        took = "already done" if record is None else f"{record['wall_s']:.0f} s"
        self.console.print(f"{task.label:<22}{ALL[task.stage].about}, {took}", highlight=False)
