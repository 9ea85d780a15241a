"""An evaluated run beside others and beside the paper: options, the paper's tables, and its figures 1, 3 and 4."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import click

from s2r_rewards.cli.kit.commands import bundle
from s2r_rewards.cli.kit.options import option, options_of
from s2r_rewards.cli.kit.show import say, show_table
from s2r_rewards.evaluation.benchmarks import benchmark_of
from s2r_rewards.evaluation.drawing import check_drawing, draw
from s2r_rewards.evaluation.figures import NUMBERS
from s2r_rewards.evaluation.published import MODELS, TABLES, PaperTable
from s2r_rewards.evaluation.runs import BEHAVIOUR_SET, Result, Run, read_run
from s2r_rewards.evaluation.tables import accuracy_table, behaviour_table, paper_table

EVERY = "all"
#: The paper's tables about evaluated models.
NUMBERED = tuple(number for number in TABLES if number != "6")


@dataclass(frozen=True)
class Comparison:
    """What stands beside a run. Everything is checked before a model is asked."""

    paper: str | None = option(
        "The paper's figures of this base model, or of all models, beside the run.", type=click.Choice([*MODELS, EVERY])
    )
    table: tuple[str, ...] = option(
        "With which of the paper's tables. Default with --paper: those with anything of the run. Repeatable.",
        type=click.Choice(NUMBERED),
        multiple=True,
    )
    label: str | None = option("Name of this run in tables and figures. Default: its folder's.")
    trained_on: int | None = option("Training examples of this model, for figure 1.", type=click.IntRange(1))
    compare: tuple[str, ...] = option(
        "LABEL:FOLDER or LABEL:SIZE:FOLDER, another run of `s2r eval` for tables and figures; SIZE: training examples. "
        "Repeatable.",
        multiple=True,
    )
    figure: tuple[str, ...] = option(
        "NUMBER=PATH: draw the paper's figure 1 (data efficiency), 3 (behaviour) or 4 (by difficulty) of the runs as "
        ".png, .svg or .pdf. Repeatable.",
        multiple=True,
    )

    def __post_init__(self) -> None:
        for _, path in self._drawings:
            try:
                check_drawing(path)
            except ValueError as error:
                raise click.UsageError(str(error)) from error
        sizes = [size for _, size, _ in self._others]
        if any(number == "1" for number, _ in self._drawings) and not (self.trained_on or any(sizes)):
            raise click.UsageError("--figure 1 needs training sizes: --trained-on N or --compare LABEL:SIZE:FOLDER")

    @cached_property
    def _drawings(self) -> list[tuple[str, Path]]:
        found = []
        for item in self.figure:
            number, equals, path = item.partition("=")
            if not equals:  # a bare path, as in 0.2
                number, path = "1", item
            if number not in NUMBERS or not path:
                expected = f"expected --figure NUMBER=PATH with NUMBER one of {', '.join(NUMBERS)}"
                raise click.UsageError(f"--figure {item!r}: {expected}")
            found.append((number, Path(path)))
        return found

    @cached_property
    def _others(self) -> list[tuple[str, int | None, Path]]:
        found: list[tuple[str, int | None, Path]] = []
        for item in self.compare:
            label, _, rest = item.partition(":")
            size, colon, folder = rest.partition(":")
            sized = bool(colon) and size.isdecimal()
            place = folder if sized else rest
            if not label or not place:
                raise click.UsageError(f"{item!r}: expected --compare LABEL:FOLDER or LABEL:SIZE:FOLDER")
            found.append((label, int(size) if sized else None, Path(place)))
        return found

    @property
    def base(self) -> str | None:
        """The one base model that was named."""
        return None if self.paper == EVERY else self.paper

    def check(self, folder: Path) -> None:
        """Raises UsageError where a run to compare is not there, or two have one name."""
        own = self.label or folder.resolve().name
        labels = [own, *(label for label, _, _ in self._others)]
        twice = next((label for label in labels if labels.count(label) > 1), None)
        if twice is not None:
            raise click.UsageError(f"two runs are called {twice!r}; name them by --label and --compare LABEL:FOLDER")
        for _, _, place in self._others:
            if place.resolve() != folder.resolve() and not (place / "results.json").is_file():
                raise click.UsageError(f"--compare {place}: no results.json in it; `s2r eval -o {place}` writes one")

    def runs(self, folder: Path, results: Sequence[Result]) -> list[Run]:
        """This run, whose results are written already, then the others in the order of their options."""
        own = Run(self.label or folder.resolve().name, results, self.trained_on)
        return [own, *(read_run(place, label, size) for label, size, place in self._others)]

    def show(self, runs: Sequence[Run]) -> None:
        """The run's own tables, then the paper's."""
        results = runs[0].results
        show_table("accuracy", *accuracy_table(results, self.base))
        for result in results:
            show_table(f"behaviour: {benchmark_of(result['benchmark']).title}", *behaviour_table(result, self.base))
        for table in self._tables(runs):
            cited = "; * from another report" if any(row.cited and self._mine(row.base) for row in table.rows) else ""
            show_table(f"table {table.number} of the paper: {table.title}{cited}", *paper_table(table, runs, self.base))
        if any(table.number == "4" for table in self._tables(runs)) and runs[0].result(BEHAVIOUR_SET) is None:
            say(f"table 4 is measured on {benchmark_of(BEHAVIOUR_SET).title}, which was not evaluated")

    def record(self, runs: Sequence[Run]) -> Any:
        """For --json: the run's results; with tables of the paper, an object of results and tables."""
        if not (self.paper or self.table):
            return runs[0].results
        tables = {}
        for table in self._tables(runs):
            rows = [{"label": r.label, "cells": {c: r.cell(c) for c in table.columns}} for r in runs]
            paper = [
                {"label": r.label, "cited": r.cited, "cells": dict(r.cells)} for r in table.rows if self._mine(r.base)
            ]
            tables[table.number] = {"title": table.title, "runs": rows, "paper": paper}
        return {"results": runs[0].results, "tables": tables}

    def draw(self, runs: Sequence[Run]) -> None:
        """Every figure that was asked for."""
        for number, path in self._drawings:
            shown = draw(number, runs, path, self.base)
            if self.base and number != "4" and not any(label.startswith("paper: ") for label in shown.series):
                say(f"figure {number}: the paper has no figures of {self.base} on this benchmark; they are left out")
            say(f"{path}: written")

    def _mine(self, base: str | None) -> bool:
        return self.base in (None, base)

    def _tables(self, runs: Sequence[Run]) -> Iterator[PaperTable]:
        """Those asked for by number; else, with --paper, those in which a run has a cell and the paper a row."""
        for table in TABLES.values():
            has_cell = any(run.cell(column) is not None for run in runs for column in table.columns)
            has_row = any(self._mine(row.base) for row in table.rows)
            wanted = table.number in self.table if self.table else bool(self.paper) and has_cell
            if table.number in NUMBERED and wanted and has_row:
                yield table


comparison_options = bundle("comparison", Comparison, *options_of(Comparison))
