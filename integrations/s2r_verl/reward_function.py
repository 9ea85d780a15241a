"""The outcome reward as a plain verl reward function, for use with any reward manager and any estimator.

reward.custom_reward_function.path=pkg://s2r_verl.reward_function (name compute_score is verl's default).
Options: ``+reward.custom_reward_function.reward_kwargs.preset=released`` and ``.grammar=…``.
"""

from __future__ import annotations

from typing import Any

from s2r_verl.options import Options
from s2r_verl.scoring import score_text
from s2r_verl.trace import FIELD


def compute_score(
    data_source: str,
    solution_str: str,
    ground_truth: str,
    extra_info: dict[str, Any] | None = None,
    preset: str = "paper",
    grammar: str | None = None,
    **unused: Any,
) -> dict[str, Any]:
    """+1 if the last attempt of the response is right, else −1 (outcome-level reward, arXiv:2502.12853).

    Returns:
        ``score`` ±1.0, ``acc`` 0.0 or 1.0 (verl's headline in validation) and the trace for the metrics.
        Never raises on content: whatever cannot be scored earns −1.

    Raises:
        ConfigError: an unknown preset.
    """
    options = Options(preset=preset, grammar=grammar)
    level = extra_info.get("level") if isinstance(extra_info, dict) else None
    trace = score_text(solution_str, ground_truth, options, level)
    return {"score": trace.outcome, "acc": float(trace.outcome > 0), FIELD: trace.dumps()}
