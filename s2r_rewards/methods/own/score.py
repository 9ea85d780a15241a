"""SCoRe, second stage: a bonus for the attempt that mends, a fine for the one that breaks.

R(s_1) = r_1; R(s_j) = r_j + α(r_j − r_{j−1}), r ∈ {0, 1}, α = 10; verifications earn 0; REINFORCE without a baseline.
Source: arXiv:2409.12917, stage II; partly from memory and from secondary pages.
Caveat: two attempts with a fixed prompt between them there, and no verification. The bonus telescopes
(Σ α(r_j − r_{j−1}) = α(r_k − r_1)), so with return-to-go the first attempt would be paid to be wrong: its own reward
only. Not here: the first stage, which maximises r_2 with a KL term on the first attempt alone (β₂ = 0.1 for maths), and
the small KL term of the second (β₁ = 0.01): set the trainer's own.
"""

from functools import partial

from s2r_rewards.baselines import none
from s2r_rewards.methods.base import Method
from s2r_rewards.rewards import progress_rewards, unit_outcome

ALPHA = 10.0

SCORE = Method(
    "score",
    "stage II, arXiv:2409.12917",
    rewards=partial(progress_rewards, alpha=ALPHA, verification=0.0),
    outcome=unit_outcome,
    baseline=none,
    ratio="token",
)
