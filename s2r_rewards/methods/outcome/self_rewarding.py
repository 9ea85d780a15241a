"""Self-rewarding correction: the response as a whole earns whether it ends with the right answer.

R = o ∈ {0, 1} (Eq. 2); verdicts earn nothing of their own.
Source: arXiv:2502.19613, §3.2 and §5.6.
Caveat: a critic gives the baseline there (PPO, with a KL term of 0.001 per step); here it is 0: set `baseline=rloo` to
compare with something. Paying 1.5 for a response that starts wrong and ends right was hacked within 150 steps there:
first attempts fell to 18.6 % while final answers stood at 77.6 % on MATH500.
"""

from functools import partial

from s2r_rewards.baselines import none
from s2r_rewards.methods.base import Method
from s2r_rewards.rewards import every_action, unit_outcome

SELF_REWARDING = Method(
    "self-rewarding",
    "Eq. 2, arXiv:2502.19613",
    rewards=partial(every_action, outcome=unit_outcome),
    outcome=unit_outcome,
    baseline=none,
    level="outcome",
    groups="prompt",
    ratio="token",
)
