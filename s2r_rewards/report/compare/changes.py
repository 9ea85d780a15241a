"""Which problems several runs have in common, and how each run does on them."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations
from operator import attrgetter

from s2r_rewards.report.compare.samples import Asked, Sample


@dataclass(frozen=True, slots=True)
class Visit:
    """A run's samples of a problem, at the latest step at which it met the problem."""

    samples: tuple[int, ...]
    """Their places among all rollouts of all runs."""
    step: int | None
    accuracy: float
    """The share of samples whose last attempt is right."""
    confirmed: tuple[str, int, bool] | None
    """The answer that the model's own verifications confirmed most often, in how many samples, whether it is right."""


@dataclass(frozen=True, slots=True)
class Problem:
    """A problem that at least two runs have met; `visits` has one entry a run, None where it has not."""

    asked: Asked
    visits: tuple[Visit | None, ...]

    @property
    def spread(self) -> float:
        """The largest difference of accuracy between two runs."""
        accuracies = [visit.accuracy for visit in self.visits if visit]
        return max(accuracies) - min(accuracies)

    @property
    def answers_differ(self) -> bool:
        """Whether the runs confirmed different answers, or one of them none."""
        return len({visit.confirmed and visit.confirmed[0] for visit in self.visits if visit}) > 1


@dataclass(frozen=True, slots=True)
class Difference:
    """One run against another over the problems that both have met, each problem counting once."""

    problems: int
    better: int
    worse: int
    mean: float
    """The mean change of a problem's accuracy; nan without problems."""
    error: float
    """Its standard error over problems: s / √n of the paired differences; nan below two problems."""


def problems_of(runs: Sequence[Sequence[Sample]]) -> list[Problem]:
    """The problems that at least two of the runs have met, the largest change of accuracy first.

    Problems are one where their names and golden answers agree. Where the names agree and most golden answers do
    not, the names are line numbers of different files, and the prompts say which problems are the same.
    """
    key = _key_of(runs)
    met = [_latest(run, key) for run in runs]
    counts = Counter(name for one in met for name in one)
    starts = [sum(map(len, runs[:k])) for k in range(len(runs))]
    found = []
    for name in (name for name, n in counts.items() if n > 1):
        visits = tuple(
            _visit(run, one[name], start) if name in one else None
            for run, one, start in zip(runs, met, starts, strict=True)
        )
        k = next(k for k, visit in enumerate(visits) if visit)
        found.append(Problem(runs[k][met[k][name][0]].asked, visits))
    return sorted(found, key=lambda problem: (-problem.spread, not problem.answers_differ))


def difference(problems: Iterable[Problem], before: int, after: int) -> Difference:
    """Run `after` against run `before`, on the problems that both have met."""
    pairs = [(problem.visits[before], problem.visits[after]) for problem in problems]
    changes = [b.accuracy - a.accuracy for a, b in pairs if a and b]
    n = len(changes)
    mean = sum(changes) / n if n else math.nan
    error = math.sqrt(sum((c - mean) ** 2 for c in changes) / (n - 1) / n) if n > 1 else math.nan
    return Difference(n, sum(c > 0 for c in changes), sum(c < 0 for c in changes), mean, error)


def _key_of(runs: Sequence[Sequence[Sample]]) -> Callable[[Asked], Hashable]:
    golds = [{sample.asked.name: sample.asked.gold for sample in run} for run in runs]
    agree = disagree = 0
    for one, other in combinations(golds, 2):
        same = sum(one[name] == other[name] for name in one.keys() & other.keys())
        agree += same
        disagree += len(one.keys() & other.keys()) - same
    return attrgetter("name", "gold") if agree > disagree else attrgetter("digest")


def _latest(run: Sequence[Sample], key: Callable[[Asked], Hashable]) -> dict[Hashable, list[int]]:
    """Per problem the places, in the run, of its samples at its latest step."""
    met: dict[Hashable, list[int]] = {}
    for place, sample in enumerate(run):
        met.setdefault(key(sample.asked), []).append(place)
    latest = {}
    for name, places in met.items():
        last = max((step for p in places if (step := run[p].step) is not None), default=None)
        latest[name] = [p for p in places if run[p].step == last]
    return latest


def _visit(run: Sequence[Sample], places: Sequence[int], start: int) -> Visit:
    right = sum(run[p].right for p in places)
    answers = [answer for p in places if (answer := run[p].confirmed) is not None]
    confirmed = None
    if answers:
        most, _ = Counter(text for text, _ in answers).most_common(1)[0]
        same = [is_right for text, is_right in answers if text == most]
        confirmed = most, len(same), all(same)
    return Visit(tuple(start + p for p in places), run[places[0]].step, right / len(places), confirmed)
