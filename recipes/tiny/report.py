"""The summary table in the terminal: the paper's table 2 and figures 3 and 4 in small."""

from __future__ import annotations

import math
from collections.abc import Iterator

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
    "attempts": ATTEMPTS,
}
LEVELS = range(1, 6)


def level(metric: str, n: int) -> str:
    return f"s2r/level/{n}/{metric.removeprefix('s2r/')}"


def show(summary: Summary, console: Console) -> None:
    seeds = max((len(v) for m in summary.values() for t in m.values() for v in t.values()), default=0)
    for table in tables(summary, seeds):
        console.print(table)
        console.print()


def tables(summary: Summary, seeds: int) -> Iterator[Table]:
    spread = f"mean ± standard deviation of {seeds} seeds" if seeds > 1 else "one seed"
    for temperature in next(iter(summary.values()), {}):
        name = "greedy" if temperature == "greedy" else f"sampling at T = {temperature[1:]}"
        table = Table(title=f"Held-out problems, {name} ({spread})", title_justify="left")
        table.add_column("model", style="bold", no_wrap=True)
        for column in ("final", *BEHAVIOUR):
            table.add_column(column, justify="right", no_wrap=True)
        for model, results in summary.items():
            row = results[temperature]
            table.add_row(LABELS[model], *(_cell(row.get(m, [])) for m in (FINAL, *BEHAVIOUR.values())))
        yield table
        table = Table(title=f"By difficulty, {name}: final accuracy / attempts", title_justify="left")
        table.add_column("model", style="bold", no_wrap=True)
        for n in LEVELS:
            table.add_column(f"level {n}", justify="right")
        for model, results in summary.items():
            row = results[temperature]
            cells = [
                (_mean(row.get(level(FINAL, n), [])), _mean(row.get(level(ATTEMPTS, n), []))) for n in LEVELS
            ]
            table.add_row(LABELS[model], *(f"{a:.2f} / {b:.1f}" for a, b in cells))
        yield table


def markdown(summary: Summary) -> str:
    """The tables of `show` that have no levels, for a README."""
    columns = ("final", *BEHAVIOUR)
    lines: list[str] = []
    for temperature in next(iter(summary.values()), {}):
        lines += [f"{'Greedy' if temperature == 'greedy' else f'T = {temperature[1:]}'}:", ""]
        lines += ["| model | " + " | ".join(columns) + " |", "|---" * (len(columns) + 1) + "|"]
        for model, results in summary.items():
            cells = (_cell(results[temperature].get(m, [])) for m in (FINAL, *BEHAVIOUR.values()))
            lines.append(f"| {LABELS[model]} | " + " | ".join(cells) + " |")
        lines.append("")
    return "\n".join(lines)


def _mean(values: list[float]) -> float:
    return mean_spread(values)[0]


def _cell(values: list[float]) -> str:
    mean, spread = mean_spread(values)
    if math.isnan(mean):
        return "–"
    return f"{mean:.3f}" if math.isnan(spread) else f"{mean:.3f} ± {spread:.3f}"
