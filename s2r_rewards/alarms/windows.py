"""Alarms of a run: the steps one after the other, each with the latest that hold enough cases.

A mean over a whole run hides how it ends, and one over its last part hides what happened before.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from statistics import fmean

from s2r_rewards.alarms.base import MAX_EVIDENCE, Alarm, Rule
from s2r_rewards.alarms.signs import RULES

#: A window reaches back until it holds so many cases.
CASES = 50
GROWTH_THRESHOLD, GROWTH_GAIN = 1.5, 0.02
_ROOM = 64

Signs = tuple[tuple[int, int], ...]
"""(cases, signs) of one trajectory, for each of the RULES in order."""


class Clearest:
    """The places with the most signs, the earlier of equal ones first; at most MAX_EVIDENCE of however many."""

    def __init__(self, found: Iterable[tuple[int, int]] = ()) -> None:
        self._found = list(found)

    def add(self, signs: int, place: int) -> None:
        self._found.append((-signs, place))
        if len(self._found) > _ROOM:
            self._found = self.best

    @property
    def best(self) -> list[tuple[int, int]]:
        """(minus signs, place), best first."""
        return sorted(self._found)[:MAX_EVIDENCE]

    @property
    def places(self) -> list[int]:
        return [place for _, place in self.best]


@dataclass
class Tally:
    """What the trajectories of one training step (or of a part of it) add to the alarms."""

    size: int = 0
    length: int = 0
    """Characters of all responses."""
    right: int = 0
    cases: list[int] = field(default_factory=lambda: [0] * len(RULES))
    signs: list[int] = field(default_factory=lambda: [0] * len(RULES))
    clearest: list[Clearest] = field(default_factory=lambda: [Clearest() for _ in RULES])
    longest: Clearest = field(default_factory=Clearest)

    def add(self, place: int, length: int, right: bool, signs: Signs) -> None:
        """One trajectory: where it stands, its characters, whether it ends right, its signs."""
        self.size += 1
        self.length += length
        self.right += right
        self.longest.add(length, place)
        for i, (cases, found) in enumerate(signs):
            if cases:
                self.cases[i] += cases
            if found:
                self.signs[i] += found
                self.clearest[i].add(found, place)


def merged(tallies: Sequence[Tally], shifts: Sequence[int] | None = None) -> Tally:
    """Several tallies as one. ``shifts``: what is added to the places of each."""
    moved = list(zip(tallies, shifts or [0] * len(tallies), strict=True))

    def clearest(of: Sequence[tuple[Clearest, int]]) -> Clearest:
        return Clearest(sorted((n, place + shift) for one, shift in of for n, place in one.best)[:MAX_EVIDENCE])

    return Tally(
        sum(one.size for one in tallies),
        sum(one.length for one in tallies),
        sum(one.right for one in tallies),
        [sum(one.cases[i] for one in tallies) for i in range(len(RULES))],
        [sum(one.signs[i] for one in tallies) for i in range(len(RULES))],
        [clearest([(one.clearest[i], shift) for one, shift in moved]) for i in range(len(RULES))],
        clearest([(one.longest, shift) for one, shift in moved]),
    )


def alarms_of(tallies: Mapping[int | None, Tally]) -> tuple[Alarm, ...]:
    """Every alarm of a run, given the tally of each of its steps; None: of what belongs to no step."""
    steps = sorted(number for number in tallies if number is not None)
    run = [(number, tallies[number]) for number in steps]
    if len(run) > 1:
        return (*(_over_steps(i, rule, run) for i, rule in enumerate(RULES)), length_growth(run))
    whole = merged(list(tallies.values()))
    at_once = [rule.alarm(_share(whole, i), whole.cases[i], whole.clearest[i].places) for i, rule in enumerate(RULES)]
    return (*at_once, length_growth(run))


def _share(tally: Tally, rule: int) -> float:
    return tally.signs[rule] / tally.cases[rule] if tally.cases[rule] else math.nan


def _over_steps(index: int, rule: Rule, run: Sequence[tuple[int, Tally]]) -> Alarm:
    """The alarm of a rule over a run: fires at the first step whose window shows more than the threshold.

    A window is small and there are many of them, so that it has to pass the threshold by its standard error,
    √(threshold (1 − threshold) / cases).
    """
    first: Alarm | None = None
    latest: Alarm | None = None
    for window in _windows(index, run):
        latest = _alarm(index, rule, [tally for _, tally in window])
        if first is None and latest.fired:
            first = replace(latest, step=window[-1][0])
    total = sum(tally.cases[index] for _, tally in run)
    if latest is None:
        return replace(rule.alarm(math.nan, 0), now=math.nan)
    return replace(first or latest, now=latest.value, count=total)


def _windows(rule: int, run: Sequence[tuple[int, Tally]]) -> Iterator[Sequence[tuple[int, Tally]]]:
    """For every step with cases: itself and as many before as make CASES of them."""
    start, cases = 0, 0
    for end, (_, tally) in enumerate(run):
        cases += tally.cases[rule]
        while start < end and cases - run[start][1].cases[rule] >= CASES:
            cases -= run[start][1].cases[rule]
            start += 1
        if tally.cases[rule]:
            yield run[start : end + 1]


def _alarm(index: int, rule: Rule, window: Sequence[Tally]) -> Alarm:
    cases, signs = (sum(getattr(tally, name)[index] for tally in window) for name in ("cases", "signs"))
    clearest = Clearest(entry for tally in window for entry in tally.clearest[index].best)
    margin = math.sqrt(rule.threshold * (1 - rule.threshold) / cases)
    alarm = rule.alarm(signs / cases, cases, clearest.places)
    return replace(alarm, fired=alarm.fired and alarm.value >= min(1.0, rule.threshold + margin))


def length_growth(run: Sequence[tuple[int, Tally]]) -> Alarm:
    """Mean response length of the latest fifth of the steps against the first, while accuracy stands still.

    Looked at after every step; needs two steps.
    """
    width = max(1, len(run) // 5)
    lengths = [tally.length / tally.size for _, tally in run]
    right = [tally.right / tally.size for _, tally in run]
    alarm = Alarm(
        name="length_growth",
        title="Grows longer, not better",
        formula=(
            "mean length of the last fifth of the steps ÷ the first fifth; fires only while accuracy gained "
            f"less than {GROWTH_GAIN:g}"
        ),
        threshold=GROWTH_THRESHOLD,
        value=math.nan,
        count=sum(tally.size for _, tally in run),
        evidence=(),
        fired=False,
    )
    for end in range(2 * width, len(run) + 1) if len(run) > 1 else ():
        late = slice(end - width, end)
        value = fmean(lengths[late]) / max(1.0, fmean(lengths[:width]))
        fired = value >= GROWTH_THRESHOLD and fmean(right[late]) - fmean(right[:width]) < GROWTH_GAIN
        alarm = replace(alarm, now=value) if alarm.fired else replace(alarm, value=value, now=value)
        if fired and not alarm.fired:
            # The longest of all; of equal ones that of the earliest step.
            entries = [entry for _, tally in run[late] for entry in tally.longest.best]
            longest = [place for _, place in sorted(entries, key=lambda entry: entry[0])[:MAX_EVIDENCE]]
            alarm = replace(alarm, fired=True, evidence=tuple(longest), step=run[end - 1][0])
    return alarm
