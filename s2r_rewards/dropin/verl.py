"""verl's reward function, by our checker: ``custom_reward_function.path=pkg://s2r_rewards.dropin.verl``.

1 for a right final answer, else 0, as verl's own math scores are. The method's rewards of ±1 with their actions are in
``s2r_verl.reward_function``.
"""

from __future__ import annotations

from typing import Any

from s2r_rewards.answers import check_many, extract_answer

from .scores import gold_answers


def compute_score(
    data_source: str | None = None,
    solution_str: str = "",
    ground_truth: Any = "",
    extra_info: dict[str, Any] | None = None,
    **unused: Any,
) -> float:
    """The signature that verl's reward managers call, with keywords."""
    return score(solution_str, ground_truth)


def score(model_output: str, ground_truth: Any, timeout_score: float = 0.0, timeout: float = 30.0) -> float:
    """The signature of ``verl.utils.reward_score.math_verify.compute_score``; ``timeout`` is taken for its place."""
    answer = extract_answer(model_output, fallback="math").answer
    (result,) = check_many([(gold_answers(ground_truth), answer)])
    return timeout_score if result.verdict == "timeout" else float(bool(result))
