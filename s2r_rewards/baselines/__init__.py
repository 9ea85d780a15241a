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
from s2r_rewards.baselines.deviation import Deviation, prompt_deviation, role_deviation
from s2r_rewards.baselines.log_mean_exp import log_mean_exp
from s2r_rewards.baselines.moving_average import MovingAverage, moving_average
from s2r_rewards.baselines.none import none
from s2r_rewards.baselines.position import position
from s2r_rewards.baselines.reward_context import reward_context
from s2r_rewards.baselines.rloo import prompt_mean, rloo
from s2r_rewards.baselines.role import role
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
    "prompt_mean": prompt_mean,
    "role": role,
    "moving_average": moving_average,
    "none": none,
}


def get_baseline(baseline: str | BaselineFunction) -> BaselineFunction:
    """A baseline by name or ``package.module:object``, or the callable itself. ValueError for anything else."""
    found = named(baseline, BASELINES, "baseline") if isinstance(baseline, str) else baseline
    if not callable(found):
        raise ValueError(f"baseline {baseline!r} is {type(found).__name__}; expected a callable")
    return found


def state_of(baseline: BaselineFunction) -> RunningBaseline:
    """What a baseline remembers between batches. ValueError for one that cannot remember."""
    if isinstance(baseline, MovingAverage):
        return baseline.new_state()
    if isinstance(baseline, Baseline):
        return RunningBaseline(baseline)
    raise ValueError(f"running=True needs a keyed baseline (s2r_rewards.baselines.Baseline), found {baseline!r}")


__all__ = [
    "BASELINES",
    "Baseline",
    "BaselineFunction",
    "Deviation",
    "Means",
    "MovingAverage",
    "RunningBaseline",
    "accuracy_baseline",
    "accuracy_group",
    "get_baseline",
    "log_mean_exp",
    "moving_average",
    "none",
    "position",
    "prompt_deviation",
    "prompt_mean",
    "reward_context",
    "rloo",
    "role",
    "role_deviation",
    "running",
    "state_of",
]
