"""Position baseline: b(a_t) = mean R over all actions at position t.

Source: the variant that appendix F.1.1, arXiv:2502.12853, refines by accuracy group.
Caveat: biased where the policy itself controls the number of turns (late positions are reached by hard
problems only); reward contexts are the paper's answer.

>>> position([[1, 1], [-1, 1, 1, 1], [-1, -1]])[1][:2]
(-0.3333333333333333, 0.3333333333333333)
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence

from s2r_rewards.baselines.base import Baseline


def position_keys(rewards: Sequence[float], group: Hashable) -> tuple[Hashable, ...]:
    """(group, index of the action)"""
    return tuple((group, t) for t in range(len(rewards)))


position = Baseline("position", position_keys)
