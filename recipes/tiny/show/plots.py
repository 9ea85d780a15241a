"""The pictures of a run: final accuracy, learning curves, behaviour, difficulty."""

import math
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np

matplotlib.use("Agg")
import matplotlib.pyplot as plt

from .summary import (
    ATTEMPTS,
    BEHAVIOUR,
    COLOURS,
    FINAL,
    LABELS,
    LEVELS,
    Row,
    Summary,
    by_level,
    learning_curves,
    mean_spread,
    temperature_title,
)

BARS = {
    "verification\naccuracy": "verify",
    "error\nrecall": "recall",
    "correct\nprecision": "precision",
    "incorrect\n→ correct": "I→C",
    "correct →\nincorrect": "C→I",
}
CURVES = {
    "final accuracy": FINAL,
    "verification accuracy": BEHAVIOUR["verify"],
    "attempts": ATTEMPTS,
    "verifications that compute nothing": "tiny/glances",
}


def draw_all(out: Path, seeds: list[Path], summary: Summary) -> list[Path]:
    """Writes the PNG files that the finished stages allow; returns their paths."""
    pictures = {"summary": _summary, "accuracy": _accuracy, "behaviour": _behaviour, "difficulty": _difficulty}
    drawn: list[Path] = []
    with plt.style.context(Path(__file__).with_name("pictures.mplstyle")):
        figures = {name: draw(summary) for name, draw in pictures.items() if summary}
        if any(curve for stage in ("orl", "prl") for curve in learning_curves(seeds, stage, FINAL)):
            figures["learning"] = _learning(seeds)
        for name, figure in figures.items():
            drawn.append(out / f"{name}.png")
            figure.savefig(drawn[-1], bbox_inches="tight", facecolor="white")
            plt.close(figure)
    return drawn


def _panels(summary: Summary, height: float, rows: int = 1) -> tuple[Any, Any, list[str]]:
    """(figure, axes [rows, temperatures], temperatures)"""
    temperatures = list(next(iter(summary.values())))
    size = (5.2 * len(temperatures), height)
    figure, axes = plt.subplots(rows, len(temperatures), figsize=size, squeeze=False, sharex=True, sharey="row")
    for axis, name in zip(axes[0], temperatures, strict=True):
        axis.set_title(temperature_title(name))
    return figure, axes, temperatures


def _summary(summary: Summary) -> Any:
    """One picture of a run: accuracy, verification and attempts, sampled at the last temperature."""
    temperature = list(next(iter(summary.values())))[-1]
    figure, axes = plt.subplots(1, 3, figsize=(12.4, 3.2), gridspec_kw={"width_ratios": [1.15, 1, 1]})
    rows = {m: temperatures[temperature] for m, temperatures in summary.items() if m != "base"}
    _bars(axes[0], rows, FINAL, solid=BEHAVIOUR["first"])
    _bars(axes[1], rows, BEHAVIOUR["verify"])
    axes[1].set_yticks([])
    _by_level(axes[2], rows, ATTEMPTS)
    sampled = f"held-out problems, {temperature_title(temperature)}"
    for axis, title, label in (
        (axes[0], "accuracy: first attempt, final (paler)", sampled),
        (axes[1], "verification accuracy", sampled),
        (axes[2], "attempts by difficulty (same colours)", "level"),
    ):
        axis.set_title(title)
        axis.set_xlabel(label)
    figure.tight_layout(w_pad=2)
    return figure


def _bars(axis: Any, rows: dict[str, Row], metric: str, solid: str | None = None) -> None:
    """A horizontal bar per model with its spread; the part up to the metric `solid` is not paler."""
    for y, (model, row) in enumerate(rows.items()):
        mean, spread = mean_spread(row[metric])
        if math.isnan(mean):
            axis.text(0.015, y, "does not verify", va="center", fontsize=9, color=COLOURS[model])
            continue
        inner = mean_spread(row[solid])[0] if solid else mean
        axis.barh(y, mean, color=COLOURS[model], height=0.68, alpha=0.45, linewidth=0)
        axis.barh(y, min(inner, mean), color=COLOURS[model], height=0.68, linewidth=0)
        end = mean
        if not math.isnan(spread):
            axis.errorbar(mean, y, xerr=spread, color="#333333", capsize=2, linewidth=1)
            end += spread
        axis.text(end + 0.015, y, f"{mean:.2f}", va="center", fontsize=9)
    axis.set_yticks(range(len(rows)), [LABELS[m] for m in rows])
    axis.set_ylim(len(rows) - 0.5, -0.5)
    axis.set_xlim(0, 1.14)
    axis.set_xticks([0, 0.25, 0.5, 0.75, 1])
    axis.grid(visible=False, axis="y")
    axis.grid(visible=True, axis="x")


