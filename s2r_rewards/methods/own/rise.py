"""RISE: attempts and verifications earn one of three values, trained together.

R(s) = 1 if right, −0.5 if wrong, −1 without an answer; R(v) = 1 if the verdict is true, −0.5 if false, −1 without one.
Source: arXiv:2505.13445; xyliu-cs/RISE, verl_utils/reward.
Caveat: a critic gives the baseline there (PPO with GAE); here it is 0: set `baseline` to compare with something, such
as `reward_context`. A verification is a prompt of its own there (problem and response, 128 beside 1,024 problems in a
batch, 8 samples, KL 0.01), here an action. The three values are asymmetric: a coin toss loses.
"""

from s2r_rewards.baselines import none
from s2r_rewards.judging import JudgedTrajectory
from s2r_rewards.methods.base import Method
from s2r_rewards.rewards import unit_outcome, unit_rewards


def three_values(judged: JudgedTrajectory, wrong: float = -0.5, missing: float = -1.0) -> tuple[float, ...]:
    """1, ``wrong``, or ``missing`` where an attempt states no answer or a verification no verdict."""
    earned = []
    for action, unit in zip(judged.trajectory.scored, unit_rewards(judged), strict=True):
        said = action.answer if action.kind == "solve" else action.verdict
        earned.append(missing if said is None else 1.0 if unit else wrong)
    return tuple(earned)


RISE = Method("rise", "arXiv:2505.13445", rewards=three_values, outcome=unit_outcome, baseline=none, ratio="token")
