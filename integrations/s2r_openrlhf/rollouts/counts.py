"""Exact ratios over a batch, out of the counts that the reward file and the reward server send with each sample."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from s2r_rewards.adapter import FAILED_METRIC
from s2r_rewards.metrics import BehaviourCounts
from s2r_rewards.server.protocol import COUNT_FIELDS, COUNT_PREFIX


def take_counts(experiences: Sequence[Any], keep: bool = False) -> dict[str, float]:
    """The behaviour metrics of samples that came through ``--reward.remote_url``; nothing for any others.

    Args:
        keep: leave the counts in ``info``; else they are taken out of it, so that means of them stay unlogged.
    """
    columns = [
        {
            name: torch.as_tensor(e.info[name] if keep else e.info.pop(name))
            for name in list(e.info)
            if name.startswith(COUNT_PREFIX) or name == FAILED_METRIC
        }
        for e in experiences
    ]
    if not columns or not all(columns):
        return {}
    total = {name: sum(float(column[name].sum()) for column in columns) for name in columns[0]}
    counts = BehaviourCounts(**{name: int(total[COUNT_PREFIX + name]) for name in COUNT_FIELDS})
    return {**counts.metrics(), FAILED_METRIC: total[FAILED_METRIC] / max(counts.trajectories, 1)}
