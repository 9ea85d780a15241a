"""GiGPO: the return of the response, and of every step among those that started from the same state.

A = A_E + ω·A_S. A_E = Σ R − its mean over the prompt's responses (of a prompt's only response Σ R itself); A_S = G_t −
its mean over the prompt's actions with the same anchor state, G_t = Σ γ^{k−t} R_k; ω = 1, γ = 0.95. No σ (`mean_norm`).
Source: arXiv:2505.10978; gigpo/core_gigpo.py, most scripts.
Caveat: the anchor is the reward context here, the state of the environment there. A state seen once has A_S = 0; the
means hold the action itself. R = ±1: with rewards ≥ 0 every further turn would be worth something.
"""

from collections.abc import Hashable, Sequence

from s2r_rewards.advantages import subtract
from s2r_rewards.baselines import none, reward_context
from s2r_rewards.baselines.base import Values
from s2r_rewards.methods.base import Method
from s2r_rewards.methods.later.return_to_go import to_go
from s2r_rewards.methods.statistics import normalised
from s2r_rewards.scored import ScoredRollout

OMEGA, GAMMA = 1.0, 0.95


def group_in_group(batch: Sequence[ScoredRollout], prompts: Sequence[Hashable]) -> Values:
    """A_E + ω·A_S of every action."""
    rewards = [item.rewards for item in batch]
    returns = [to_go(row, GAMMA) for row in rewards]
    steps = subtract(returns, reward_context(rewards, prompts, values=returns))
    episodes = normalised([sum(row) for row in rewards], prompts, plus=None, alone=True)
    return tuple(tuple(whole + OMEGA * step for step in row) for whole, row in zip(episodes, steps, strict=True))


GIGPO = Method("gigpo", "arXiv:2505.10978", baseline=none, estimator=group_in_group, ratio="token")
