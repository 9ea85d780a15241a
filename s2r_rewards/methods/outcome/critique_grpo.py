"""Critique-GRPO: GRPO over answers of which one was refined with a critique, without a clip.

A = (o − μ)/σ over the 8 responses of a prompt, o ∈ {0, 1}; ratio per token, not clipped; the sum over tokens is divided
by a constant, 6,144 (the script's generation limit).
Source: arXiv:2506.03106; zhangxy-2019/critique-GRPO.
Caveat: making the critique and the refinement, which takes the place of one sample as an answer to the *original*
prompt, is the work of whoever samples. Its tokens have no ratio: mark them with `off_policy` of
:func:`s2r_rewards.losses.action_policy_loss`, and they weigh π/(π + 0.1). The script's `grpo_use_std=False` is read by
no file, so σ stays. σ is the policy's own doing and weighs easy and hard prompts up.
"""

import math
from functools import partial

from s2r_rewards.baselines import prompt_deviation, prompt_mean
from s2r_rewards.methods.base import Method
from s2r_rewards.rewards import every_action, unit_outcome

CRITIQUE_GRPO = Method(
    "critique-grpo",
    "arXiv:2506.03106",
    rewards=partial(every_action, outcome=unit_outcome),
    outcome=unit_outcome,
    baseline=prompt_mean,
    level="outcome",
    groups="prompt",
    scale=prompt_deviation,
    ratio="token",
    clip=(math.inf, math.inf),
    average="tokens",
    divisor=6144.0,
)
