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
    for title, columns, rows in _grids(summary):
        table = Table(title=title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD)
        table.padding = (0, 1, 0, 0)
        table.add_column("model", style="bold", no_wrap=True)
        for column in columns:
            table.add_column(column, justify="right", no_wrap=True)
        for row in rows:
            table.add_row(*row)
        console.print(table)
    if summary:
        console.print(CAPTION, style="dim", highlight=False)
        console.print()


def markdown(summary: Summary) -> str:
    """The same tables for a README."""
    parts = []
    for title, columns, rows in _grids(summary):
        head, *body = ["| " + " | ".join(row) + " |" for row in (["model", *columns], *rows)]
        parts.append("\n".join([title, "", head, "|---" * (len(columns) + 1) + "|", *body, ""]))
    return "\n".join([*parts, CAPTION, ""])


def _grids(summary: Summary) -> Iterator[tuple[str, list[str], list[list[str]]]]:
    """(title, columns, rows) of each table; a row begins with its model."""
    temperatures = list(next(iter(summary.values()), {}))
    seeds = max((len(v) for m in summary.values() for t in m.values() for v in t.values()), default=0)
    over = f" (mean ± standard deviation of {seeds} seeds)" if seeds > 1 else " (one seed)"
    for temperature in temperatures:
        rows = [
            [LABELS[model], *(_cell(m, results[temperature].get(m, [])) for m in COLUMNS.values())]
            for model, results in summary.items()
        ]
        yield f"Held-out problems, {temperature_title(temperature)}{over}", list(COLUMNS), rows
    for temperature in temperatures:
        rows = []
        for model, results in summary.items():
            row = results[temperature]
            means = [[mean_spread(row.get(level(m, n), []))[0] for m in (FINAL, ATTEMPTS)] for n in LEVELS]
            rows.append([LABELS[model], *(f"{100 * a:.0f} / {b:.1f}" for a, b in means)])
        title = f"Final accuracy and attempts by difficulty, {temperature_title(temperature)}{over}"
        yield title, [f"level {n}" for n in LEVELS], rows


def _cell(metric: str, values: list[float]) -> str:
    mean, spread = mean_spread(values)
    if math.isnan(mean):
        return "–"
    scale, digits = (1, 2) if metric == ATTEMPTS else (100, 1)
    text = f"{scale * mean:.{digits}f}"
    return text if math.isnan(spread) else f"{text} ± {scale * spread:.{digits}f}"
