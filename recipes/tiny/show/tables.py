"""The summary tables in the terminal: the paper's table 2 and figures 3 and 4 in small."""

from __future__ import annotations

import math
from collections.abc import Iterator

from rich import box
from rich.console import Console
from rich.table import Table

from .summary import LABELS, Summary, mean_spread

FINAL = "s2r/outcome/accuracy"
ATTEMPTS = "s2r/trials/mean"
BEHAVIOUR = {
    "first": "s2r/attempt/first_accuracy",
    "verify": "s2r/verify/accuracy",
    "recall": "s2r/verify/error_recall",
    "precision": "s2r/verify/correct_precision",
    "I→C": "s2r/correct/i2c",
    "C→I": "s2r/correct/c2i",
}
COLUMNS = {"final": FINAL, **BEHAVIOUR, "attempts": ATTEMPTS}
LEVELS = range(1, 6)
CAPTION = (
    "final, first: accuracy of the last and the first attempt; verify, recall, precision: verification accuracy, "
    "error recall, correct precision; I→C, C→I: wrong answers mended, right ones spoiled. Percent, but for attempts."
)


def level(metric: str, n: int) -> str:
    return f"s2r/level/{n}/{metric.removeprefix('s2r/')}"


def temperature_title(temperature: str) -> str:
    return "greedy" if temperature == "greedy" else f"sampling at T = {temperature[1:]}"


def show(summary: Summary, console: Console) -> None:
    """Prints every table; text that is piped on is as wide as it needs to be."""
    if not console.is_terminal:
        console = Console(width=120)
    for table in _tables(summary):
        console.print(table)
    if summary:
        console.print(CAPTION, style="dim", highlight=False)
        console.print()


def markdown(summary: Summary) -> str:
    """The same tables for a README."""
    parts = []
    for table in _tables(summary):
        rows = [[column.header for column in table.columns]]
        rows += map(list, zip(*(column.cells for column in table.columns), strict=True))
        lines = ["| " + " | ".join(map(str, row)) + " |" for row in rows]
        lines.insert(1, "|---" * len(table.columns) + "|")
        parts.append("\n".join([f"{table.title}", "", *lines, ""]))
    return "\n".join([*parts, CAPTION, ""])


def _tables(summary: Summary) -> Iterator[Table]:
    temperatures = list(next(iter(summary.values()), {}))
    for temperature in temperatures:
        table = _new_table(summary, f"Held-out problems, {temperature_title(temperature)}", list(COLUMNS))
        for model, results in summary.items():
            row = results[temperature]
            table.add_row(LABELS[model], *(_cell(m, row.get(m, [])) for m in COLUMNS.values()))
        yield table
    for temperature in temperatures:
        title = f"Final accuracy and attempts by difficulty, {temperature_title(temperature)}"
        table = _new_table(summary, title, [f"level {n}" for n in LEVELS])
        for model, results in summary.items():
            row = results[temperature]
            means = [[mean_spread(row.get(level(m, n), []))[0] for m in (FINAL, ATTEMPTS)] for n in LEVELS]
            table.add_row(LABELS[model], *(f"{100 * a:.0f} / {b:.1f}" for a, b in means))
        yield table


def _new_table(summary: Summary, title: str, columns: list[str]) -> Table:
    seeds = max((len(v) for m in summary.values() for t in m.values() for v in t.values()), default=0)
    title += f" (mean ± standard deviation of {seeds} seeds)" if seeds > 1 else " (one seed)"
    table = Table(
        title=title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0)
    )
    table.add_column("model", style="bold", no_wrap=True)
    for column in columns:
        table.add_column(column, justify="right", no_wrap=True)
    return table


def _cell(metric: str, values: list[float]) -> str:
    mean, spread = mean_spread(values)
    if math.isnan(mean):
        return "–"
    scale, digits = (1, 2) if metric == ATTEMPTS else (100, 1)
    text = f"{scale * mean:.{digits}f}"
    return text if math.isnan(spread) else f"{text} ± {scale * spread:.{digits}f}"
