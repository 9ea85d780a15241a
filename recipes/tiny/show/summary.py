"""What the seeds of a run found, gathered from their stage records."""

from __future__ import annotations

import json
import math
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

from ..config import temperature_name
from ..runfolder import RunFolder, dumps, write_atomically
from ..stages import STAGES

LABELS = {
    "base": "base",
    "plain": "plain SFT",
    "bi": "BI",
    "orl": "BI + ORL",
    "prl": "BI + PRL",
    "offline-orl": "BI + offline ORL",
    "offline-prl": "BI + offline PRL",
}
Summary = dict[str, dict[str, dict[str, list[float]]]]
"""model -> "greedy" or "t1" -> metric -> one value per seed (nan where it is undefined)."""


def write_seed(folder: RunFolder) -> None:
    """metrics.jsonl and summary.json of one seed, from whatever stages have finished."""
    records = {name: record for name in STAGES if (record := folder.record(name))}
    rows = [row for record in records.values() for row in record["metrics"]]
    lines = "".join(dumps(row) + "\n" for row in rows)
    write_atomically(folder.path / "metrics.jsonl", lines)
    summary = {
        "seed": folder.config.seed,
        "stages": {n: {k: r[k] for k in ("wall_s", "cpu_s")} for n, r in records.items()},
        "evaluation": _evaluations(rows),
    }
    write_atomically(folder.path / "summary.json", dumps(summary, indent=1) + "\n")


def _evaluations(rows: list[dict[str, Any]]) -> dict[str, dict[str, dict[str, float]]]:
    found: dict[str, dict[str, dict[str, float]]] = {}
    for row in rows:
        if "temperature" in row:
            metrics = {k: v for k, v in row.items() if "/" in k}
            found.setdefault(row["stage"], {})[temperature_name(row["temperature"])] = metrics
    return found


def gather(paths: list[Path]) -> Summary:
    """The evaluations of several seeds side by side; a model that one of them lacks is left out."""
    seeds = [json.loads((path / "summary.json").read_text())["evaluation"] for path in paths]
    models = [m for m in LABELS if all(m in seed for seed in seeds)]
    return {
        model: {
            temperature: {
                metric: [_number(seed[model][temperature].get(metric)) for seed in seeds]
                for metric in seeds[0][model][temperature]
            }
            for temperature in seeds[0][model]
        }
        for model in models
    }


def write_summary(out: Path, summary: Summary) -> None:
    """summary.json over all seeds of a run: means, spreads and the values of every seed."""
    described = {
        model: {
            temperature: {
                metric: {"mean": mean_spread(v)[0], "sd": mean_spread(v)[1], "seeds": v} for metric, v in row.items()
            }
            for temperature, row in temperatures.items()
        }
        for model, temperatures in summary.items()
    }
    write_atomically(out / "summary.json", dumps(described, indent=1) + "\n")


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
    if not defined:
        return math.nan, math.nan
    return fmean(defined), stdev(defined) if len(defined) > 1 else math.nan


def _number(value: float | None) -> float:
    return math.nan if value is None else float(value)
