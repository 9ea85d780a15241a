"""Responses in which models verify in their own words: where checks and retries begin, and what they conclude."""

from s2r_rewards.natural.near import nearly
from s2r_rewards.natural.reading import read_natural, read_verdict
from s2r_rewards.natural.style import verification_style

__all__ = ["nearly", "read_natural", "read_verdict", "verification_style"]
