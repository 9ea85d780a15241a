"""Rewards of ±1 from a judged trajectory. The one place where a typed check becomes a number."""

from __future__ import annotations

from s2r_rewards.judging import JudgedTrajectory
from s2r_rewards.trajectory import Verdict


def outcome_reward(judged: JudgedTrajectory, no_end_penalty: bool = False) -> float:
    """R_o(y) = +1 if the last attempt is right, else −1 (§3.2, outcome-level RL, arXiv:2502.12853).

    An answer that is missing, ungradable, malformed or timed out is not right: −1, and its check says why.

    Args:
        no_end_penalty: a response known to be cut off earns −1 whatever its last attempt says.
    """
    if no_end_penalty and judged.trajectory.ended is False:
        return -1.0
    return 1.0 if judged.last_correct else -1.0


def action_rewards(judged: JudgedTrajectory, no_end_penalty: bool = False) -> tuple[float, ...]:
    """R(s_j) = +1 iff V_golden(s_j) = correct; R(v_j) = +1 iff Parser(v_j) = V_golden(s_j); else −1.

    (§3.2, process-level RL, arXiv:2502.12853.)  A verification without a verdict agrees with nothing: −1.

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
    """R_o(y) for every attempt and verification: the whole response is one decision (§3.2, arXiv:2502.12853)."""
    return (outcome_reward(judged, no_end_penalty),) * len(judged.trajectory.scored)
