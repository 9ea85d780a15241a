"""judge(trajectory, gold) → JudgedTrajectory: V_golden meets each attempt's answer once (§2.1, arXiv:2502.12853)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from s2r_rewards import answers
from s2r_rewards.answers.gold import BatchChecker as BatchChecker
from s2r_rewards.answers.gold import Gold as Gold
from s2r_rewards.answers.gold import TypedGold
from s2r_rewards.answers.result import CheckResult
from s2r_rewards.fresh import maker
from s2r_rewards.trajectory import Trajectory, Verdict

Checker = Callable[[Gold, str], CheckResult]
"""(gold, answer) → CheckResult"""

NO_ANSWER = CheckResult("malformed", "extraction", "the attempt states no answer")


@dataclass(frozen=True, slots=True)
class JudgedTrajectory:
    """A trajectory and what V_golden says of each of its attempts, in order."""

    trajectory: Trajectory
    gold: Gold
    checks: tuple[CheckResult, ...]

    def __post_init__(self) -> None:
        attempts = sum([action.kind == "solve" for action in self.trajectory.actions])
        if len(self.checks) != attempts:
            raise ValueError(f"{len(self.checks)} checks for {attempts} attempts; expected one check an attempt")

    @property
    def verdicts(self) -> tuple[Verdict | None, ...]:
        """Parser(v_j), per verification."""
        return tuple([action.verdict for action in self.trajectory.actions if action.kind == "verify"])

    @property
    def malformed(self) -> bool:
        """Whether the response deviates from the protocol in any way."""
        return self.trajectory.malformed

    @property
    def correct(self) -> tuple[bool, ...]:
        """V_golden(s_j) = correct, per attempt. Ungradable, malformed and timed-out answers are not correct."""
        return tuple(map(bool, self.checks))

    @property
    def first_correct(self) -> bool:
        return bool(self.checks) and bool(self.checks[0])

    @property
    def last_correct(self) -> bool:
        return bool(self.checks) and bool(self.checks[-1])

    @property
    def verified(self) -> tuple[tuple[bool, Verdict | None], ...]:
        """(V_golden(s_j) = correct, Parser(v_j)) for every attempt that was verified."""
        return tuple(zip(self.correct, self.verdicts, strict=False))  # the last attempt may lack a verification


_judged = maker(JudgedTrajectory)  # for as many checks as there are attempts


class Judgement(Protocol):
    """What metrics need: a :class:`JudgedTrajectory`, or the record of one."""

    @property
    def checks(self) -> tuple[CheckResult, ...]: ...
    @property
    def verdicts(self) -> tuple[Verdict | None, ...]: ...
    @property
    def malformed(self) -> bool: ...


def judge(
    trajectory: Trajectory, gold: str | Sequence[str] | TypedGold, checker: Checker | None = None
) -> JudgedTrajectory:
    """Checks each attempt of one trajectory against the golden answer.

    Args:
        trajectory: what :func:`s2r_rewards.parse` returned.
        gold: the golden answer, e.g. ``"\\\\frac{1}{2}"``, or several answers that are all accepted.
            A :class:`s2r_rewards.answers.TypedGold` says that it is a choice, a word or a literal.
        checker: (gold, answer) → CheckResult; default :func:`s2r_rewards.answers.check_many`, which waits for
            a symbolic worker that is still starting, where a single ``check`` would report a timeout.
    """
    one_by_one = None if checker is None else lambda pairs: [checker(*pair) for pair in pairs]
    return judge_many([trajectory], [gold], one_by_one)[0]


def judge_many(
    trajectories: Iterable[Trajectory],
    golds: Iterable[str | Sequence[str] | TypedGold],
    checker_many: BatchChecker | None = None,
) -> list[JudgedTrajectory]:
    """Judges a batch in one call of the batch checker (de-duplicated; default ``answers.check_many``).

    Raises:
        ValueError: the numbers of trajectories and golden answers differ.
    """
    trajectories = list(trajectories)
    accepted: list[Gold] = [gold if isinstance(gold, (str, TypedGold)) else tuple(gold) for gold in golds]
    if len(trajectories) != len(accepted):
        raise ValueError(f"{len(trajectories)} trajectories but {len(accepted)} golden answers")
    stated = [[action.answer for action in trajectory.actions if action.kind == "solve"] for trajectory in trajectories]
    pairs = [
        (gold, answer) for gold, found in zip(accepted, stated, strict=True) for answer in found if answer is not None
    ]
    results = iter((checker_many or answers.check_many)(pairs))
    return [
        _judged(trajectory, gold, tuple([NO_ANSWER if answer is None else next(results) for answer in found]))
        for trajectory, gold, found in zip(trajectories, accepted, stated, strict=True)
    ]
