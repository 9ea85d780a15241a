"""Evaluated models: the results of `s2r eval` with a name, and what a table of the paper or a figure asks of them."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from s2r_rewards.evaluation.benchmarks import IN_DOMAIN
from s2r_rewards.metrics import METRIC_NAMES, level_name

Result = Mapping[str, Any]
AVERAGE = "average"
BEHAVIOUR_SET = "math500"
"""The paper measures behaviour (figures 3 and 4, table 4) on this benchmark."""


@dataclass(frozen=True)
class Run:
    """One evaluated model."""

    label: str
    results: Sequence[Result]
    """As in ``results.json``: one object a benchmark."""
    trained_on: int | None = None
    """Training examples, for figure 1."""

    def result(self, benchmark: str) -> Result | None:
        """What was measured on one benchmark; None where it was not evaluated."""
        return next((result for result in self.results if result["benchmark"] == benchmark), None)

    def cell(self, column: str) -> float | None:
        """Percent, for a column of the paper's tables: a benchmark, ``average`` or a metric of behaviour on MATH500."""
        if column == AVERAGE:
            value = average(self.results)
        elif column in METRIC_NAMES:
            result = self.result(BEHAVIOUR_SET)
            value = result["metrics"].get(column) if result else None
        else:
            result = self.result(column)
            value = result["accuracy"] if result else None
        return None if value is None else 100 * value


def average(results: Sequence[Result]) -> float | None:
    """Mean accuracy over the seven in-domain benchmarks, in [0, 1]; None where one of them was not evaluated."""
    by_name = {result["benchmark"]: result["accuracy"] for result in results}
    if not all(name in by_name for name in IN_DOMAIN):
        return None
    return float(sum(by_name[name] for name in IN_DOMAIN) / len(IN_DOMAIN))


def levels_of(result: Result) -> list[str]:
    """The difficulty levels of a result's metrics, numbers before names, 2 before 10."""
    start, end = level_name(METRIC_NAMES[0], "\0").split("\0")
    names = (
        name[len(start) : -len(end)] for name in result["metrics"] if name.startswith(start) and name.endswith(end)
    )
    return sorted(names, key=level_key)


def level_key(name: str) -> tuple[bool, int, str]:
    """Sorts levels."""
    return not name.isdecimal(), int(name) if name.isdecimal() else 0, name


def read_run(folder: Path, label: str, trained_on: int | None = None) -> Run:
    """The run in a folder of `s2r eval`.

    Raises:
        ValueError: there is no ``results.json`` in it, or another file of that name.
    """
    path = folder / "results.json"
    if not path.is_file():
        raise ValueError(f"{folder}: no results.json in it; `s2r eval -o {folder}` writes one")
    try:
        results = json.loads(path.read_text(encoding="utf-8"))
        if all(isinstance(one["metrics"], dict) and isinstance(one["benchmark"], str) for one in results) and results:
            return Run(label, results, trained_on)
    except (ValueError, TypeError, KeyError):
        pass
    raise ValueError(f"{path}: expected the results of `s2r eval`, a list of benchmarks with their metrics")
