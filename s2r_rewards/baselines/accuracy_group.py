"""Accuracy-group baselines for offline RL: compare an action with those of equally hard prompts.

b(a_t) = mean R over all actions whose prompt lies in the same accuracy bin and that share
``by="position"`` (F.1.1), ``by="context"`` (F.1.2) or nothing more (``by="outcome"``: one mean an accuracy bin).
Source: appendix F.1, arXiv:2502.12853. Groups of fewer than 10 rewards have baseline 0 in the authors' code
(``min_count=10``).
Caveat: the width of the bins is [open]; 10 keeps the nine accuracies that 8 rollouts can have apart.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from s2r_rewards.baselines.grouping import Rewards, context_ids, group_keys, group_means, nest, unnest

BY = ("position", "context", "outcome")


def accuracy_bin(accuracy: float, bins: int = 10) -> int:
    """The bin of an accuracy in [0, 1]: ``[i/bins, (i+1)/bins)``, the last one closed."""
    if not 0.0 <= accuracy <= 1.0:
        raise ValueError(f"accuracy is {accuracy!r}; expected a number in [0, 1]")
    return min(math.floor(accuracy * bins + 1e-9), bins - 1)  # 0.3 * 10 must not fall below 3


def accuracy_group(
    rewards: Rewards,
    accuracy: Sequence[float],
    by: str = "position",
    bins: int = 10,
    leave_one_out: bool = False,
    min_count: int = 1,
    default: float = 0.0,
) -> tuple:
    """Mean reward within accuracy bin × position, × reward context, or the bin alone.

    Args:
        rewards: per-trajectory sequences of action rewards, or one outcome reward a trajectory.
        accuracy: the accuracy of each trajectory's prompt, in [0, 1].
        by: ``"position"``, ``"context"`` or ``"outcome"``.

    Returns:
        Baselines in the shape of ``rewards``.
    """
    if by not in BY:
        raise ValueError(f"accuracy_group: by is {by!r}; expected one of {BY}")
    rows, flat = nest(rewards, "accuracy_group")
    levels = [accuracy_bin(a, bins) for a in group_keys(accuracy, len(rows), "accuracy_group accuracy")]  # type: ignore[arg-type]
    if by == "context":
        keys = context_ids(rows, levels)
    elif by == "position":
        keys = tuple(tuple((b, t) for t in range(len(r))) for r, b in zip(rows, levels, strict=True))
    else:
        keys = tuple((b,) * len(r) for r, b in zip(rows, levels, strict=True))
    return unnest(group_means(rows, keys, leave_one_out, min_count, default), flat)
