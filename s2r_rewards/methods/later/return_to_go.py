"""Return-to-go: S²R's rewards and contexts, but an action is credited with all that follows.

G_t = Σ_{k≥t} R_k with R = ±1; A_t = G_t − mean of G over the batch's other actions with the same reward context, 0
where there is none.
Source: the policy-gradient theorem; ours beside arXiv:2502.12853, which credits an action with its own reward only.
Caveat: exactly the gradient of E[Σ R] (docs/bias.md), at a higher variance. Never with rewards ≥ 0: every further turn
is then worth something, and a false verdict "incorrect" buys one.
"""

from collections.abc import Sequence
from itertools import accumulate

from s2r_rewards.baselines import reward_context
from s2r_rewards.methods.base import Method


def to_go(rewards: Sequence[float], gamma: float = 1.0) -> tuple[float, ...]:
    """Σ_{k≥t} γ^{k−t} R_k of every action."""
    return tuple(accumulate(reversed(rewards), lambda later, reward: reward + gamma * later))[::-1]


RETURN_TO_GO = Method(
    "return-to-go",
    "policy gradient with the contexts of Eq. 4, arXiv:2502.12853",
    baseline=reward_context.with_settings(leave_one_out=True),
    returns=to_go,
)
