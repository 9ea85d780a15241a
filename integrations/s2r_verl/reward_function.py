"""The outcome reward as a plain verl reward function, for use with any reward manager and any estimator.

reward.custom_reward_function.path=pkg://s2r_verl.reward_function (name compute_score is verl's default).
Options, as under ``algorithm.s2r``: ``+reward.custom_reward_function.reward_kwargs.method=released-orl``.
"""

from __future__ import annotations

from typing import Any

from s2r_rewards.adapter import TRAINING_OPTIONS, Options, score_response
from s2r_verl.records import reward_info

WHERE = "reward.custom_reward_function.reward_kwargs"


def compute_score(
    data_source: str,
    solution_str: str,
    ground_truth: Any,
    extra_info: dict[str, Any] | None = None,
    reward_router_address: str | None = None,
    reward_model_tokenizer: Any = None,
    **options: Any,
) -> dict[str, Any]:
    """The method's outcome reward: +1 if the last attempt is right, else −1 (arXiv:2502.12853).

    Returns:
        ``score``, ``acc`` 0.0 or 1.0 (verl's headline in validation) and the record for the metrics.
        Never raises on content: whatever cannot be scored earns −1.

    Raises:
        ConfigError: an option that cannot be used.
    """
    chosen = Options.from_mapping(options, WHERE)
    chosen.refuse(TRAINING_OPTIONS, "a reward function sees one response: only a trainer can use it")
    level = extra_info.get("level") if isinstance(extra_info, dict) else None
    scored = score_response(solution_str, ground_truth, chosen, level=level)
    return {"score": float(scored.outcome), **reward_info(scored)}
