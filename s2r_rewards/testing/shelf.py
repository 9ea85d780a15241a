"""A shelf of trajectories with their gold answers and hand-computed rewards, baselines and advantages."""

from __future__ import annotations

from dataclasses import dataclass

from s2r_rewards.baselines.base import Values
from s2r_rewards.testing.builders import Script, solve


@dataclass(frozen=True)
class Case:
    """One trajectory; `rewards` has one ±1 per solve and verify action, `outcome` is the last attempt's."""

    name: str
    script: Script
    gold: str
    rewards: tuple[float, ...]
    outcome: float
    deviations: tuple[str, ...] = ()
    finished: bool | None = True

    @property
    def text(self) -> str:
        """The response in the paper's grammar."""
        return self.script.text()


@dataclass(frozen=True)
class Oracle:
    """The batch of five trajectories whose every figure was computed by hand (KL coefficient 0)."""

    cases: tuple[Case, ...]
    context_baselines: Values
    context_advantages: Values
    context_leave_one_out: Values  # baselines; a context seen once has none and gets 0
    position_baselines: Values
    position_advantages: Values
    rloo_advantages: tuple[float, ...]  # of the outcomes, the five taken as one prompt's group
    metrics: dict[str, float]

    @property
    def rewards(self) -> Values:
        """Action rewards, one tuple per trajectory."""
        return tuple(case.rewards for case in self.cases)

    @property
    def outcomes(self) -> tuple[float, ...]:
        """Outcome rewards, one per trajectory."""
        return tuple(case.outcome for case in self.cases)


_T1 = Case("right and confirmed", solve("5").verify("correct"), "5", (1, 1), 1)
_T2 = Case(
    "corrected after a rejection", solve("4").verify("incorrect").solve("5").verify("correct"), "5", (-1, 1, 1, 1), 1
)
_T3 = Case("wrong but confirmed", solve("4").verify("correct"), "5", (-1, -1), -1)
_T4 = Case(
    "right, doubted, lost and found again",
    solve("5").verify("incorrect").solve("4").verify("incorrect").solve("5").verify("correct"),
    "5",
    (1, -1, -1, 1, 1, 1),
    1,
)
_T5 = Case(
    "wrong twice, the second confirmed",
    solve("4").verify("incorrect").solve("6").verify("correct"),
    "5",
    (-1, 1, -1, -1),
    -1,
)

ORACLE = Oracle(
    cases=(_T1, _T2, _T3, _T4, _T5),
    context_baselines=(
        (-0.2, 0.0),
        (-0.2, 1 / 3, 0.0, 1.0),
        (-0.2, 1 / 3),
        (-0.2, 0.0, -1.0, 1.0, 1.0, 1.0),
        (-0.2, 1 / 3, 0.0, -1.0),
    ),
    context_advantages=(
        (1.2, 1.0),
        (-0.8, 2 / 3, 1.0, 0.0),
        (-0.8, -4 / 3),
        (1.2, -1.0, 0.0, 0.0, 0.0, 0.0),
        (-0.8, 2 / 3, -1.0, 0.0),
    ),
    context_leave_one_out=(
        (-0.5, -1.0),
        (0.0, 0.0, -1.0, 0.0),
        (0.0, 1.0),
        (-0.5, 1.0, 0.0, 0.0, 0.0, 0.0),
        (0.0, 0.0, 1.0, 0.0),
    ),
    position_baselines=(
        (-0.2, 0.2),
        (-0.2, 0.2, -1 / 3, 1 / 3),
        (-0.2, 0.2),
        (-0.2, 0.2, -1 / 3, 1 / 3, 1.0, 1.0),
        (-0.2, 0.2, -1 / 3, 1 / 3),
    ),
    position_advantages=(
        (1.2, 0.8),
        (-0.8, 0.8, 4 / 3, 2 / 3),
        (-0.8, -1.2),
        (1.2, -1.2, -2 / 3, 2 / 3, 0.0, 0.0),
        (-0.8, 0.8, -2 / 3, -4 / 3),
    ),
    rloo_advantages=(1.0, 1.0, -1.5, 1.0, -1.5),
    metrics={
        "s2r/outcome/accuracy": 0.6,
        "s2r/attempt/first_accuracy": 0.4,
        "s2r/verify/accuracy": 6 / 9,
        "s2r/verify/error_recall": 0.6,
        "s2r/verify/correct_precision": 0.6,
        "s2r/correct/i2c": 1 / 3,
        "s2r/correct/c2i": 0.0,
        "s2r/trials/mean": 1.8,
    },
)

SHELF: tuple[Case, ...] = (
    *ORACLE.cases,
    Case(
        "right answer abandoned", solve("5").verify("incorrect").solve("4").verify("correct"), "5", (1, -1, -1, -1), -1
    ),
    Case("right, never verified", solve("5"), "5", (1,), 1, ("missing_verification",)),
    Case("stops after a rejection", solve("4").verify("incorrect"), "5", (-1, 1), -1, ("stopped_after_rejection",)),
    Case(
        "cut off in the second attempt",
        solve("4").verify("incorrect").solve(None),
        "5",
        (-1, 1, -1),
        -1,
        ("missing_answer", "no_end"),
        finished=False,
    ),
    Case(
        "goes on after a confirmation",
        solve("5").verify("correct").solve("5").verify("correct"),
        "5",
        (1, 1, 1, 1),
        1,
        ("retry_after_confirmation",),
    ),
    Case("no answer", solve(None).verify("correct"), "5", (-1, -1), -1, ("missing_answer",)),
)