def _by_level(axis: Any, rows: dict[str, Row], metric: str) -> None:
    """A line per model over the levels, with a band of one standard deviation over seeds."""
    for model, row in rows.items():
        means, spreads = np.array(by_level(row, metric)).T
        spreads = np.nan_to_num(spreads)
        axis.plot(LEVELS, means, "o-", color=COLOURS[model], label=LABELS[model], markersize=4)
        axis.fill_between(LEVELS, means - spreads, means + spreads, color=COLOURS[model], alpha=0.15, linewidth=0)
    axis.set_ylim(bottom=0)
    axis.set_xticks(LEVELS)


def _accuracy(summary: Summary) -> Any:
    """Final accuracy; the paler part is what the first attempt alone gets."""
    figure, axes, temperatures = _panels(summary, 0.42 * len(summary) + 0.9)
    for axis, temperature in zip(axes[0], temperatures, strict=True):
        _bars(axis, {m: found[temperature] for m, found in summary.items()}, FINAL, solid=BEHAVIOUR["first"])
        axis.set_xlabel("accuracy: first attempt (solid) and final (pale)")
    figure.tight_layout()
    return figure


def _behaviour(summary: Summary) -> Any:
    figure, axes, temperatures = _panels(summary, 3.4)
    models = [m for m in summary if m not in ("base", "plain")]
    width = 0.8 / max(1, len(models))
    for axis, temperature in zip(axes[0], temperatures, strict=True):
        for i, model in enumerate(models):
            values = [mean_spread(summary[model][temperature][BEHAVIOUR[b]]) for b in BARS.values()]
            x = [n + (i - (len(models) - 1) / 2) * width for n in range(len(BARS))]
            axis.bar(x, [v for v, _ in values], width * 0.92, color=COLOURS[model], label=LABELS[model])
            for at, (value, spread) in zip(x, values, strict=True):
                if not math.isnan(spread):
                    axis.errorbar(at, value, yerr=spread, color="#333333", linewidth=0.8)
        axis.set_xticks(range(len(BARS)), list(BARS), fontsize=9)
        axis.tick_params(axis="x", length=0)
        axis.set_ylim(0, 1.08)
    _legend(figure, axes[0][0])
    return figure


def _difficulty(summary: Summary) -> Any:
    """Final accuracy above, attempts below, by level."""
    figure, axes, temperatures = _panels(summary, 5.4, rows=2)
    for row, (metric, label) in zip(axes, ((FINAL, "final accuracy"), (ATTEMPTS, "attempts")), strict=True):
        for axis, temperature in zip(row, temperatures, strict=True):
            _by_level(axis, {m: found[temperature] for m, found in summary.items() if m != "base"}, metric)
        row[0].set_ylabel(label)
    for axis in axes[1]:
        axis.set_xlabel("difficulty level")
    _legend(figure, axes[0][0])
    return figure


def _learning(seeds: list[Path]) -> Any:
    figure, axes = plt.subplots(1, len(CURVES), figsize=(3.4 * len(CURVES), 3.0))
    for axis, (title, metric) in zip(axes, CURVES.items(), strict=True):
        for stage in ("orl", "prl"):
            curves = [c for c in learning_curves(seeds, stage, metric) if c]
            columns = list(zip(*curves, strict=False))
            steps = range(1, len(columns) + 1)
            for curve in curves if len(curves) > 1 else []:
                axis.plot(steps, curve[: len(columns)], color=COLOURS[stage], alpha=0.25, linewidth=0.8)
            means = [mean_spread(list(c))[0] for c in columns]
            axis.plot(steps, means, color=COLOURS[stage], label=f"online {stage.upper()}", linewidth=1.8)
        axis.set_title(title, fontsize=10)
        axis.set_xlabel("RL step (samples at T = 1)")
        axis.set_ylim(bottom=0, top=1.02 if "accuracy" in title else None)
    _legend(figure, axes[0])
    return figure


def _legend(figure: Any, axis: Any) -> None:
    handles, labels = axis.get_legend_handles_labels()
    figure.tight_layout(rect=(0, 0.25 / figure.get_figheight(), 1, 1))
    figure.legend(handles, labels, loc="lower center", ncols=len(labels), fontsize=9)
