"""Results as rows of tables: accuracy beside the paper's, behaviour by level, and a figure of data efficiency."""

from collections.abc import Callable, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

from s2r_rewards.evaluation.benchmarks import IN_DOMAIN, benchmark_of
from s2r_rewards.evaluation.published import ACCURACY, BEHAVIOUR
from s2r_rewards.metrics import METRIC_NAMES, level_name

Result = Mapping[str, Any]
Table = tuple[list[str], list[list[str]]]


def percent(value: float | None) -> str:
    return "–" if value is None or value != value else f"{100 * value:.1f}"


def accuracy_table(results: Sequence[Result], paper: str | None = None) -> Table:
    """(columns, rows): a row a benchmark, the average of the in-domain seven if all are there, the paper's stages."""
    stages, figures = _beside(ACCURACY.get(paper or "", {}))
    estimates = list(dict.fromkeys(name for r in results for name in r["estimates"] if name != "pass@1"))
    columns = ["benchmark", "problems", "pass@1 %", "95 % interval", *estimates, *stages]
    rows = []
    for result in results:
        low, high = map(percent, result["interval"])
        title, problems = benchmark_of(result["benchmark"]).title, str(result["problems"])
        found = [percent(result["estimates"].get(name)) for name in estimates]
        own = [title, problems, percent(result["accuracy"]), f"{low} to {high}", *found]
        rows.append([*own, *figures(result["benchmark"])])
    by_name = {r["benchmark"]: r["accuracy"] for r in results}
    if all(name in by_name for name in IN_DOMAIN):
        mean = sum(by_name[name] for name in IN_DOMAIN) / len(IN_DOMAIN)
        rows.append(["average of the seven", "", percent(mean), "", *("" for _ in estimates), *figures("average")])
    return columns, rows


def behaviour_table(result: Result, paper: str | None = None) -> Table:
    """(columns, rows): a row a metric, a column a level; the paper's stages beside MATH500."""
    metrics = result["metrics"]
    rest = METRIC_NAMES[0].removeprefix("s2r/")
    start, end = "s2r/level/", f"/{rest}"
    levels = [k[len(start) : -len(end)] for k in metrics if k.startswith(start) and k.endswith(end)]
    stages, figures = _beside(BEHAVIOUR.get(paper or "", {}) if result["benchmark"] == "math500" else {})
    rows = []
    for name in METRIC_NAMES:
        show = _number if name == "s2r/trials/mean" else percent
        values = [metrics.get(name), *(metrics.get(level_name(name, level)) for level in levels)]
        rows.append([name, *map(show, values), *figures(name)])
    return ["metric", "all", *(f"level {level}" for level in levels), *stages], rows


def _beside(published: Mapping[str, Mapping[str, float]]) -> tuple[list[str], Callable[[str], list[str]]]:
    """Columns for the stages of the paper's figures (row -> stage -> percent), and their cells in a named row."""
    stages = list(dict.fromkeys(chain.from_iterable(published.values())))

    def cells(name: str) -> list[str]:
        row = published.get(name, {})
        return [f"{row[stage]:g}" if stage in row else "–" for stage in stages]

    return [f"paper: {stage}" for stage in stages], cells


def efficiency_figure(points: Sequence[tuple[str, int, float]], path: str | Path) -> None:
    """Accuracy over the number of training examples, one labelled point a model.

    Args:
        points: (label, training examples, accuracy in [0, 1]).
        path: ``.png``, ``.svg`` or ``.pdf``.
    """
    try:
        import matplotlib
    except ImportError as error:
        raise ImportError("the figure needs pip install matplotlib") from error
    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(6, 4), layout="constrained")
    for label, size, accuracy in points:
        axes.scatter([size], [100 * accuracy])
        axes.annotate(label, (size, 100 * accuracy), textcoords="offset points", xytext=(6, 4))
    axes.set(xscale="log", xlabel="training examples", ylabel="average accuracy %")
    axes.grid(alpha=0.3)
    figure.savefig(path)
    pyplot.close(figure)


def average(results: Sequence[Result]) -> float:
    """Mean accuracy over the benchmarks of one run."""
    return float(sum(r["accuracy"] for r in results) / len(results))


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.2f}"
