"""What the paper's figures 1, 3 and 4 show, of the page's runs: Summaries in, markup out.

1  data efficiency: accuracy over training examples, where their number is given; else over the rollouts of the steps
   before, which a run has learned from when it makes those of a step
3  behaviour: shares of verification and of self-correction
4  by difficulty: accuracy and number of trials at each level
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import accumulate

from s2r_rewards.report.markup import Html, el
from s2r_rewards.report.paper.plots import Series, bars, places, points
from s2r_rewards.report.sections import note, section
from s2r_rewards.report.summary import Group, Summary, natural

ACCURACY, TRIALS = "s2r/outcome/accuracy", "s2r/trials/mean"
VERIFICATION = {
    "s2r/verify/accuracy": "verification accuracy",
    "s2r/verify/error_recall": "error recall",
    "s2r/verify/correct_precision": "correct precision",
}
CORRECTION = {"s2r/correct/i2c": "incorrect → correct", "s2r/correct/c2i": "correct → incorrect"}
_STEPS = "rollouts before"
_EXAMPLES = "training examples"


def paper_figures(runs: Mapping[str, Summary], trained_on: Sequence[int] = ()) -> Html:
    """The section with those of the figures that have something to show; nothing where none has.

    Args:
        runs: name → figures; the name of an only run is not shown.
        trained_on: training examples of each run, in order, for figure 1.

    Raises:
        ValueError: as many numbers are needed as there are runs, or none.
    """
    if trained_on and len(trained_on) != len(runs):
        raise ValueError(f"{len(trained_on)} numbers of training examples for {len(runs)} runs; expected one each")
    charts = [*_efficiency(runs, trained_on), *_behaviour(runs), *_by_level(runs)]
    if not charts:
        return Html("")
    about = "What these rollouts have of figures 1, 3 and 4 of the S²R paper."
    if any(len(one.steps) > 1 for one in runs.values()):
        about += " Behaviour is that of the last step, difficulty that of all steps."
    return section("paper", "Figures of the paper", note(about), el("div", *charts, class_="charts"))


def _latest(one: Summary) -> Group:
    return one.steps[-1] if len(one.steps) > 1 else one.overall


def _efficiency(runs: Mapping[str, Summary], trained_on: Sequence[int]) -> list[Html]:
    if trained_on:
        sized = zip(runs.items(), trained_on, strict=True)
        series: Series = {name: [(float(n), _latest(one).metrics[ACCURACY])] for (name, one), n in sized}
        return points("Data efficiency (figure 1)", series, _EXAMPLES, logarithmic=True)
    series = {}  # also of runs without steps: colours go by the number of the run
    for name, one in runs.items():
        along = one.steps if len(one.steps) > 1 and not any(natural(group.key)[0] for group in one.steps) else ()
        before = accumulate((group.count for group in along), initial=0)
        series[name] = [(float(n), g.metrics[ACCURACY]) for n, g in zip(before, along, strict=False)]
    return points("Data efficiency (figure 1)", series, _STEPS)


def _behaviour(runs: Mapping[str, Summary]) -> list[Html]:
    found = []
    for title, metrics in (("Verification", VERIFICATION), ("Self-correction", CORRECTION)):
        values = {name: [_latest(one).metrics[metric] for metric in metrics] for name, one in runs.items()}
        found += bars(f"{title} (figure 3)", list(metrics.values()), values)
    return found


def _by_level(runs: Mapping[str, Summary]) -> list[Html]:
    by_run = {name: {group.key: group.metrics for group in one.levels} for name, one in runs.items()}
    levels = sorted({key for one in by_run.values() for key in one}, key=natural)
    if len(levels) < 2:
        return []
    found = []
    for title, metric in (("Accuracy by level (figure 4)", ACCURACY), ("Trials by level (figure 4)", TRIALS)):
        values = {
            name: [one[level][metric] if level in one else math.nan for level in levels] for name, one in by_run.items()
        }
        found += places(title, levels, values, unit_range=metric == ACCURACY)
    return found
