"""Advantages = rewards − baselines, and the bonuses of the released code. The KL term joins in ``losses``."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

from s2r_rewards.baselines import BaselineFunction, reward_context, rloo
from s2r_rewards.baselines.base import Values


def outcome_advantages(
    rewards: Sequence[float], groups: Sequence[Hashable] | None = None, baseline: BaselineFunction = rloo
) -> tuple[float, ...]:
    """A(y_m) = R_o(y_m) − b(y_m); by default RLOO over the samples of a prompt (§2.3.1 and Eq. 2, arXiv:2502.12853).

    >>> outcome_advantages([1.0, 1.0, -1.0, -1.0])[0]
    1.3333333333333333
    """
    return tuple(r - b for r, b in zip(rewards, baseline(rewards, groups), strict=True))


def process_advantages(
    rewards: Sequence[Sequence[float]],
    groups: Sequence[Hashable] | None = None,
    baseline: BaselineFunction = reward_context,
) -> Values:
    """A(a_t) = R(a_t) − b(a_t) (Eq. 5 without its KL term, arXiv:2502.12853).

    Args:
        rewards: per-trajectory action rewards.
        groups: passed on to the baseline; the paper's shares contexts over the whole batch (None).
        baseline: (rewards, groups) → baselines, e.g. a :class:`~s2r_rewards.baselines.Baseline` or the
            running baseline that you keep between batches.

    Returns:
        Advantages in the shape of ``rewards``.
    """
    return subtract(rewards, baseline(rewards, groups))


def subtract(rewards: Sequence[Sequence[float]], baselines: Sequence[Sequence[float]]) -> Values:
    """Element by element; raises ValueError where the shapes differ."""
    return tuple(
        [tuple([r - b for r, b in zip(row, base, strict=True)]) for row, base in zip(rewards, baselines, strict=True)]
    )


def divide(advantages: Sequence[Sequence[float]], scales: Sequence[Sequence[float]]) -> Values:
    """Element by element; 0 where the scale is not positive. Raises ValueError where the shapes differ."""
    return tuple(
        tuple(a / c if c > 0 else 0.0 for a, c in zip(row, scale, strict=True))
        for row, scale in zip(advantages, scales, strict=True)
    )


def bonuses(
    rewards: Sequence[Sequence[float]],
    advantages: Sequence[Sequence[float]],
    change: float = 2.0,
    right_verification: float = 2.0,
) -> Values:
    """Advantages times the factors of the authors' code, which multiplies after the baseline is subtracted, so that
    a bonus scales good and bad alike.

    Args:
        rewards: per-trajectory action rewards, alternating attempt, verification, attempt, …; positive: right.
        advantages: in the shape of ``rewards``.
        change: factor on a retry whose correctness differs from the previous attempt's.
        right_verification: factor on a verification whose attempt is right.
    """

    def factor(row: Sequence[float], t: int) -> float:
        if t % 2:  # a verification: the attempt before it is right
            return right_verification if row[t - 1] > 0 else 1.0
        return change if t and (row[t] > 0) != (row[t - 2] > 0) else 1.0

    return tuple(
        tuple(a * factor(row, t) for t, a in enumerate(values)) for row, values in zip(rewards, advantages, strict=True)
    )
