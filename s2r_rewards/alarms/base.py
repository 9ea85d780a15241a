"""The skeleton of an alarm: a share of cases, with the rollouts that show it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from s2r_rewards.judging import JudgedTrajectory

MAX_EVIDENCE = 5
CaseFunction = Callable[[JudgedTrajectory, str], Iterable[bool]]
"""(judged trajectory, its prompt or "") → for every case in it, whether it shows the sign"""


@dataclass(frozen=True)
class Alarm:
    """The state of one alarm. `evidence` are indices into the batch, the clearest cases first."""

    name: str
    title: str
    formula: str
    threshold: float
    value: float  # nan: no cases
    count: int  # cases that could have counted
    evidence: tuple[int, ...]
    fired: bool
    step: int | None = None
    """The first training step at which it fired; None where steps are not known, or it is quiet."""
    now: float | None = None
    """The value at the latest step of a run; `value` is that of the step at which it fired first."""

    @property
    def metric(self) -> str:
        """The name under which a tracker shows it."""
        return f"s2r/alarm/{self.name}"


@dataclass(frozen=True)
class Rule:
    """Fires when the share of cases that show the sign reaches `threshold`, over at least `min_count` cases."""

    title: str
    formula: str
    threshold: float
    cases: CaseFunction
    min_count: int = 20

    @property
    def name(self) -> str:
        """That of the function that lists the cases."""
        return self.cases.__name__

    def count(self, judged: JudgedTrajectory, prompt: str) -> tuple[int, int]:
        """(cases, signs) of one trajectory."""
        cases = list(self.cases(judged, prompt))
        return len(cases), sum(map(bool, cases))

    def fires(self, value: float, cases: int) -> bool:
        """Whether a share of so many cases is a reason to look."""
        return cases >= self.min_count and value >= self.threshold

    def alarm(self, value: float, cases: int, evidence: Sequence[int] = ()) -> Alarm:
        """The alarm of a share of so many cases; ``evidence``: the clearest of them."""
        fired = self.fires(value, cases)
        return Alarm(self.name, self.title, self.formula, self.threshold, value, cases, tuple(evidence), fired)


def rule(title: str, formula: str, threshold: float, min_count: int = 20) -> Callable[[CaseFunction], Rule]:
    """Make a function that lists cases a rule, under its own name."""
    return lambda cases: Rule(title, formula, threshold, cases, min_count)
