"""Reward-context baseline: b(a_t) = mean R(a) over all actions a of the batch with a's reward context.

Source: Eq. 4, arXiv:2502.12853. The reward context of a_t is (R(a_1), …, R(a_{t−1})).
Caveat: Eq. 4 counts a_t itself, which shrinks the advantages of rare contexts (a context seen once has
advantage 0); ``leave_one_out`` removes that bias, at the price of ``default`` for contexts seen once.

>>> reward_context([[1, 1], [-1, 1, 1, 1], [-1, -1]])[0]
(-0.3333333333333333, 1.0)
"""

from __future__ import annotations

import hashlib
from collections.abc import Hashable, Sequence
from functools import lru_cache

from s2r_rewards.baselines.base import Baseline

_READABLE = 200


def context_keys(rewards: Sequence[float], group: Hashable) -> tuple[Hashable, ...]:
    """(group, the rewards before the action as text), e.g. ``(None, "-1.0 1.0 ")``.

    The text of a long context gives way to a digest, so that a trajectory of n actions costs n and not n².
    """
    keys: list[Hashable] = []
    context = ""
    for reward in rewards:
        keys.append((group, context))
        context = _longer(context, reward + 0.0)  # −0.0 is 0.0
    return tuple(keys)


@lru_cache(maxsize=65_536)
def _longer(context: str, reward: float) -> str:
    text = f"{context}{float(reward)!r} "
    if len(text) <= _READABLE:
        return text
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest() + " "


#: Contexts are shared over the whole batch, as the paper does; with ``groups`` within each group only.
reward_context = Baseline("reward_context", context_keys, pool_from=64)
