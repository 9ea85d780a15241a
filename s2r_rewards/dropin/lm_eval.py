"""Metrics for lm-evaluation-harness by our checker.

In the folder of a task, ``utils.py`` with ``from s2r_rewards.dropin.lm_eval import process_results``, and in its YAML
``process_results: !function utils.process_results`` with a metric ``math_verify`` or ``exact_match``; or
``metric: !function utils.math_accuracy``.
"""

from __future__ import annotations

from typing import Any

from s2r_rewards.answers import check_many, extract_answer

from .scores import gold_answers

#: Columns in which tasks keep the golden answer; the first that a row has counts.
COLUMNS = ("answer", "gold", "target", "solution", "final_answer", "expected_answer")


def process_results(doc: dict[str, Any], results: list[str]) -> dict[str, float]:
    """``exact_match`` and ``math_verify``, 1.0 for a right final answer of the first result, else 0.0.

    Raises:
        KeyError: the row has none of the columns with golden answers.
    """
    column = next((name for name in COLUMNS if doc.get(name) is not None), None)
    if column is None:
        raise KeyError(f"no golden answer: found the columns {sorted(doc)}, expected one of {', '.join(COLUMNS)}")
    right = math_accuracy([doc[column]], results[:1])
    return {"exact_match": right, "math_verify": right}


def math_accuracy(references: list[Any], predictions: list[str], **unused: Any) -> float:
    """Share of right final answers, the n-th prediction against the n-th reference."""
    answers = [extract_answer(text, fallback="number").answer for text in predictions]
    results = check_many(list(zip(map(gold_answers, references), answers, strict=True)))
    return sum(map(bool, results)) / len(results) if results else 0.0
