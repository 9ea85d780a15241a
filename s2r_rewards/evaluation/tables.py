"""Results as rows of tables: accuracy and behaviour beside the paper's, and the paper's tables with a run among their rows."""

from collections.abc import Callable, Mapping, Sequence
from itertools import chain

from s2r_rewards.evaluation.benchmarks import benchmark_of
from s2r_rewards.evaluation.published import BEHAVIOUR, PaperTable, stages
from s2r_rewards.evaluation.runs import AVERAGE, Result, Run, average, levels_of
from s2r_rewards.metrics import METRIC_NAMES, level_name

Table = tuple[list[str], list[list[str]]]
_HEADS = {
    AVERAGE: "average",
    "s2r/verify/accuracy": "all verifications",
    "s2r/verify/first_accuracy_when_right": "first one, attempt right",
    "s2r/verify/first_accuracy_when_wrong": "first one, attempt wrong",
}


def percent(value: float | None) -> str:
    return "–" if value is None or value != value else f"{100 * value:.1f}"


def accuracy_table(results: Sequence[Result], paper: str | None = None) -> Table:
    """(columns, rows): a row a benchmark, the average of the in-domain seven if all are there, the paper's stages."""
    named, figures = _beside(stages(paper or ""), 1)
    estimates = list(dict.fromkeys(name for r in results for name in r["estimates"] if name != "pass@1"))
    columns = ["benchmark", "problems", "pass@1 %", "95 % interval", *estimates, *named]
    rows = []
    for result in results:
        low, high = map(percent, result["interval"])
        title, problems = benchmark_of(result["benchmark"]).title, str(result["problems"])
        found = [percent(result["estimates"].get(name)) for name in estimates]
        own = [title, problems, percent(result["accuracy"]), f"{low} to {high}", *found]
        rows.append([*own, *figures(result["benchmark"])])
    mean = average(results)
    if mean is not None:
        rows.append(["average of the seven", "", percent(mean), "", *("" for _ in estimates), *figures(AVERAGE)])
    return columns, rows


def behaviour_table(result: Result, paper: str | None = None) -> Table:
    """(columns, rows): a row a metric, a column a level; the paper's stages beside MATH500."""
    metrics = result["metrics"]
    levels = levels_of(result)
    named, figures = _beside(BEHAVIOUR.get(paper or "", {}) if result["benchmark"] == "math500" else {}, 2)
    rows = []
    for name in METRIC_NAMES:
        show = _number if name == "s2r/trials/mean" else percent
        values = [metrics.get(name), *(metrics.get(level_name(name, level)) for level in levels)]
        rows.append([name, *map(show, values), *figures(name)])
    return ["metric", "all", *(f"level {level}" for level in levels), *named], rows


def paper_table(table: PaperTable, runs: Sequence[Run], base: str | None = None) -> Table:
    """(columns, rows): the runs, then the paper's rows, in the paper's columns and digits.

    Args:
        base: only the paper's rows of this base model; None: all. Rows that the paper cites end in ``*``.
    """
    digits = 2 if table.number == "4" else 1
    rows = [[run.label, *(_cell(run.cell(column), digits) for column in table.columns)] for run in runs]
    for row in table.rows:
        if base in (None, row.base):
            label = f"paper: {row.label}{' *' if row.cited else ''}"
            rows.append([label, *(_cell(row.cells[column], digits) for column in table.columns)])
    return ["", *(_HEADS.get(column) or benchmark_of(column).title for column in table.columns)], rows


def _beside(published: Mapping[str, Mapping[str, float]], digits: int) -> tuple[list[str], Callable[[str], list[str]]]:
    """Columns for the stages of the paper's figures (row -> stage -> percent), and their cells in a named row."""
    named = list(dict.fromkeys(chain.from_iterable(published.values())))

    def cells(name: str) -> list[str]:
        row = published.get(name, {})
        return [_cell(row.get(stage), digits) for stage in named]

    return [f"paper: {stage}" for stage in named], cells


def _cell(value: float | None, digits: int) -> str:
    """A percentage as the paper prints it."""
    return "–" if value is None else f"{value:.{digits}f}"


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.2f}"
