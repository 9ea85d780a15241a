"""What the data and evaluation commands share: options, messages, progress, and errors without tracebacks."""

import contextlib
import functools
from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeVar

import click
from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.table import Table

from s2r_rewards.datasets.loading import ErrorCount
from s2r_rewards.datasets.problems import ProblemError
from s2r_rewards.datasets.resume import ResumeError
from s2r_rewards.records import RecordError

Command = TypeVar("Command", bound=Callable[..., Any])
console = Console(stderr=True)

on_error_option = click.option(
    "--on-error",
    type=click.Choice(["raise", "skip"]),
    default="raise",
    show_default=True,
    help="At a bad record: stop, or go on without it and count it.",
)
restart_option = click.option("--restart", is_flag=True, help="Throw earlier work on this output away.")
seed_option = click.option(
    "--seed", default=0, show_default=True, help="The same seed gives the same output."
)


def output_option(help: str) -> Callable[[Command], Command]:
    return click.option(
        "-o", "--output", required=True, type=click.Path(dir_okay=False, path_type=str), help=help
    )


def friendly_errors(function: Command) -> Command:
    """Errors that a user can mend end the command with their message and exit status 1."""

    @functools.wraps(function)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        try:
            return function(*args, **kwargs)
        except (RecordError, ProblemError, ResumeError, FileNotFoundError, ImportError, ValueError) as error:
            raise click.ClickException(str(error)) from error

    return wrapped  # type: ignore[return-value]


def progress(label: str, total: int | None = None, done: int = 0) -> "Bar":
    return Bar(label, total, done)


class Bar:
    """A progress bar on stderr; silent where stderr is no terminal."""

    def __init__(self, label: str, total: int | None, done: int = 0) -> None:
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[note]}"),
            console=console,
            disable=not console.is_terminal,
        )
        self._task = self._progress.add_task(label, total=total, completed=done, note="")

    def __enter__(self) -> "Bar":
        self._progress.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._progress.stop()

    def advance(self, count: int = 1, note: str | None = None) -> None:
        extra = {} if note is None else {"note": note}
        self._progress.update(self._task, advance=count, **extra)  # type: ignore[arg-type]

    def over(self, items: Iterable[Any]) -> Iterator[Any]:
        """The items, each counted as it is taken."""
        for item in items:
            yield item
            self.advance()


def say(message: str) -> None:
    """One line for the user, on stderr: stdout is for data."""
    click.echo(message, err=True)


def report_skipped(errors: ErrorCount) -> None:
    """Say how many bad records were skipped, and show the first few."""
    if errors.count:
        say(f"skipped {errors.count} bad records:")
        for message in errors.first:
            say(f"  {message}")


def show_table(title: str, columns: Iterable[str], rows: Iterable[Iterable[str]]) -> None:
    """A table on stdout; the first column is text, the others are numbers."""
    table = Table(title=escape(title), title_justify="left")
    for index, column in enumerate(columns):
        table.add_column(column, justify="right" if index else "left")
    for row in rows:
        table.add_row(*map(escape, row))
    # A pipe has no width: wide enough then that nothing is cut.
    out = Console()
    Console(width=None if out.is_terminal else 200).print(table)


def counts_table(title: str, counts: dict[str, int]) -> None:
    """A table of how many records ended up where."""
    show_table(title, ("records", "number"), [(name, str(number)) for name, number in counts.items()])


@contextlib.contextmanager
def reading(on_error: str) -> Iterator[ErrorCount]:
    """The error counter for one command's inputs; reports at the end what was skipped."""
    errors = ErrorCount(skip=on_error == "skip")
    yield errors
    report_skipped(errors)
