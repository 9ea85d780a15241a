"""Learning to self-verify: GRPO for answers, and the same GRPO for verdicts.

A(s_j) = (r_j − μ)/σ over the attempts of the prompt, A(v_j) = (t_j − μ)/σ over its verifications; r, t ∈ {0, 1}.
Clip 0.2/0.28, dual clip 10, no KL term, mean over tokens; 8 samples.
Source: arXiv:2602.07594; chenyuxin1999/Learning-to-Self-Verify, recipe/dapo.
Caveat: verifications are prompts of their own there, showing the answer without its reasoning, in a batch of their own
every fifth step, half of them of right answers; a group is the samples of one such prompt. Here the group of a
verification is the prompt's other verifications, whatever they check, and nothing is balanced. One key for several
actions of a response is biased (docs/bias.md).
"""

from s2r_rewards.baselines import role, role_deviation
from s2r_rewards.methods.base import Method
from s2r_rewards.rewards import unit_outcome, unit_rewards

SELF_VERIFY = Method(
    "self-verify",
    "arXiv:2602.07594",
    rewards=unit_rewards,
    outcome=unit_outcome,
    baseline=role,
    groups="prompt",
    scale=role_deviation,
    ratio="token",
    clip=(0.2, 0.28),
    dual_clip=10.0,
    average="tokens",
)
