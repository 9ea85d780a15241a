"""MT-GRPO: the first turn is credited with its own reward besides the outcome.

Over the prompt's responses Â(x) = (x − μ)/(σ + 1e-4). Actions of the first turn: Â(R_O) + λ·Â(R_T); later ones: Â(R_O);
of a response with one turn only: Â(R_O + R_T). R_T = r_1, R_O = o, in {0, 1}; λ = 1; 21 samples.
Source: arXiv:2505.11821, first version's code: SiliangZeng/Multi-Turn-RL-Agent, mt_grpo_env_trainer.py:105.
Caveat: a turn ends with a tool's result there; here with the verification of the first attempt, and the mapping of the
rewards is ours. The two branches are divided by different σ, and which one applies is the policy's own choice: biased.
"""

from collections.abc import Hashable, Sequence

from s2r_rewards.baselines import none
from s2r_rewards.baselines.base import Values
from s2r_rewards.methods.base import Method
from s2r_rewards.methods.statistics import normalised
from s2r_rewards.rewards import unit_outcome, unit_rewards
from s2r_rewards.scored import ScoredRollout

LAMBDA, PLUS = 1.0, 1e-4


def two_turns(batch: Sequence[ScoredRollout], prompts: Sequence[Hashable]) -> Values:
    """The advantage of every action, by the turn that it belongs to."""
    attempts = [item.rewards[::2] for item in batch]
    first = [row[0] if row else 0.0 for row in attempts]
    last = [row[-1] if row else 0.0 for row in attempts]
    both = [a + b for a, b in zip(first, last, strict=True)]
    turn, outcome, whole = (normalised(values, prompts, PLUS) for values in (first, last, both))

    def row(i: int, count: int) -> tuple[float, ...]:
        if count <= 2:  # one attempt and its verification
            return (whole[i],) * count
        return (outcome[i] + LAMBDA * turn[i],) * 2 + (outcome[i],) * (count - 2)

    return tuple(row(i, len(item.rewards)) for i, item in enumerate(batch))


MT_GRPO = Method(
    "mt-grpo",
    "arXiv:2505.11821",
    rewards=unit_rewards,
    outcome=unit_outcome,
    baseline=none,
    estimator=two_turns,
    ratio="token",
)
