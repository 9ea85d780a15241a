"""Outcome rewards for ``--reward.remote_url``: R_o(y) = ±1 (§2.3.1, arXiv:2502.12853), or the method's own."""

from __future__ import annotations

from typing import Any

from s2r_openrlhf import require_supported
from s2r_openrlhf.options import Options
from s2r_rewards.server.client import RewardClient
from s2r_rewards.server.protocol import reward_batch

# OpenRLHF loads this when the rollout worker starts: a wrong version or option stops it there.
require_supported(warn=False)
OPTIONS = Options.from_environment()
OPTIONS.refuse(
    ("timeouts",), "--reward.remote_url gives every response a reward; leave it out and use our own executor"
)
CLIENT = RewardClient.of(OPTIONS.server, OPTIONS.token_file) if OPTIONS.server else None


def reward_func(queries: list[str], prompts: list[str], labels: list[Any]) -> dict[str, Any]:
    """OpenRLHF calls this with a batch of one, in a thread, and swallows exceptions: none is raised on content.

    Returns:
        ``rewards`` (R_o), ``scores`` (0/1) and ``extra_logs`` (``s2r/count/*``, the same keys every time).
    """
    if CLIENT is not None:
        return CLIENT.reward_batch(queries, prompts, labels)
    return reward_batch(queries, prompts, labels, OPTIONS)
