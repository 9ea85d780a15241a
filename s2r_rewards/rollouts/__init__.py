"""Rollouts on disk: one JSON object a line. The format that every tool here reads and writes."""

from s2r_rewards.rollouts.rollout import Rollout, RolloutWriter, read_rollouts, to_file_record, write_rollouts

__all__ = ["Rollout", "RolloutWriter", "read_rollouts", "to_file_record", "write_rollouts"]
