"""GDPO: every component of the reward is normalised by itself before they are added.

A = Σ_k w_k (x_k − μ_k)/(σ_k + 1e-6) over the prompt's responses, w = 1; then whitened over all tokens of the batch.
Source: arXiv:2601.05242; verl, core_algos.py:361.
Caveat: which components is ours: whether the last attempt is right, and the share of true verdicts (0 without any). A
prompt's only response is compared with 0. Whitening adds a constant to all advantages, and so a pull on length.
"""

from collections.abc import Hashable, Sequence

from s2r_rewards.baselines import none
from s2r_rewards.baselines.base import Values
from s2r_rewards.methods.base import Method
from s2r_rewards.methods.statistics import normalised, token_counts, whitened
from s2r_rewards.rewards import unit_outcome, unit_rewards
from s2r_rewards.scored import ScoredRollout

WEIGHTS = (1.0, 1.0)
"""Of the last answer and of the verdicts."""


def components(item: ScoredRollout) -> tuple[float, float]:
    """(last attempt right, share of true verdicts), each in [0, 1]."""
    attempts, verdicts = item.rewards[::2], item.rewards[1::2]
    return (attempts[-1] if attempts else 0.0), (sum(verdicts) / len(verdicts) if verdicts else 0.0)


def decoupled(batch: Sequence[ScoredRollout], prompts: Sequence[Hashable]) -> Values:
    """One advantage a response, the same for all its actions."""
    columns = [normalised(column, prompts, 1e-6, alone=True) for column in zip(*map(components, batch), strict=True)]
    sums = [sum(w * x for w, x in zip(WEIGHTS, row, strict=True)) for row in zip(*columns, strict=True)]
    rows = tuple((total,) * len(item.rewards) for total, item in zip(sums, batch, strict=True))
    return whitened(rows, [token_counts(item) for item in batch])


GDPO = Method(
    "gdpo",
    "arXiv:2601.05242",
    rewards=unit_rewards,
    outcome=unit_outcome,
    baseline=none,
    estimator=decoupled,
    ratio="token",
)
