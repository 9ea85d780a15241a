"""Rewards from a judged trajectory. The one place where a typed check becomes a number."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from s2r_rewards.judging import JudgedTrajectory
from s2r_rewards.trajectory import Verdict


def outcome_reward(judged: JudgedTrajectory, no_end_penalty: bool = False) -> float:
    """R_o(y) = +1 if the last attempt is right, else −1 (§2.3.1, outcome-level RL, arXiv:2502.12853).

    An answer that is missing, ungradable, malformed or timed out is not right: −1, and its check says why.

    Args:
        no_end_penalty: a response known to be cut off earns −1 whatever its last attempt says.
    """
    if no_end_penalty and judged.trajectory.ended is False:
        return -1.0
    return 1.0 if judged.last_correct else -1.0


def action_rewards(judged: JudgedTrajectory, no_end_penalty: bool = False) -> tuple[float, ...]:
    """R(s_j) = +1 iff V_golden(s_j) = correct; R(v_j) = +1 iff Parser(v_j) = V_golden(s_j); else −1.

    (§2.3.2, process-level RL, arXiv:2502.12853.)  A verification without a verdict agrees with nothing: −1.

    Args:
        no_end_penalty: the last action of a response known to be cut off (``trajectory.ended`` is False) earns −1.
            (The authors' code does that to the *advantage*: :mod:`s2r_rewards.methods.released`.)

    Returns:
        One ±1 per attempt and verification, in order; ``end`` earns nothing.
    """
    rewards = []
    attempt = 0
    for action in judged.trajectory.scored:
        if action.kind == "solve":
            right = bool(judged.checks[attempt])
            attempt += 1
        else:
            truth = Verdict.CORRECT if judged.checks[attempt - 1] else Verdict.INCORRECT
            right = action.verdict is truth
        rewards.append(1.0 if right else -1.0)
    if no_end_penalty and rewards and judged.trajectory.ended is False:
        rewards[-1] = -1.0
    return tuple(rewards)


def outcome_per_action(judged: JudgedTrajectory, no_end_penalty: bool = False) -> tuple[float, ...]:
    """R_o(y) for every attempt and verification: the whole response is one decision (§2.3.1, arXiv:2502.12853)."""
    return every_action(judged, partial(outcome_reward, no_end_penalty=no_end_penalty))


def unit_rewards(judged: JudgedTrajectory) -> tuple[float, ...]:
    """r_j, t_j ∈ {0, 1}: 1 for an attempt that is right and for a verdict that is true. :func:`action_rewards` as 0/1."""
    return tuple(float(reward > 0) for reward in action_rewards(judged))


def unit_outcome(judged: JudgedTrajectory) -> float:
    """o ∈ {0, 1}: whether the last attempt is right."""
    return float(judged.last_correct)


def every_action(judged: JudgedTrajectory, outcome: Callable[[JudgedTrajectory], float]) -> tuple[float, ...]:
    """The reward of the response, for every attempt and verification."""
    return (outcome(judged),) * len(judged.trajectory.scored)


def progress_rewards(judged: JudgedTrajectory, alpha: float, verification: float = 1.0) -> tuple[float, ...]:
    """R(s_1) = r_1, R(s_j) = r_j + α(r_j − r_{j−1}), R(v_j) = ``verification`` · t_j, with r_j, t_j ∈ {0, 1}.

    The shaping of SCoRe (arXiv:2409.12917) and PAG (arXiv:2506.10406): a retry that mends earns 1 + α, one that breaks
    what was right −α.
    """
    unit = unit_rewards(judged)
    return tuple(verification * r if t % 2 else r + alpha * (r - unit[t - 2]) if t else r for t, r in enumerate(unit))
