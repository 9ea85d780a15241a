"""How the record of a scored response travels through verl: as one text beside the sample.

verl carries ``reward_extra_info`` from the reward worker to the agent loop and to the trainer; lists of
unequal length raise there and equal ones are averaged, a text passes untouched.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from s2r_rewards.scored import ScoredRollout

FIELD = "s2r_scored"
ACTION_IDS = "s2r_action_ids"
"""[T] long per sample: 1 + the index of the token's action, 0 for none (so that padding with 0 is harmless)."""


def reward_info(scored: ScoredRollout) -> dict[str, float | str]:
    """What verl keeps beside a reward; ``acc`` is its headline in validation."""
    return {"acc": float(scored.outcome > 0), FIELD: scored.dumps()}


def record_of(extra_fields: Any) -> ScoredRollout | None:
    """The record in a sample's ``extra_fields``, None where no reward of ours was computed."""
    info = extra_fields.get("reward_extra_info") if isinstance(extra_fields, Mapping) else None
    text = (info or {}).get(FIELD)
    return ScoredRollout.loads(text) if text else None
