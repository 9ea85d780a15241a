"""Dr. GRPO: GRPO without its two biases, σ and 1/|y|.

A = o − μ over the prompt's responses, o ∈ {0, 1}; the sum over tokens is divided by a constant, 3,000 in the scripts.
Source: arXiv:2503.20783; sail-sg/understand-r1-zero, train_zero_math.py:288.
Caveat: the mean holds the response itself, which only shrinks the gradient by (n − 1)/n. Set `divisor` to your own
generation limit.
"""

from functools import partial

from s2r_rewards.baselines import prompt_mean
from s2r_rewards.methods.base import Method
from s2r_rewards.rewards import every_action, unit_outcome

DR_GRPO = Method(
    "dr-grpo",
    "arXiv:2503.20783",
    rewards=partial(every_action, outcome=unit_outcome),
    outcome=unit_outcome,
    baseline=prompt_mean,
    level="outcome",
    groups="prompt",
    ratio="token",
    average="tokens",
    divisor=3000.0,
)
