"""Role baseline: b(a) = mean R over all attempts, or over all verifications, of the batch or of the prompt.

Source: the roles of PAG (arXiv:2506.10406) and SPIRAL (arXiv:2506.24119).
Caveat: one key for several actions of a response: what the policy does early decides how many later rewards of its own
the baseline holds. The bias goes with 1/(responses in the mean).

>>> role([[1, 1], [-1, 1, 1, 1], [-1, -1]])[1]
(0.0, 0.5, 0.0, 0.5)
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence

from s2r_rewards.baselines.base import Baseline


def role_keys(rewards: Sequence[float], group: Hashable) -> tuple[Hashable, ...]:
    """(group, "solve" or "verify"): actions alternate, beginning with an attempt."""
    return tuple((group, "verify" if t % 2 else "solve") for t in range(len(rewards)))


role = Baseline("role", role_keys)
