"""Behaviour metrics (appendix E, arXiv:2502.12853): declared once, counted additively, always all present.

Ratios are computed from integer counts, so that batches, ranks and levels can be added before dividing.  A
ratio over nothing is ``nan`` (never a silent 0).
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass, fields
from functools import lru_cache
from operator import attrgetter

from s2r_rewards.answers.result import CheckVerdict
from s2r_rewards.judging import Judgement
from s2r_rewards.trajectory import Verdict


@dataclass(frozen=True, slots=True)
class BehaviourCounts:
    """What appendix E counts, over any set of judged trajectories. ``a + b`` merges two sets."""

    trajectories: int = 0
    attempts: int = 0
    last_right: int = 0
    first_right: int = 0
    first_wrong: int = 0
    right_to_wrong: int = 0
    wrong_to_right: int = 0
    verifications: int = 0
    verdicts_true: int = 0
    verified_wrong: int = 0
    wrong_rejected: int = 0
    confirmed: int = 0
    right_confirmed: int = 0
    first_verified_right: int = 0
    first_verified_right_true: int = 0
    first_verified_wrong: int = 0
    first_verified_wrong_true: int = 0
    malformed: int = 0
    timeouts: int = 0
    ungradable: int = 0
    judged: int = 0

    def __add__(self, other: BehaviourCounts) -> BehaviourCounts:
        return BehaviourCounts(*(getattr(self, f.name) + getattr(other, f.name) for f in fields(self)))

    def metrics(self) -> dict[str, float]:
        """Every name of :data:`METRIC_NAMES`; a ratio over nothing is nan."""
        return {name: _ratio(getattr(self, top), getattr(self, bottom)) for name, top, bottom in _RATIOS}


#: (metric name, numerator, denominator): the one place that names metrics.
_RATIOS = (
    ("s2r/outcome/accuracy", "last_right", "trajectories"),
    ("s2r/attempt/first_accuracy", "first_right", "trajectories"),
    ("s2r/verify/accuracy", "verdicts_true", "verifications"),
    ("s2r/verify/error_recall", "wrong_rejected", "verified_wrong"),
    ("s2r/verify/correct_precision", "right_confirmed", "confirmed"),
    ("s2r/verify/first_accuracy_when_right", "first_verified_right_true", "first_verified_right"),
    ("s2r/verify/first_accuracy_when_wrong", "first_verified_wrong_true", "first_verified_wrong"),
    ("s2r/correct/i2c", "wrong_to_right", "first_wrong"),
    ("s2r/correct/c2i", "right_to_wrong", "first_right"),
    ("s2r/trials/mean", "attempts", "trajectories"),
    ("s2r/parse/malformed", "malformed", "trajectories"),
    ("s2r/check/timeout", "timeouts", "attempts"),
    ("s2r/check/ungradable", "ungradable", "attempts"),
    ("s2r/check/judge", "judged", "attempts"),
)
_SHORT = 32  # attempts
METRIC_NAMES: tuple[str, ...] = tuple(name for name, _, _ in _RATIOS)


def _ratio(top: int, bottom: int) -> float:
    return top / bottom if bottom else math.nan


def behaviour_counts(judged: Judgement) -> BehaviourCounts:
    """The counts of one trajectory. A trajectory without any attempt counts as a wrong first and last one."""
    seen = tuple([(check.verdict, check.tier == "judge") for check in judged.checks])
    # Few courses make up a batch of thousands; those of any length would fill the memory.
    count = _of_a_course if len(seen) <= _SHORT else _of_a_course.__wrapped__
    return count(seen, judged.verdicts, judged.malformed)


@lru_cache(maxsize=4096)
def _of_a_course(
    checks: tuple[tuple[CheckVerdict, bool], ...], verdicts: tuple[Verdict | None, ...], malformed: bool
) -> BehaviourCounts:
    """The counts of all trajectories with these checks (verdict, whether a judge gave it) and verdicts."""
    correct = [verdict == "correct" for verdict, _ in checks]
    verified = list(zip(correct, verdicts, strict=False))  # the last attempt may lack a verification
    first, last = correct[:1] == [True], correct[-1:] == [True]
    rejected = sum(1 for right, verdict in verified if not right and verdict is Verdict.INCORRECT)
    right_confirmed = sum(1 for right, verdict in verified if right and verdict is Verdict.CORRECT)
    first_right, first_verdict = verified[0] if verified else (None, None)
    return BehaviourCounts(
        trajectories=1,
        attempts=len(checks),
        last_right=int(last),
        first_right=int(first),
        first_wrong=int(not first),
        right_to_wrong=int(first and not last),
        wrong_to_right=int(last and not first),
        verifications=len(verified),
        verdicts_true=rejected + right_confirmed,
        verified_wrong=sum(1 for right, _ in verified if not right),
        wrong_rejected=rejected,
        confirmed=sum(1 for _, verdict in verified if verdict is Verdict.CORRECT),
        right_confirmed=right_confirmed,
        first_verified_right=int(first_right is True),
        first_verified_right_true=int(first_right is True and first_verdict is Verdict.CORRECT),
        first_verified_wrong=int(first_right is False),
        first_verified_wrong_true=int(first_right is False and first_verdict is Verdict.INCORRECT),
        malformed=int(malformed),
        timeouts=sum(1 for verdict, _ in checks if verdict == "timeout"),
        ungradable=sum(1 for verdict, _ in checks if verdict == "ungradable"),
        judged=sum(1 for _, by_judge in checks if by_judge),
    )


_numbers = attrgetter(*(field.name for field in fields(BehaviourCounts)))


def total_counts(judged: Iterable[Judgement]) -> BehaviourCounts:
    """The counts of many trajectories, in one pass."""
    return _sum(behaviour_counts(item) for item in judged)


def _sum(counts: Iterable[BehaviourCounts]) -> BehaviourCounts:
    items = list(counts)
    times = Counter(map(id, items))  # most are one of a few
    rows = [[n * times[key] for n in _numbers(item)] for key, item in {id(item): item for item in items}.items()]
    return BehaviourCounts(*map(sum, zip(*rows, strict=True)))


def behaviour_metrics(judged: Sequence[Judgement], levels: Sequence[Hashable] | None = None) -> dict[str, float]:
    """All declared metrics over a set of judged trajectories.

    Args:
        judged: the trajectories.
        levels: the difficulty level of each one; adds ``s2r/level/<level>/<rest of the name>`` for each level
            that occurs (None among them is left out).

    Returns:
        name → value; nan where there is nothing to divide by.
    """
    return metrics_of_counts([behaviour_counts(item) for item in judged], levels)


def metrics_of_counts(counts: Sequence[BehaviourCounts], levels: Sequence[Hashable] | None = None) -> dict[str, float]:
    """:func:`behaviour_metrics` of the trajectories that have these counts, one each."""
    metrics = _sum(counts).metrics()
    if levels is not None:
        if len(levels) != len(counts):
            raise ValueError(f"{len(levels)} levels for {len(counts)} trajectories; expected one each")
        by_level: dict[Hashable, list[BehaviourCounts]] = {}
        for item, level in zip(counts, levels, strict=True):
            if level is not None:
                by_level.setdefault(level, []).append(item)
        for level in sorted(by_level, key=str):
            for name, value in _sum(by_level[level]).metrics().items():
                metrics[level_name(name, level)] = value
    return metrics


def level_name(name: str, level: Hashable) -> str:
    """``s2r/trials/mean`` at level 3 → ``s2r/level/3/trials/mean``."""
    return f"s2r/level/{level}/{name.removeprefix('s2r/')}"
