"""DeepSeekMath-V2's generator: a solution and its self-analysis in one response, rewarded together.

R = α·r_1 + β·t_1 of the first attempt and its verification, α = 0.76, β = 0.24; 0 without a readable pair (R_format).
A = R − μ over the prompt's responses.
Source: arXiv:2511.22570, §2.1.1–2.2.2, Eq. 1–6.
Caveat: scores are 0, ½ or 1 there and a verifier model gives them; here they are right or wrong. R_meta, which judges
the analysis itself, is 1: without it issues can be invented. Grouping and σ are not stated: the mean of the prompt, and
none. What follows the first pair earns nothing.
"""

from functools import partial

from s2r_rewards.baselines import prompt_mean
from s2r_rewards.judging import JudgedTrajectory
from s2r_rewards.methods.base import Method
from s2r_rewards.rewards import every_action, unit_rewards


def first_pair(judged: JudgedTrajectory, alpha: float = 0.76, beta: float = 0.24) -> float:
    """α r_1 + β t_1, or 0 where there is no verdict."""
    if not judged.verdicts or judged.verdicts[0] is None:
        return 0.0
    right, true = unit_rewards(judged)[:2]
    return alpha * right + beta * true


DEEPSEEK_V2 = Method(
    "deepseek-v2",
    "Eq. 1–6, arXiv:2511.22570",
    rewards=partial(every_action, outcome=first_pair),
    outcome=first_pair,
    baseline=prompt_mean,
    level="outcome",
    groups="prompt",
    ratio="token",
)
