"""Figures of a study: means over seeds with intervals, differences seed by seed, a table, a picture."""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

from ..config import temperature_name
from ..runfolder import dumps, write_atomically
from ..show.summary import ATTEMPTS, BEHAVIOUR, FINAL, temperature_title
from . import Arm, Study

# Student's t, two-sided 95 %, by the number of values; 1.96 + 2.6 / df is close enough above.
T95 = {2: 12.706, 3: 4.303, 4: 3.182, 5: 2.776, 6: 2.571, 7: 2.447, 8: 2.365, 9: 2.306, 10: 2.262}
COLUMNS = {
    "final": FINAL,
    "first": BEHAVIOUR["first"],
    "verify": BEHAVIOUR["verify"],
    "recall": BEHAVIOUR["recall"],
    "glances": "tiny/glances",
    "attempts": ATTEMPTS,
}
Metrics = dict[str, Any]


@dataclass(frozen=True)
class Found:
    seeds: list[int]
    arms: dict[Arm, list[list[Metrics]]]
    """arm → per seed, the rows of metrics that its stage left behind"""

    def values(self, arm: Arm, temperature: float, metric: str) -> list[float]:
        """One value per seed; nan where it is undefined."""
        rows = [next((r for r in seed if r.get("temperature") == temperature), {}) for seed in self.arms[arm]]
        return [math.nan if r.get(metric) is None else float(r[metric]) for r in rows]

    @property
    def temperatures(self) -> list[float]:
        return sorted(
            {r["temperature"] for seeds in self.arms.values() for s in seeds for r in s if "temperature" in r}
        )


@dataclass(frozen=True)
class Estimate:
    """A mean over seeds."""

    mean: float
    error: float
    """Standard error of the mean; nan with fewer than two values."""
    count: int

    @property
    def half(self) -> float:
        """Half of the 95 % interval (Student's t)."""
        return self.error * T95.get(self.count, 1.96 + 2.6 / max(self.count - 1, 1))


def estimate(values: Sequence[float]) -> Estimate:
    defined = [v for v in values if not math.isnan(v)]
    if len(defined) < 2:
        return Estimate(defined[0] if defined else math.nan, math.nan, len(defined))
    return Estimate(fmean(defined), stdev(defined) / math.sqrt(len(defined)), len(defined))


def write_results(out: Path, study: Study, found: Found) -> list[Path]:
    """results.json (every seed's values) and table.md."""
    if not found.seeds:
        return []
    out.mkdir(parents=True, exist_ok=True)
    written = [out / "results.json", out / "table.md"]
    rows, columns = [], {**COLUMNS, **dict(study.more)}
    for arm in found.arms:
        for temperature in found.temperatures:
            metrics = {m: found.values(arm, temperature, m) for m in columns.values()}
            if not all(map(math.isnan, metrics[FINAL])):
                rows.append({**asdict(arm), "temperature": temperature, "values": metrics})
    write_atomically(
        written[0], dumps({"seeds": found.seeds, "reference": study.reference, "arms": rows}, indent=1) + "\n"
    )
    write_atomically(written[1], table(study, found))
    return written


def table(study: Study, found: Found) -> str:
    """Markdown: one table per temperature."""
    parts, columns = [f"# {study.title}", "", study.question, ""], {**COLUMNS, **dict(study.more)}
    for temperature in found.temperatures:
        reference = next((arm for arm in found.arms if arm.label == study.reference), None)
        head = ["", *columns, *([f"final − {study.reference}", "standard errors"] if reference else [])]
        lines = ["| " + " | ".join(head) + " |", "|---" + "|---:" * (len(head) - 1) + "|"]
        for arm in found.arms:
            final = found.values(arm, temperature, FINAL)
            if all(map(math.isnan, final)):
                continue
            cells = [_cell(estimate(found.values(arm, temperature, m)), m) for m in columns.values()]
            if reference:
                cells += _against(final, found.values(reference, temperature, FINAL))
            lines.append("| " + " | ".join([arm.label, *cells]) + " |")
        parts += [f"## Held-out problems, {temperature_title(temperature_name(temperature))}", "", *lines, ""]
    return "\n".join([*parts, caption(found.seeds), ""])


def caption(seeds: Sequence[int]) -> str:
    return (
        f"Mean ± half of the 95 % interval (Student's t) over {len(seeds)} seeds ({', '.join(map(str, seeds))}): "
        "the spread of training. All answer the same held-out problems; another set of problems would move an accuracy "
        "p by a standard error of √(p(1−p)/problems), 1.6 points at most for 1,000. Differences are taken seed by seed, "
        "with their mean in standard errors of that mean. Percent, but for attempts."
    )


def standard_errors(difference: Estimate) -> float:
    """How many standard errors a mean difference is away from 0."""
    return difference.mean / difference.error if difference.error else math.copysign(math.inf, difference.mean)


def _cell(found: Estimate, metric: str) -> str:
    if math.isnan(found.mean):
        return "–"
    scale, digits = (1, 2) if metric == ATTEMPTS else (100, 1)
    text = f"{scale * found.mean:.{digits}f}"
    return text if math.isnan(found.error) else f"{text} ± {scale * found.half:.{digits}f}"


def _against(values: Sequence[float], reference: Sequence[float]) -> list[str]:
    difference = estimate([a - b for a, b in zip(values, reference, strict=True)])
    if math.isnan(difference.error) or difference.mean == difference.error == 0:
        return ["–" if math.isnan(difference.mean) else f"{100 * difference.mean:+.1f}", "–"]
    return [f"{100 * difference.mean:+.1f} ± {100 * difference.half:.1f}", f"{standard_errors(difference):+.1f}"]
