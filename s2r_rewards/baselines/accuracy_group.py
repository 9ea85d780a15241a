"""Accuracy-group baselines for offline RL: compare an action with those of equally hard prompts.

b(a_t) = mean R over all actions whose prompt lies in the same accuracy bin and that share
``by="position"`` (F.1.1), ``by="context"`` (F.1.2) or nothing more (``by="outcome"``: one mean an accuracy bin).
Source: appendix F.1, arXiv:2502.12853. Groups of fewer than 10 rewards have baseline 0 in the authors' code
(``min_count=10``).
Caveat: the width of the bins is [open]; 10 keeps the nine accuracies that 8 rollouts can have apart. The authors' code
has none: every accuracy is a group of its own (``bins=None``). The accuracy holds the response's own outcome, which
biases the baseline (docs/bias.md); ``groups="accuracy_of_others"`` of a method leaves it out.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from functools import partial
from typing import Any

from s2r_rewards.baselines.base import Baseline, KeyFunction, Rewards
from s2r_rewards.baselines.position import position_keys
from s2r_rewards.baselines.reward_context import context_keys
from s2r_rewards.baselines.rloo import group_only

BY: dict[str, KeyFunction] = {"position": position_keys, "context": context_keys, "outcome": group_only}
BINS = 10


def accuracy_bin(accuracy: float, bins: int | None = BINS) -> float:
    """The bin of an accuracy in [0, 1]: ``[i/bins, (i+1)/bins)``, the last one closed; the accuracy itself without bins.

    −1 for one that is not known (nan).
    """
    if math.isnan(accuracy):
        return -1
    if not 0.0 <= accuracy <= 1.0:
        raise ValueError(f"accuracy is {accuracy!r}; expected a number in [0, 1]")
    if bins is None:
        return accuracy
    return min(math.floor(accuracy * bins + 1e-9), bins - 1)  # 0.3 * 10 must not fall below 3


def _accuracy_keys(rewards: Sequence[float], accuracy: Any, by: str, bins: int | None) -> Sequence[Hashable]:
    return tuple(BY[by](rewards, accuracy_bin(accuracy, bins)))


def accuracy_baseline(by: str = "position", bins: int | None = BINS) -> Baseline:
    """The baseline as an object; its ``groups`` are the accuracies of the trajectories' prompts.

    ``bins`` None: prompts are compared with those of exactly the same accuracy.
    """
    if by not in BY:
        raise ValueError(f"accuracy_group: by is {by!r}; expected one of {', '.join(BY)}")
    return Baseline(f"accuracy_group/{by}", partial(_accuracy_keys, by=by, bins=bins))


def bins_of(baseline: Any) -> int | None:
    """The accuracy groups of a baseline of :func:`accuracy_baseline`; those of the default for any other."""
    keys = getattr(baseline, "keys", None)
    if isinstance(keys, partial) and keys.func is _accuracy_keys:
        found: int | None = keys.keywords["bins"]
        return found
    return BINS


def accuracy_group(
    rewards: Rewards,
    accuracy: Sequence[float],
    by: str = "position",
    bins: int | None = BINS,
    leave_one_out: bool = False,
    min_count: int = 1,
    default: float = 0.0,
) -> tuple[Any, ...]:
    """Mean reward within accuracy bin × position, × reward context, or the bin alone.

    Args:
        rewards: per-trajectory sequences of action rewards, or one outcome reward a trajectory.
        accuracy: the accuracy of each trajectory's prompt, in [0, 1].
        by: ``"position"``, ``"context"`` or ``"outcome"``.

    Returns:
        Baselines in the shape of ``rewards``.
    """
    return accuracy_baseline(by, bins)(rewards, accuracy, leave_one_out, min_count, default)
