"""Which problems several runs have in common, and how each run does on them."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations

from s2r_rewards.judging import Gold
from s2r_rewards.report.payload import gold_text
from s2r_rewards.rollouts import Rollout
from s2r_rewards.scored import ScoredRollout
from s2r_rewards.trajectory import Verdict

Key = tuple[str, str]


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

    name: str
    prompt: str
    gold: Gold
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


def problems_of(runs: Sequence[Sequence[Rollout]]) -> list[Problem]:
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
        first = runs[k][met[k][name][0]]
        found.append(Problem(first.problem_id, first.prompt, first.gold, visits))
    return sorted(found, key=lambda problem: (-problem.spread, not problem.answers_differ))


def difference(problems: Iterable[Problem], before: int, after: int) -> Difference:
    """Run `after` against run `before`, on the problems that both have met."""
    pairs = [(problem.visits[before], problem.visits[after]) for problem in problems]
    changes = [b.accuracy - a.accuracy for a, b in pairs if a and b]
    n = len(changes)
    mean = sum(changes) / n if n else math.nan
    error = math.sqrt(sum((c - mean) ** 2 for c in changes) / (n - 1) / n) if n > 1 else math.nan
    return Difference(n, sum(c > 0 for c in changes), sum(c < 0 for c in changes), mean, error)


def confirmed_answer(record: ScoredRollout) -> tuple[str, bool] | None:
    """The answer of the last attempt that the model's own verification called correct, and whether it is right."""
    attempt, found = None, None
    for action in record.actions:
        if action.kind == "solve":
            attempt = action
        elif action.verdict is Verdict.CORRECT and attempt is not None and attempt.answer is not None:
            found = attempt.answer, bool(attempt.check)
    return found


def _key_of(runs: Sequence[Sequence[Rollout]]) -> Callable[[Rollout], Key]:
    golds = [{rollout.problem_id: gold_text(rollout.gold) for rollout in run} for run in runs]
    agree = disagree = 0
    for one, other in combinations(golds, 2):
        same = sum(one[name] == other[name] for name in one.keys() & other.keys())
        agree += same
        disagree += len(one.keys() & other.keys()) - same
    if agree > disagree:
        return lambda rollout: (rollout.problem_id, gold_text(rollout.gold))
    return lambda rollout: ("", " ".join(rollout.prompt.split()) or rollout.problem_id)


def _latest(run: Sequence[Rollout], key: Callable[[Rollout], Key]) -> dict[Key, list[int]]:
    """Per problem the places, in the run, of its samples at its latest step."""
    met: dict[Key, list[int]] = {}
    for place, rollout in enumerate(run):
        met.setdefault(key(rollout), []).append(place)
    latest = {}
    for name, places in met.items():
        last = max((step for p in places if (step := run[p].step) is not None), default=None)
        latest[name] = [p for p in places if run[p].step == last]
    return latest


def _visit(run: Sequence[Rollout], places: Sequence[int], start: int) -> Visit:
    records = [record for p in places if (record := run[p].s2r) is not None]
    right = sum(record.correct[-1:] == (True,) for record in records)
    answers = [answer for record in records if (answer := confirmed_answer(record)) is not None]
    confirmed = None
    if answers:
        most, _ = Counter(text for text, _ in answers).most_common(1)[0]
        same = [is_right for text, is_right in answers if text == most]
        confirmed = most, len(same), all(same)
    return Visit(tuple(start + p for p in places), run[places[0]].step, right / len(places), confirmed)
