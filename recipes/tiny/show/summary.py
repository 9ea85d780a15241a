"""What the seeds of a run found: summary files, and the paper's table 2 and figures 3 and 4 in small as tables."""

import json
import math
from collections.abc import Iterator
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table

from ..config import temperature_name
from ..runfolder import RunFolder, dumps, write_atomically
from ..stages import STAGES

# Okabe and Ito's palette: told apart with any colour vision.
MODELS = {
    "base": ("base", "#bbbbbb"),
    "plain": ("plain SFT", "#888888"),
    "bi": ("BI", "#E69F00"),
    "orl": ("BI + ORL", "#0072B2"),
    "prl": ("BI + PRL", "#009E73"),
    "offline-orl": ("BI + offline ORL", "#56B4E9"),
    "offline-prl": ("BI + offline PRL", "#B3DE69"),
}
LABELS = {model: label for model, (label, _) in MODELS.items()}
COLOURS = {model: colour for model, (_, colour) in MODELS.items()}
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
    "error recall, correct precision; I→C, C→I: wrong answers mended, right ones spoiled. Percent, but for attempts. "
    "± is the spread of training over seeds, which all answer the same problems, each a different number; other problems "
    "would move an accuracy p by a standard error of √(p(1−p)/problems)."
)
Row = dict[str, list[float]]
"""metric -> one value per seed (nan where it is undefined)"""
Summary = dict[str, dict[str, Row]]
"""model -> "greedy" or "t1" -> Row"""


def write_seed(folder: RunFolder) -> None:
    """metrics.jsonl and summary.json of one seed, from whatever stages have finished."""
    records = {name: record for name in STAGES if (record := folder.record(name))}
    rows = [row for record in records.values() for row in record["metrics"]]
    write_atomically(folder.path / "metrics.jsonl", "".join(dumps(row) + "\n" for row in rows))
    evaluation: dict[str, dict[str, dict[str, float]]] = {}
    for row in rows:
        if "temperature" in row:
            metrics = {k: v for k, v in row.items() if "/" in k}
            evaluation.setdefault(row["stage"], {})[temperature_name(row["temperature"])] = metrics
    stages = {n: {k: r[k] for k in ("wall_s", "cpu_s")} for n, r in records.items()}
    summary = {"seed": folder.config.seed, "stages": stages, "evaluation": evaluation}
    write_atomically(folder.path / "summary.json", dumps(summary, indent=1) + "\n")


def gather(paths: list[Path]) -> Summary:
    """The evaluations of several seeds side by side; a model that one of them lacks is left out."""
    seeds = [json.loads((path / "summary.json").read_text())["evaluation"] for path in paths]
    return {
        model: {
            temperature: {metric: [_number(seed[model][temperature].get(metric)) for seed in seeds] for metric in row}
            for temperature, row in seeds[0][model].items()
        }
        for model in LABELS
        if all(model in seed for seed in seeds)
    }


def write_summary(out: Path, summary: Summary) -> None:
    """summary.json over all seeds of a run (means, spreads and the values of every seed), and the tables as table.md."""
    described: dict[str, dict[str, dict[str, Any]]] = {}
    for model, temperatures in summary.items():
        for temperature, row in temperatures.items():
            described.setdefault(model, {})[temperature] = {
                metric: dict(zip(("mean", "sd"), mean_spread(values), strict=True)) | {"seeds": values}
                for metric, values in row.items()
            }
    write_atomically(out / "summary.json", dumps(described, indent=1) + "\n")
    parts = []
    for title, columns, rows in _grids(summary):
        head, *body = ["| " + " | ".join(row) + " |" for row in (["model", *columns], *rows)]
        parts.append("\n".join([title, "", head, "|---" * (len(columns) + 1) + "|", *body, ""]))
    write_atomically(out / "table.md", "\n".join([*parts, CAPTION, ""]))


def learning_curves(paths: list[Path], stage: str, metric: str) -> list[list[float]]:
    """One curve of a training metric per seed."""
    curves = []
    for path in paths:
        rows = map(json.loads, (path / "metrics.jsonl").read_text().splitlines())
        steps = (r for r in rows if r["stage"] == stage and "temperature" not in r)
        curves.append([_number(r[metric]) for r in steps if metric in r])
    return curves


def mean_spread(values: list[float]) -> tuple[float, float]:
    """Mean and sample standard deviation over seeds, of the defined values."""
    defined = [v for v in values if not math.isnan(v)]
    return fmean(defined) if defined else math.nan, stdev(defined) if len(defined) > 1 else math.nan


def _number(value: float | None) -> float:
    return math.nan if value is None else float(value)


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
            means = [[mean for mean, _ in by_level(results[temperature], m)] for m in (FINAL, ATTEMPTS)]
            rows.append([LABELS[model], *(f"{100 * a:.0f} / {b:.1f}" for a, b in zip(*means, strict=True))])
        title = f"Final accuracy and attempts by difficulty, {temperature_title(temperature)}{over}"
        yield title, [f"level {n}" for n in LEVELS], rows


def by_level(row: Row, metric: str) -> list[tuple[float, float]]:
    """Mean and spread of a metric at each of LEVELS."""
    names = [f"s2r/level/{n}/{metric.removeprefix('s2r/')}" for n in LEVELS]
    return [mean_spread(row.get(name, [])) for name in names]


def _cell(metric: str, values: list[float]) -> str:
    mean, spread = mean_spread(values)
    if math.isnan(mean):
        return "–"
    scale, digits = (1, 2) if metric == ATTEMPTS else (100, 1)
    text = f"{scale * mean:.{digits}f}"
    return text if math.isnan(spread) else f"{text} ± {scale * spread:.{digits}f}"
