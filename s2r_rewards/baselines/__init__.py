"""Baselines: pure functions (rewards, keys) → baselines of the same shape. One module each.

To add one: a module like ``position.py`` that turns trajectories into keys, a line in :data:`BASELINES`, and a
table of hand-computed numbers in ``tests/baselines/cases.json``.
"""

from s2r_rewards.baselines.accuracy_group import accuracy_group
from s2r_rewards.baselines.log_mean_exp import log_mean_exp
from s2r_rewards.baselines.position import position
from s2r_rewards.baselines.reward_context import reward_context
from s2r_rewards.baselines.rloo import rloo
from s2r_rewards.baselines.running import RunningBaseline, running

BASELINES = {
    "rloo": rloo,
    "reward_context": reward_context,
    "position": position,
    "accuracy_group": accuracy_group,
    "log_mean_exp": log_mean_exp,
    "running": running,
}

__all__ = [
    "BASELINES",
    "RunningBaseline",
    "accuracy_group",
    "log_mean_exp",
    "position",
    "reward_context",
    "rloo",
    "running",
]
