"""The picture of a study: final accuracy of every arm at every temperature, and learning curves where there are any."""

import math
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt

from ..config import temperature_name
from ..show.summary import BEHAVIOUR, FINAL, temperature_title
from . import Arm, Study
from .results import Found, estimate

STYLE = Path(__file__).resolve().parents[1] / "show" / "pictures.mplstyle"
PALETTE = ("#0072B2", "#E69F00", "#009E73", "#D55E00", "#CC79A7", "#56B4E9", "#999999", "#000000")


def draw(out: Path, study: Study, found: Found) -> list[Path]:
    drawn = []
    with plt.style.context(STYLE):
        for name, figure in (("accuracy", _accuracy(study, found)), ("curves", _curves(found))):
            if figure is not None:
                drawn.append(out / f"{name}.png")
                figure.savefig(drawn[-1], bbox_inches="tight", facecolor="white")
                plt.close(figure)
    return drawn


def _accuracy(study: Study, found: Found) -> Any:
    """A point per seed, a bar for the mean with its 95 % interval; the first attempt as a tick."""
    arms = list(found.arms)
    panels = [t for t in found.temperatures if t in (0.0, 1.0)] or found.temperatures
    size = (4.6 * len(panels) + 2, 0.36 * len(arms) + 1)
    figure, axes = plt.subplots(1, len(panels), figsize=size, squeeze=False, sharey=True)
    for axis, temperature in zip(axes[0], panels, strict=True):
        for y, arm in enumerate(arms):
            at = _shown_at(found, arm, temperature, panels[-1])
            if at is None:
                continue
            values = found.values(arm, at, FINAL)
            mean = estimate(values)
            colour = "#999999" if arm.label == study.reference else "#0072B2"
            axis.barh(y, mean.mean, color=colour, alpha=0.35, height=0.66, linewidth=0)
            axis.plot(values, [y] * len(values), "o", color=colour, markersize=3, alpha=0.7)
            if not math.isnan(mean.error):
                axis.errorbar(mean.mean, y, xerr=mean.half, color="#222222", capsize=2, linewidth=1)
            first = estimate(found.values(arm, at, BEHAVIOUR["first"])).mean
            axis.plot([first, first], [y - 0.33, y + 0.33], color="#222222", linewidth=1, linestyle=":")
        axis.set_xlim(0, 1)
        axis.set_title(temperature_title(temperature_name(temperature)))
        axis.set_xlabel("final accuracy; dotted: first attempt")
        axis.set_yticks(range(len(arms)), [arm.label for arm in arms])
        axis.set_ylim(len(arms) - 0.5, -0.5)
        axis.grid(visible=False, axis="y")
    figure.tight_layout()
    return figure


def _shown_at(found: Found, arm: Arm, panel: float, last: float) -> float | None:
    """The temperature of an arm that a panel shows; the last panel has those of another temperature, too."""
    own = {r["temperature"] for r in found.arms[arm][0] if "temperature" in r}
    if panel in own:
        return panel
    return max(own) if panel == last and own and not own & {0.0, 1.0} else None


def _curves(found: Found) -> Any:
    """Mean over seeds of the final accuracy and the verification accuracy of the samples of each RL step."""
    metrics = {"final accuracy": FINAL, "verification accuracy": BEHAVIOUR["verify"]}
    arms = [arm for arm in found.arms if any(FINAL in row and "step" in row for row in found.arms[arm][0])]
    if not arms:
        return None
    figure, axes = plt.subplots(1, 2, figsize=(11, 3.6 + 0.12 * len(arms)), layout="constrained")
    for axis, (title, metric) in zip(axes, metrics.items(), strict=True):
        for i, arm in enumerate(arms):
            means = [estimate(list(step)).mean for step in zip(*_by_step(found, arm, metric), strict=False)]
            style = ("-", "--", ":", "-.")[i // len(PALETTE) % 4]
            axis.plot(range(1, len(means) + 1), means, style, color=PALETTE[i % len(PALETTE)], label=arm.label)
        axis.set_title(title)
        axis.set_xlabel("RL step (samples at T = 1)")
    handles, labels = axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside right center", fontsize=8)
    return figure


def _by_step(found: Found, arm: Arm, metric: str) -> list[list[float]]:
    """Per seed, the metric of every RL step."""
    return [
        [math.nan if r.get(metric) is None else r[metric] for r in seed if "step" in r and metric in r]
        for seed in found.arms[arm]
    ]
