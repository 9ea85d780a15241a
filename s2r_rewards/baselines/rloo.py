"""REINFORCE leave-one-out: b(y_m) = 1/(M−1) Σ_{j≠m} R(y_j) over the M samples of one prompt.

Source: §2.3.1 and Eq. 2, arXiv:2502.12853; Ahmadian et al., arXiv:2402.14740.
Caveat: a prompt sampled once has nothing to compare with; its baseline is ``default``.

>>> rloo([1.0, 1.0, 1.0, -1.0])
(0.3333333333333333, 0.3333333333333333, 0.3333333333333333, 1.0)
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence

from s2r_rewards.baselines.base import Baseline


def group_only(rewards: Sequence[float], group: Hashable) -> tuple[Hashable, ...]:
    """The group (a prompt, an accuracy) and nothing more: all its actions count alike."""
    return (group,) * len(rewards)


#: One outcome reward per trajectory; ``groups`` are the prompts, None: all belong to one.
rloo = Baseline("rloo", group_only, leave_one_out=True)
#: The mean over all samples of the prompt, the response itself included, as GRPO subtracts it (arXiv:2402.03300).
prompt_mean = Baseline("prompt_mean", group_only)
