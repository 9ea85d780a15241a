"""Figures 1, 3 and 4 of the paper (arXiv:2502.12853) for evaluated runs: what they show, as plain data.

1  data efficiency: accuracy over the number of training examples
3  behaviour: verification accuracy, error recall, correct precision; incorrect → correct, correct → incorrect
4  by difficulty: accuracy and number of trials at each level

The paper prints the numbers of figure 3, and those behind the points of its own models in figure 1 (tables 1 and 2);
of figure 4 it prints none.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from s2r_rewards.datasets.paper.mixture import TABLE_1
from s2r_rewards.evaluation.benchmarks import IN_DOMAIN, benchmark_of
from s2r_rewards.evaluation.published import BEHAVIOUR, stages
from s2r_rewards.evaluation.runs import AVERAGE, BEHAVIOUR_SET, Run, levels_of
from s2r_rewards.metrics import level_name

NUMBERS = ("1", "3", "4")
BARS = {
    "s2r/verify/accuracy": "verification\naccuracy",
    "s2r/verify/error_recall": "error\nrecall",
    "s2r/verify/correct_precision": "correct\nprecision",
    "s2r/correct/i2c": "incorrect\n→ correct",
    "s2r/correct/c2i": "correct →\nincorrect",
}
LINES = {"s2r/outcome/accuracy": "accuracy %", "s2r/trials/mean": "trials"}
PAPER = "paper: "
"""What the labels of the paper's own figures begin with."""


@dataclass(frozen=True)
class FigureData:
    """What a figure shows. ``series``: label → place on the x-axis → number (percent; trials as they are)."""

    title: str
    series: Mapping[str, Mapping[Any, float]]
    second: Mapping[str, Mapping[Any, float]] | None = None
    """The series of the lower panel, where there is one."""


def data_efficiency(runs: Sequence[Run], paper: str | None = None) -> FigureData:
    """Figure 1: label → {training examples: mean accuracy in percent over the benchmarks that all the runs have}.

    Args:
        paper: base model whose stages stand beside, where the paper has figures on all of those benchmarks. A stage
            of RL has seen the examples of BI and its own prompts (table 1).

    Raises:
        ValueError: no run says what it was trained on, or they have no benchmark in common.
    """
    sized = [run for run in runs if run.trained_on]
    if not sized:
        raise ValueError(
            "figure 1 needs the number of training examples: --trained-on N or --compare LABEL:SIZE:FOLDER"
        )
    names = [r["benchmark"] for r in sized[0].results if all(run.result(r["benchmark"]) for run in sized)]
    if not names:
        raise ValueError(f"figure 1: no benchmark was evaluated in all of {', '.join(run.label for run in sized)}")
    series: dict[str, dict[Any, float]] = {}
    for run in sized:
        cells = [run.cell(name) or 0.0 for name in names]
        series[run.label] = {run.trained_on: sum(cells) / len(cells)}
    published = stages(paper or "")
    for stage, size in _sizes(paper).items():
        known = [published.get(name, {}).get(stage) for name in names]
        given = [cell for cell in known if cell is not None]
        if {*names} == {*IN_DOMAIN}:  # its own average, which is of unrounded numbers
            given = [published[AVERAGE][stage]]
        elif len(given) < len(names):
            continue
        series[f"{PAPER}{stage}"] = {size: sum(given) / len(given)}
    titles = [benchmark_of(name).title for name in names]
    title = ", ".join(titles) if len(titles) <= 3 else f"{len(titles)} benchmarks"
    return FigureData(f"mean accuracy on {title}" if len(titles) > 1 else f"accuracy on {title}", series)


def _sizes(paper: str | None) -> dict[str, int]:
    known = TABLE_1.get((paper or "").lower())
    if known is None:
        return {}
    return {"BI": known.initialization, **dict.fromkeys(("PRL", "ORL"), known.initialization + known.prompts)}


def behaviour(runs: Sequence[Run], paper: str | None = None) -> FigureData:
    """Figure 3: label → {metric of :data:`BARS`: percent}, on MATH500, or else on the first benchmark of the first run.

    Metrics without cases are left out. The paper's stages stand beside on MATH500.
    """
    name = _measured_on(runs)
    series: dict[str, dict[Any, float]] = {}
    for run in runs:
        if result := run.result(name):
            found = {metric: result["metrics"].get(metric) for metric in BARS}
            series[run.label] = {metric: 100 * value for metric, value in found.items() if value is not None}
    if name == BEHAVIOUR_SET:
        for metric, by_stage in BEHAVIOUR.get(paper or "", {}).items():
            for stage, value in by_stage.items():
                series.setdefault(f"{PAPER}{stage}", {})[metric] = value
    return FigureData(f"behaviour on {benchmark_of(name).title}", series)


def by_level(runs: Sequence[Run]) -> FigureData:
    """Figure 4: label → {level: accuracy in percent}, and below label → {level: mean number of trials}.

    Raises:
        ValueError: no generation names a level.
    """
    name = _measured_on(runs)
    panels: list[dict[str, dict[Any, float]]] = []
    for metric, factor in zip(LINES, (100, 1), strict=True):
        lines = {}
        for run in runs:
            if result := run.result(name):
                found = {level: result["metrics"].get(level_name(metric, level)) for level in levels_of(result)}
                lines[run.label] = {level: factor * value for level, value in found.items() if value is not None}
        panels.append({label: line for label, line in lines.items() if line})
    title = benchmark_of(name).title
    if not panels[0]:
        raise ValueError(f"figure 4: the generations of {title} name no level")
    return FigureData(f"by difficulty, {title}", panels[0], panels[1])


def _measured_on(runs: Sequence[Run]) -> str:
    first: str = runs[0].results[0]["benchmark"]
    return BEHAVIOUR_SET if any(run.result(BEHAVIOUR_SET) for run in runs) else first
