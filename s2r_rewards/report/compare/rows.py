"""The problems that changed as the page's script reads them, and the samples that it needs for them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from s2r_rewards.report.compare.changes import Problem, Visit
from s2r_rewards.report.payload import one_line

MOST = 2_000
"""So many problems are listed, those that changed most."""


def samples_of(problems: Iterable[Problem]) -> list[int]:
    """The samples behind the problems, those of the largest change first."""
    return [place for problem in problems for visit in problem.visits if visit for place in visit.samples]


def rows_of(problems: Sequence[Problem], places: Mapping[int, int]) -> list[dict[str, Any]]:
    """One row a problem; `places` maps rollouts to those that the page carries."""
    return [
        {
            "id": one_line(problem.asked.name),
            "p": problem.asked.prompt,
            "g": one_line(problem.asked.gold, 80),
            "v": [_visit(visit, places) if visit else None for visit in problem.visits],
        }
        for problem in problems[:MOST]
    ]


def _visit(visit: Visit, places: Mapping[int, int]) -> dict[str, Any]:
    answer, times, right = visit.confirmed or (None, 0, False)
    return {
        "n": len(visit.samples),
        "s": visit.step,
        "acc": round(visit.accuracy, 4),
        "c": None if answer is None else [one_line(answer, 60), times, right],
        "r": [places[i] for i in visit.samples if i in places],
    }
