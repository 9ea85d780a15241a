"""A toy in which the policy decides when to stop, small enough to enumerate every batch of responses.

An attempt is right with probability p = σ(a), a verdict is true with probability q = σ(f); the response ends after the
verdict "correct", or after K attempts.
"""

from __future__ import annotations

import itertools
import math
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache

from s2r_rewards import JudgedTrajectory
from s2r_rewards.answers import CheckResult
from s2r_rewards.baselines.base import Values
from s2r_rewards.scored import ScoredRollout
from s2r_rewards.trajectory import Action, Trajectory, Verdict

Number = Fraction | float
Gradient = tuple[Number, Number]
"""∂/∂a, ∂/∂f"""


@dataclass(frozen=True)
class Toy:
    """p, q, and the most attempts a response can have."""

    p: Fraction = Fraction(3, 4)
    q: Fraction = Fraction(3, 4)
    attempts: int = 2

    def responses(self) -> Iterator[tuple[tuple[tuple[bool, bool], ...], Fraction]]:
        """Every response as its (attempt right, verdict true) pairs, with its probability."""
        yield from self._from((), Fraction(1))

    def _from(
        self, pairs: tuple[tuple[bool, bool], ...], before: Fraction
    ) -> Iterator[tuple[tuple[tuple[bool, bool], ...], Fraction]]:
        for right, true in itertools.product((True, False), repeat=2):
            weight = before * (self.p if right else 1 - self.p) * (self.q if true else 1 - self.q)
            now = (*pairs, (right, true))
            if right == true or len(now) == self.attempts:  # said "correct": right and true, or wrong and false
                yield now, weight
            else:
                yield from self._from(now, weight)

    def scores(self, pairs: Sequence[tuple[bool, bool]]) -> list[Gradient]:
        """∇ log π of every action: 1 − p where the attempt is right, −p where not; q and verdicts alike."""
        return [
            score for right, true in pairs for score in ((right - self.p, Fraction(0)), (Fraction(0), true - self.q))
        ]


def judged(pairs: Sequence[tuple[bool, bool]]) -> JudgedTrajectory:
    """The response of these pairs, without its text."""
    actions: list[Action] = []
    for right, true in pairs:
        verdict = Verdict.CORRECT if right == true else Verdict.INCORRECT
        actions += [Action("solve", 0, 0, "1" if right else "0"), Action("verify", 0, 0, verdict=verdict)]
    checks = tuple(CheckResult("correct" if right else "incorrect", "toy") for right, _ in pairs)
    return JudgedTrajectory(Trajectory("", tuple(actions)), "1", checks)


@lru_cache(maxsize=100_000)
def exactly(value: float) -> Number:
    """The fraction that a float stands for, where it has a small denominator; else the float."""
    found = Fraction(value).limit_denominator(100_000)
    return found if abs(float(found) - value) <= 1e-14 * max(1.0, abs(value)) else value


def added(rows: Sequence[Sequence[Number]], scores: Sequence[Sequence[Gradient]]) -> Gradient:
    """Σ A_t ∇ log π(a_t)."""
    pairs = [pair for row, one in zip(rows, scores, strict=True) for pair in zip(row, one, strict=True)]
    return sum((a * s[0] for a, s in pairs), Fraction(0)), sum((a * s[1] for a, s in pairs), Fraction(0))


def expected(
    toy: Toy,
    advantages: Callable[[list[ScoredRollout]], Values],
    score: Callable[[JudgedTrajectory], ScoredRollout],
    responses: int,
    ordered: bool = False,
) -> Gradient:
    """E[1/N Σ A_t ∇ log π(a_t)] over every batch of N responses; each set once unless the order counts."""
    known = [(score(judged(pairs)), weight, toy.scores(pairs)) for pairs, weight in toy.responses()]
    batches = itertools.product if ordered else itertools.combinations_with_replacement
    kinds = range(len(known))
    total: list[Number] = [Fraction(0), Fraction(0)]
    for batch in batches(kinds, repeat=responses) if ordered else batches(kinds, responses):
        ways = 1 if ordered else math.factorial(responses)
        for count in () if ordered else Counter(batch).values():
            ways //= math.factorial(count)
        weight = math.prod((known[i][1] for i in batch), start=Fraction(ways, responses))
        rows = [[exactly(a) for a in row] for row in advantages([known[i][0] for i in batch])]
        for k, part in enumerate(added(rows, [known[i][2] for i in batch])):
            total[k] += weight * part
    return total[0], total[1]
