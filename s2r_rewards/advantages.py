"""Advantages = rewards − baselines, then the preset's bonuses. The KL term joins in ``losses`` (it needs log-probs)."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence

from s2r_rewards.baselines import accuracy_group, reward_context, rloo, running
from s2r_rewards.presets import Preset, get_preset

ActionValues = tuple[tuple[float, ...], ...]
"""One value per action, per trajectory."""
Baseline = Callable[..., tuple]


def outcome_advantages(
    rewards: Sequence[float],
    groups: Sequence[Hashable] | None = None,
    baseline: Baseline = rloo,
) -> tuple[float, ...]:
    """A(y_m) = R_o(y_m) − b(y_m); by default RLOO over the samples of a prompt (§3.2, arXiv:2502.12853).

    >>> outcome_advantages([1.0, 1.0, -1.0, -1.0])[0]
    1.3333333333333333
    """
    return tuple(r - b for r, b in zip(rewards, baseline(rewards, groups), strict=True))


def process_advantages(
    rewards: Sequence[Sequence[float]],
    groups: Sequence[Hashable] | None = None,
    preset: str | Preset = "paper",
    baseline: Baseline | None = None,
) -> ActionValues:
    """A(a_t) = R(a_t) − b(a_t) (Eq. 5 without its KL term, arXiv:2502.12853), then the preset's bonuses.

    Args:
        rewards: per-trajectory action rewards, alternating attempt, verification, attempt, …
        groups: passed on to the baseline; the paper's shares contexts over the whole batch (None).
        preset: ``"paper"``, ``"released"`` or a Preset.
        baseline: (rewards, groups) → baselines. Default: the preset's. The ``released`` preset's default is
            stateful: pass the RunningBaseline that you keep (``running(...)``); a fresh one knows nothing and
            subtracts 0.

    Returns:
        Advantages in the shape of ``rewards``.
    """
    rules = get_preset(preset)
    if baseline is not None:
        baselines = baseline(rewards, groups)
    elif rules.process_baseline == "running":
        baselines = running(min_count=rules.min_count)(rewards, groups)
    else:
        baselines = reward_context(rewards, groups, min_count=rules.min_count)
    return _with_bonuses(rewards, subtract(rewards, baselines), rules)


def offline_advantages(
    rewards: Sequence[Sequence[float]],
    accuracy: Sequence[float],
    by: str = "position",
    min_count: int = 1,
    bins: int = 10,
    preset: str | Preset = "paper",
) -> ActionValues:
    """A(a_t) = R(a_t) − b(accuracy group, a_t) for stored rollouts (appendix F.1, arXiv:2502.12853).

    Args:
        accuracy: the accuracy of each trajectory's prompt, in [0, 1].
        by: ``"position"`` (F.1.1), ``"context"`` (F.1.2) or ``"outcome"``.
    """
    baselines = accuracy_group(rewards, accuracy, by=by, bins=bins, min_count=min_count)
    return _with_bonuses(rewards, subtract(rewards, baselines), get_preset(preset))


def subtract(rewards: Sequence[Sequence[float]], baselines: Sequence[Sequence[float]]) -> ActionValues:
    """Element by element; raises ValueError where the shapes differ."""
    return tuple(
        tuple(r - b for r, b in zip(row, base, strict=True))
        for row, base in zip(rewards, baselines, strict=True)
    )


def _with_bonuses(
    rewards: Sequence[Sequence[float]], advantages: ActionValues, preset: Preset
) -> ActionValues:
    """The authors' code multiplies after the baseline is subtracted, so a bonus scales good and bad alike."""
    change, right = preset.change_bonus, preset.right_verification_bonus
    if change == 1.0 and right == 1.0:
        return advantages

    def factor(row: Sequence[float], t: int) -> float:
        if t % 2:  # a verification: the attempt before it is right
            return right if row[t - 1] > 0 else 1.0
        return change if t and (row[t] > 0) != (row[t - 2] > 0) else 1.0

    return tuple(
        tuple(a * factor(row, t) for t, a in enumerate(values))
        for row, values in zip(rewards, advantages, strict=True)
    )
