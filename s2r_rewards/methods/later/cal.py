"""CAL (derived): an attempt is credited with whether it or any later one is right.

G(s_k) = max_{j≥k} r_j, minus the mean of the other responses of the prompt that reached attempt k (0 without any);
verifications have advantage 0.
Source: *derived* for the objective of arXiv:2604.17912, P(some attempt ≤ K is right) under a verifier that is always
right; the weights of the paper itself were not found. The expected weight of attempt k is P(all later ones fail).
Caveat: ours, not theirs. Exact where a hard verifier decides when to stop; where the policy's own verdict does, the
verdict is not credited with stopping at the wrong place.
"""

from collections.abc import Sequence
from itertools import accumulate

from s2r_rewards.baselines import position
from s2r_rewards.judging import JudgedTrajectory
from s2r_rewards.methods.base import Method
from s2r_rewards.rewards import unit_outcome, unit_rewards


def attempts_only(judged: JudgedTrajectory) -> tuple[float, ...]:
    """r_j for attempts, 0 for verifications."""
    return tuple(0.0 if t % 2 else reward for t, reward in enumerate(unit_rewards(judged)))


def best_to_come(rewards: Sequence[float]) -> tuple[float, ...]:
    """max_{j≥k} r_j for attempt k, 0 for verifications."""
    best = tuple(accumulate(reversed(rewards), max))[::-1]
    return tuple(0.0 if t % 2 else value for t, value in enumerate(best))


CAL = Method(
    "cal",
    "derived, for the objective of arXiv:2604.17912",
    rewards=attempts_only,
    outcome=unit_outcome,
    baseline=position.with_settings(leave_one_out=True),
    groups="prompt",
    returns=best_to_come,
    ratio="token",
)
