"""Baselines: (rewards, groups) → baselines of the same shape. One module each.

To add one: a module like ``position.py`` with a key function, a line in :data:`BASELINES`, and a table of
hand-computed numbers in ``tests/baselines/cases.json``.  One that lives elsewhere needs none of that: every place
that takes a baseline's name takes ``package.module:object``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from s2r_rewards.baselines.accuracy_group import BY, accuracy_baseline, accuracy_group
from s2r_rewards.baselines.base import Baseline, Means
from s2r_rewards.baselines.log_mean_exp import log_mean_exp
from s2r_rewards.baselines.position import position
from s2r_rewards.baselines.reward_context import reward_context
from s2r_rewards.baselines.rloo import rloo
from s2r_rewards.baselines.running import RunningBaseline, running
from s2r_rewards.resolve import named

BaselineFunction = Callable[..., tuple[Any, ...]]
"""(rewards, groups) → baselines of the same shape; a :class:`Baseline`, or any function of that form."""
BASELINES: dict[str, BaselineFunction] = {
    "rloo": rloo,
    "reward_context": reward_context,
    "position": position,
    "log_mean_exp": log_mean_exp,
    **{(found := accuracy_baseline(by)).name: found for by in BY},
}


def get_baseline(baseline: str | BaselineFunction) -> BaselineFunction:
    """A baseline by name or ``package.module:object``, or the callable itself. ValueError for anything else."""
    found = named(baseline, BASELINES, "baseline") if isinstance(baseline, str) else baseline
    if not callable(found):
        raise ValueError(f"baseline {baseline!r} is {type(found).__name__}; expected a callable")
    return found


__all__ = [
    "BASELINES",
    "Baseline",
    "BaselineFunction",
    "Means",
    "RunningBaseline",
    "accuracy_baseline",
    "accuracy_group",
    "get_baseline",
    "log_mean_exp",
    "position",
    "reward_context",
    "rloo",
    "running",
]
