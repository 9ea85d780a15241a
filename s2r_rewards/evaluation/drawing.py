"""The drawing of figures 1, 3 and 4 as PNG, SVG or PDF, with matplotlib; what they show is made in `figures`."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from s2r_rewards.evaluation.figures import BARS, LINES, NUMBERS, PAPER, FigureData, behaviour, by_level, data_efficiency
from s2r_rewards.evaluation.runs import Run, level_key

FORMATS = (".png", ".svg", ".pdf")
_STYLE: Any = {
    "svg.hashsalt": "s2r",
    "svg.fonttype": "none",
    "text.parse_math": False,  # labels are names of folders, not TeX
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.alpha": 0.25,
    "axes.axisbelow": True,
}


def check_drawing(path: Path) -> None:
    """Raises ValueError for a file that cannot be written, ImportError where matplotlib is missing: before hours of work."""
    if path.suffix.lower() not in FORMATS:
        raise ValueError(f"{path}: a figure is written as {', '.join(FORMATS)}; give the file such a name")
    try:
        import matplotlib  # noqa: F401
    except ImportError as error:
        raise ImportError("figures need matplotlib: pip install 's2r-rewards[figures]'") from error


def draw(number: str, runs: Sequence[Run], path: Path, paper: str | None = None) -> FigureData:
    """Draw figure ``number`` (one of :data:`NUMBERS`) of the runs into a file; returns what it shows."""
    check_drawing(path)
    if number == "1":
        data, drawing = data_efficiency(runs, paper), _points
    elif number == "3":
        data, drawing = behaviour(runs, paper), _bars
    elif number == "4":
        data, drawing = by_level(runs), _lines
    else:
        raise ValueError(f"figure {number!r}: expected one of {', '.join(NUMBERS)}")
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    with rc_context(_STYLE):
        figure = Figure(figsize=(8, 4.4), layout="constrained")  # no pyplot: it would pick a backend for the process
        drawing(figure, data)
        path.parent.mkdir(parents=True, exist_ok=True)
        dated = {".png": {}, ".svg": {"Date": None}, ".pdf": {"CreationDate": None}}  # the same bytes every time
        figure.savefig(path, dpi=150, metadata=dated[path.suffix.lower()])
    return data


def _points(figure: Any, data: FigureData) -> None:
    from matplotlib.ticker import LogLocator, NullFormatter, StrMethodFormatter

    axes = figure.subplots()
    for i, (label, points) in enumerate(data.series.items()):
        hollow = {"facecolors": "none", "edgecolors": "0.35"} if label.startswith(PAPER) else {}
        beside = (7, 4 if i % 2 else -11)  # points of equal size lie close together
        for size, value in points.items():
            axes.scatter([size], [value], s=46, zorder=3, **hollow)
            axes.annotate(label, (size, value), textcoords="offset points", xytext=beside, fontsize=9)
    axes.set(xscale="log", xlabel="training examples", ylabel="accuracy %", title=data.title)
    axes.xaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    axes.xaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.margins(x=0.25, y=0.2)


def _bars(figure: Any, data: FigureData) -> None:
    width, names = 0.8 / max(1, len(data.series)), list(BARS)
    parts = (names[:3], names[3:])  # large shares and small ones have an axis each, as in the paper
    panels = figure.subplots(1, 2, width_ratios=[len(part) for part in parts])
    for axes, part in zip(panels, parts, strict=True):
        for i, (label, values) in enumerate(data.series.items()):
            at = [n + (i - (len(data.series) - 1) / 2) * width for n in range(len(part))]
            pale = {"alpha": 0.45, "hatch": "//"} if label.startswith(PAPER) else {}
            heights = [values.get(metric, math.nan) for metric in part]
            bars = axes.bar(at, heights, width * 0.92, color=f"C{i}", label=label, **pale)
            axes.bar_label(
                bars,
                [f"{h:.1f}" if math.isfinite(h) else "" for h in heights],
                fontsize=7 if len(data.series) < 5 else 5.5,
            )
        axes.set_xticks(range(len(part)), [BARS[metric] for metric in part])
        axes.tick_params(axis="x", length=0)
        axes.grid(visible=False, axis="x")
        axes.set_ylim(bottom=0)
    panels[0].set(ylabel="%")
    figure.suptitle(data.title)
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=4, fontsize=9)


def _lines(figure: Any, data: FigureData) -> None:
    places = sorted({level: None for line in data.series.values() for level in line}, key=level_key)
    panels = figure.subplots(2, 1, sharex=True)
    for axes, series, unit in zip(panels, (data.series, data.second or {}), LINES.values(), strict=True):
        for label, line in series.items():
            at = [(places.index(level), value) for level, value in line.items()]
            axes.plot([x for x, _ in at], [y for _, y in at], "o-", markersize=4, label=label)
        axes.set(ylabel=unit)
        axes.set_ylim(bottom=0)
    panels[1].set_xticks(range(len(places)), places)
    panels[1].set(xlabel="level")
    figure.suptitle(data.title)
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=4, fontsize=9)
