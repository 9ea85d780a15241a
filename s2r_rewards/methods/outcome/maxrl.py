"""MaxRL: advantages relative to the prompt's success rate.

A = (o − μ)/μ over the prompt's responses, o ∈ {0, 1}; 0 where no response is right.
Source: arXiv:2602.02710; tajwarfahim/maxrl, core_algos.py:402; prime-rl, max_rl.py (0 where μ ≤ 0; the authors add
1e-6 to μ, which gives a prompt's only response 10⁶·o because its mean is 0 there).
Caveat: needs rewards ≥ 0. A prompt of low success weighs up to the number of its samples.
"""

from functools import partial

from s2r_rewards.baselines import prompt_mean
from s2r_rewards.methods.base import Method
from s2r_rewards.rewards import every_action, unit_outcome

MAXRL = Method(
    "maxrl",
    "arXiv:2602.02710",
    rewards=partial(every_action, outcome=unit_outcome),
    outcome=unit_outcome,
    baseline=prompt_mean,
    level="outcome",
    groups="prompt",
    scale=prompt_mean,
    ratio="token",
)
