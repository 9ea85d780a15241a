"""The pictures of a run: final accuracy, learning curves, behaviour, difficulty."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt

from .summary import LABELS, Summary, learning_curves, mean_spread
from .tables import ATTEMPTS, BEHAVIOUR, FINAL, LEVELS, level, temperature_title

# Okabe and Ito's palette: told apart with any colour vision.
COLOURS = {
    "base": "#bbbbbb",
    "plain": "#888888",
    "bi": "#E69F00",
    "orl": "#0072B2",
    "prl": "#009E73",
    "offline-orl": "#56B4E9",
    "offline-prl": "#B3DE69",
}
STYLE: Any = {
    "font.size": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.grid.axis": "y",
    "grid.color": "#e6e6e6",
    "axes.axisbelow": True,
    "axes.titlesize": 11,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "legend.frameon": False,
    "savefig.dpi": 130,
}
BARS = {"verification\naccuracy": "verify", "error\nrecall": "recall", "correct\nprecision": "precision"} | {
    "incorrect\n→ correct": "I→C",
    "correct →\nincorrect": "C→I",
}


def draw_all(out: Path, seeds: list[Path], summary: Summary) -> list[Path]:
    """Writes the PNG files that the finished stages allow; returns their paths."""
    drawn: list[Path] = []
    with plt.rc_context(STYLE):
        for name, draw in (
            ("summary.png", _summary),
            ("accuracy.png", _accuracy),
            ("behaviour.png", _behaviour),
            ("difficulty.png", _difficulty),
        ):
            if summary:
                drawn.append(_save(draw(summary), out / name))
        curves = {s: learning_curves(seeds, s, FINAL) for s in ("orl", "prl")}
        if any(any(c) for c in curves.values()):
            drawn.append(_save(_learning(seeds), out / "learning.png"))
    return drawn


def _save(figure: Any, path: Path) -> Path:
    figure.savefig(path, bbox_inches="tight", facecolor="white")
    plt.close(figure)
    return path


def _panels(summary: Summary, height: float = 3.4) -> tuple[Any, Any, list[str]]:
    temperatures = list(next(iter(summary.values())))
    width = 5.2 * len(temperatures)
    figure, axes = plt.subplots(1, len(temperatures), figsize=(width, height), squeeze=False, sharey=True)
    for axis, name in zip(axes[0], temperatures, strict=True):
        axis.set_title(temperature_title(name))
    return figure, axes[0], temperatures


def _summary(summary: Summary) -> Any:
    """One picture of a run: accuracy, verification and attempts, sampled at the last temperature."""
    temperature = list(next(iter(summary.values())))[-1]
    figure, axes = plt.subplots(1, 3, figsize=(12.4, 3.2), gridspec_kw={"width_ratios": [1.15, 1, 1]})
    models = [m for m in summary if m != "base"]
    rows = {m: summary[m][temperature] for m in models}
    _bars(axes[0], models, {m: rows[m][FINAL] for m in models}, {m: rows[m][BEHAVIOUR["first"]] for m in models})
    axes[0].set_title("accuracy: first attempt, final (paler)")
    _bars(axes[1], models, {m: rows[m][BEHAVIOUR["verify"]] for m in models})
    axes[1].set_yticks([])
    axes[1].set_title("verification accuracy")
    _by_level(axes[2], models, rows, ATTEMPTS)
    axes[2].set_title("attempts by difficulty (same colours)")
    for axis, label in zip(axes, ("", "", "level"), strict=True):
        axis.set_xlabel(label or f"held-out problems, {temperature_title(temperature)}")
    figure.tight_layout(w_pad=2)
    return figure


def _bars(
    axis: Any, models: list[str], values: dict[str, list[float]], solid: dict[str, list[float]] | None = None
) -> None:
    """Horizontal bars with their spread; the part up to `solid` is not paler."""
    for y, model in enumerate(models):
        mean, spread = mean_spread(values[model])
        if math.isnan(mean):
            axis.text(0.015, y, "does not verify", va="center", fontsize=9, color=COLOURS[model])
            continue
        inner = mean_spread(solid[model])[0] if solid else mean
        axis.barh(y, mean, color=COLOURS[model], height=0.68, alpha=0.45, linewidth=0)
        axis.barh(y, min(inner, mean), color=COLOURS[model], height=0.68, linewidth=0)
        if not math.isnan(spread):
            axis.errorbar(mean, y, xerr=spread, color="#333333", capsize=2, linewidth=1)
        end = mean + (0 if math.isnan(spread) else spread)
        axis.text(end + 0.015, y, f"{mean:.2f}", va="center", fontsize=9)
    axis.set_yticks(range(len(models)), [LABELS[m] for m in models])
    axis.set_ylim(len(models) - 0.5, -0.5)
    axis.set_xlim(0, 1.14)
    axis.set_xticks([0, 0.25, 0.5, 0.75, 1])
    axis.grid(visible=False, axis="y")
    axis.grid(visible=True, axis="x")


def _by_level(axis: Any, models: list[str], rows: dict[str, dict[str, list[float]]], metric: str) -> None:
    """Lines over the levels, with a band of one standard deviation over seeds."""
    for model in models:
        points = [mean_spread(rows[model].get(level(metric, n), [])) for n in LEVELS]
        means = [m for m, _ in points]
        spreads = [0.0 if math.isnan(s) else s for _, s in points]
        axis.plot(LEVELS, means, "o-", color=COLOURS[model], label=LABELS[model], markersize=4)
        low = [m - s for m, s in zip(means, spreads, strict=True)]
        high = [m + s for m, s in zip(means, spreads, strict=True)]
        axis.fill_between(LEVELS, low, high, color=COLOURS[model], alpha=0.15, linewidth=0)
    axis.set_ylim(bottom=0)
    axis.set_xticks(LEVELS)


def _accuracy(summary: Summary) -> Any:
    """Final accuracy; the paler part is what the first attempt alone gets."""
    figure, axes, temperatures = _panels(summary, 0.42 * len(summary) + 0.9)
    models = list(summary)
    for axis, temperature in zip(axes, temperatures, strict=True):
        rows = {m: summary[m][temperature] for m in models}
        first = {m: rows[m][BEHAVIOUR["first"]] for m in models}
        _bars(axis, models, {m: rows[m][FINAL] for m in models}, first)
        axis.set_xlabel("accuracy: first attempt (solid) and final (pale)")
    figure.tight_layout()
    return figure


def _behaviour(summary: Summary) -> Any:
    figure, axes, temperatures = _panels(summary)
    models = [m for m in summary if m not in ("base", "plain")]
    width = 0.8 / max(1, len(models))
    for axis, temperature in zip(axes, temperatures, strict=True):
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
    _legend(figure, axes[0])
    return figure


def _difficulty(summary: Summary) -> Any:
    """Final accuracy above, attempts below, by level."""
    temperatures = list(next(iter(summary.values())))
    figure, axes = plt.subplots(
        2, len(temperatures), figsize=(5.2 * len(temperatures), 5.4), squeeze=False, sharex=True, sharey="row"
    )
    models = [m for m in summary if m != "base"]
    for column, temperature in enumerate(temperatures):
        for row, (metric, label) in enumerate(((FINAL, "final accuracy"), (ATTEMPTS, "attempts"))):
            axis = axes[row][column]
            _by_level(axis, models, {m: summary[m][temperature] for m in models}, metric)
            if column == 0:
                axis.set_ylabel(label)
        axes[0][column].set_title(temperature_title(temperature))
        axes[1][column].set_xlabel("difficulty level")
    _legend(figure, axes[0][0])
    return figure


def _learning(seeds: list[Path]) -> Any:
    panels = {
        "final accuracy": FINAL,
        "verification accuracy": BEHAVIOUR["verify"],
        "attempts": ATTEMPTS,
        "verifications that compute nothing": "tiny/glances",
    }
    figure, axes = plt.subplots(1, len(panels), figsize=(3.4 * len(panels), 3.0))
    for axis, (title, metric) in zip(axes, panels.items(), strict=True):
        for stage in ("orl", "prl"):
            curves = [c for c in learning_curves(seeds, stage, metric) if c]
            steps = range(1, min(map(len, curves), default=0) + 1)
            columns = list(zip(*curves, strict=False))
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
