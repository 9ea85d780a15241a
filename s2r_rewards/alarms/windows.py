"""Alarms of a run: the steps one after the other, each with the latest that hold enough cases.

A mean over a whole run hides how it ends, and one over its last part hides what happened before.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from statistics import fmean

from s2r_rewards.alarms.base import MAX_EVIDENCE, Alarm, Rule
from s2r_rewards.judging import JudgedTrajectory

#: A window reaches back until it holds so many cases.
CASES = 50
GROWTH_THRESHOLD, GROWTH_GAIN = 1.5, 0.02


@dataclass
class Step:
    """One training step. ``places``: of its trajectories in the batch."""

    number: int
    places: list[int]


@dataclass
class _Count:
    """The cases of one rule in one step, and where its signs are."""

    step: Step
    cases: int
    signs: Counter[int]


def steps_of(steps: Sequence[int | None]) -> list[Step]:
    """The steps in their order; trajectories without one belong to none."""
    found: dict[int, Step] = {}
    for place, number in enumerate(steps):
        if number is not None:
            found.setdefault(number, Step(number, [])).places.append(place)
    return [found[number] for number in sorted(found)]


def over_steps(rule: Rule, judged: Sequence[JudgedTrajectory], prompts: Sequence[str], steps: Sequence[Step]) -> Alarm:
    """The alarm of a rule over a run: fires at the first step whose window shows more than the threshold.

    A window is small and there are many of them, so that it has to pass the threshold by its standard error,
    √(threshold (1 − threshold) / cases).
    """
    counts = [_count(rule, judged, prompts, step) for step in steps]
    first: Alarm | None = None
    latest: Alarm | None = None
    for window in _windows(counts):
        latest = _alarm(rule, window)
        if first is None and latest.fired:
            first = replace(latest, step=window[-1].step.number)
    total = sum(count.cases for count in counts)
    if latest is None:
        return replace(rule.alarm(math.nan, 0, ()), now=math.nan)
    return replace(first or latest, now=latest.value, count=total)


def _count(rule: Rule, judged: Sequence[JudgedTrajectory], prompts: Sequence[str], step: Step) -> _Count:
    cases = 0
    signs: Counter[int] = Counter()
    for place in step.places:
        for sign in rule.cases(judged[place], prompts[place]):
            cases += 1
            if sign:
                signs[place] += 1
    return _Count(step, cases, signs)


def _windows(counts: Sequence[_Count]) -> Iterator[list[_Count]]:
    """For every step with cases: itself and as many before as make CASES of them."""
    start, cases = 0, 0
    for end, count in enumerate(counts):
        cases += count.cases
        while start < end and cases - counts[start].cases >= CASES:
            cases -= counts[start].cases
            start += 1
        if count.cases:
            yield list(counts[start : end + 1])


def _alarm(rule: Rule, window: Sequence[_Count]) -> Alarm:
    cases = sum(count.cases for count in window)
    signs: Counter[int] = Counter()
    for count in window:
        signs.update(count.signs)
    margin = math.sqrt(rule.threshold * (1 - rule.threshold) / cases)
    alarm = rule.alarm(signs.total() / cases, cases, signs)
    return replace(alarm, fired=alarm.fired and alarm.value >= min(1.0, rule.threshold + margin))


def length_growth(judged: Sequence[JudgedTrajectory], steps: Sequence[Step]) -> Alarm:
    """Mean response length of the latest fifth of the steps against the first, while accuracy stands still.

    Looked at after every step; needs two steps.
    """
    width = max(1, len(steps) // 5)
    lengths = [fmean(len(judged[i].trajectory.text) for i in step.places) for step in steps]
    right = [fmean(judged[i].last_correct for i in step.places) for step in steps]
    alarm = Alarm(
        name="length_growth",
        title="Grows longer, not better",
        formula=(
            "mean length of the last fifth of the steps ÷ the first fifth; fires only while accuracy gained "
            f"less than {GROWTH_GAIN:g}"
        ),
        threshold=GROWTH_THRESHOLD,
        value=math.nan,
        count=sum(len(step.places) for step in steps),
        evidence=(),
        fired=False,
    )
    for end in range(2 * width, len(steps) + 1) if len(steps) > 1 else ():
        late = slice(end - width, end)
        value = fmean(lengths[late]) / max(1.0, fmean(lengths[:width]))
        fired = value >= GROWTH_THRESHOLD and fmean(right[late]) - fmean(right[:width]) < GROWTH_GAIN
        alarm = replace(alarm, now=value) if alarm.fired else replace(alarm, value=value, now=value)
        if fired and not alarm.fired:
            places = [i for step in steps[late] for i in step.places]
            longest = sorted(places, key=lambda i: -len(judged[i].trajectory.text))[:MAX_EVIDENCE]
            alarm = replace(alarm, fired=True, evidence=tuple(longest), step=steps[end - 1].number)
    return alarm
