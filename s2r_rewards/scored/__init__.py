"""The one record of a scored response: what was found, what it earned, where it stands."""

from s2r_rewards.scored.action import ScoredAction
from s2r_rewards.scored.record import VERSION, ScoredRollout

__all__ = ["VERSION", "ScoredAction", "ScoredRollout"]
