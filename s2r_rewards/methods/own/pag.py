"""PAG: the policy as generative verifier, with rewards of its own for each role.

R(s_1) = r_1; R(s_j) = r_j + α(r_j − r_{j−1}); R(v_j) = t_j, all in {0, 1}. Then RoleAdvNorm: (A − μ)/√(var + 1e-8)
over all tokens of the batch that belong to the same role. α = 1 as in the published script (10 in the configuration,
and off unless `policy_rs`); clip 0.2 below and 0.28 above; no KL term; 4 samples a prompt.
Source: arXiv:2506.10406; 1171-jpg/Policy-As-GenVerifier, pag.py, torch_functional.py:161.
Caveat: a critic gives the values there (GAE restarted at every turn, so that no reward crosses one); here they are 0.
Long actions weigh more in μ and var, and one key for all actions of a role is biased (docs/bias.md). Attempts and
verifications are turns with prompts of their own there, and a retry follows a verdict "wrong" only.
"""

from collections.abc import Hashable, Sequence
from functools import partial

from s2r_rewards.baselines import none
from s2r_rewards.baselines.base import Values
from s2r_rewards.methods.base import Method
from s2r_rewards.methods.statistics import token_counts, whitened
from s2r_rewards.rewards import progress_rewards, unit_outcome
from s2r_rewards.scored import ScoredRollout

ALPHA = 1.0


def role_normalised(batch: Sequence[ScoredRollout], prompts: Sequence[Hashable]) -> Values:
    """RoleAdvNorm of the rewards; the prompts play no part."""
    rows = [list(item.rewards) for item in batch]
    tokens = [token_counts(item) for item in batch]
    for first in (0, 1):  # attempts, verifications
        values = tuple(tuple(row[first::2]) for row in rows)
        for row, new in zip(rows, whitened(values, [one[first::2] for one in tokens]), strict=True):
            row[first::2] = new
    return tuple(map(tuple, rows))


PAG = Method(
    "pag",
    "RoleAdvNorm, arXiv:2506.10406",
    rewards=partial(progress_rewards, alpha=ALPHA),
    outcome=unit_outcome,
    baseline=none,
    estimator=role_normalised,
    ratio="token",
    clip=(0.2, 0.28),
)
