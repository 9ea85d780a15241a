"""The chat template and the end token of the model that a configuration starts from."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from s2r_rewards.adapter.chat import local_chat_problem
from s2r_verl.checks.setup import find


def chat_problems(config: Any) -> list[str]:
    """Of the SFT or RL configuration; nothing for a model that is not on this machine."""
    block = "actor_rollout_ref.model" if find(config, "algorithm") is not None else "model"
    path = find(config, f"{block}.tokenizer_path") or find(config, f"{block}.path")
    if not path or str(path).startswith(("hdfs://", "s3://")):
        return []
    trusted = bool(find(config, f"{block}.trust_remote_code", False))
    template = find(config, f"{block}.custom_chat_template")
    problem = local_chat_problem(str(Path(str(path)).expanduser()), template, trusted)
    return [problem] if problem else []
