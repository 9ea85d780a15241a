"""What the user sees: messages and progress on stderr, tables on stdout."""

import json
import math
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, TypeVar

import click

Item = TypeVar("Item")


def say(message: str) -> None:
    """One line for the user, on stderr: stdout is for data."""
    click.echo(message, err=True)


def say_json(body: Any) -> None:
    """For other programs, on stdout."""
    click.echo(json.dumps(body, indent=1, ensure_ascii=False))


def finite(values: Mapping[str, float]) -> dict[str, float | None]:
    """The values as JSON can hold them: None for nan."""
    return {name: value if math.isfinite(value) else None for name, value in values.items()}


class Progress:
    """A progress bar on stderr; silent where stderr is no terminal."""

    def __init__(self, label: str, total: int | None = None, done: int = 0) -> None:
        from rich import progress
        from rich.console import Console

        console = Console(stderr=True)
        columns: list[progress.ProgressColumn] = [progress.TextColumn("{task.description}"), progress.BarColumn()]
        columns += [progress.MofNCompleteColumn(), progress.TimeElapsedColumn(), progress.TimeRemainingColumn()]
        columns += [progress.TextColumn("{task.fields[note]}")]
        self._bar = progress.Progress(*columns, console=console, disable=not console.is_terminal)
        self._task = self._bar.add_task(label, total=total, completed=done, note="")

    def __enter__(self) -> "Progress":
        self._bar.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._bar.stop()

    def advance(self, count: float = 1, note: str | None = None) -> None:
        extra: dict[str, Any] = {} if note is None else {"note": note}
        self._bar.update(self._task, advance=count, **extra)

    def over(self, items: Iterable[Item]) -> Iterator[Item]:
        """The items, each counted as it is taken."""
        for item in items:
            yield item
            self.advance()


def print_table(
    columns: Iterable[Any], rows: Iterable[Iterable[Any]], text: int = 1, width: int | None = None, **settings: Any
) -> None:
    """A table on stdout: so many columns of text, then numbers. ``settings`` are those of rich's Table."""
    from rich.console import Console
    from rich.table import Table

    table = Table(*columns, title_justify="left", **settings)
    for column in table.columns[text:]:
        column.justify = "right"
    for row in rows:
        table.add_row(*row)
    Console(width=width).print(table)


def show_table(title: str, columns: Iterable[str], rows: Iterable[Iterable[str]]) -> None:
    """A table on stdout; the first column is text, the others are numbers. A pipe has room for all of it."""
    from rich.console import Console
    from rich.markup import escape

    width = None if Console().is_terminal else 200
    print_table(columns, (map(escape, row) for row in rows), width=width, title=escape(title))


def counts_table(title: str, counts: Mapping[str, int], as_json: bool = False) -> None:
    """How many records ended up where: a table, or one JSON object."""
    if as_json:
        say_json({title: dict(counts)})
        return
    show_table(title, ("records", "number"), [(name, str(number)) for name, number in counts.items()])
