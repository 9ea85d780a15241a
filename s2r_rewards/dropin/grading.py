"""``verify`` and ``math_metric`` with math-verify's signatures."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from s2r_rewards.answers import DEFAULT_POLICY, CheckPolicy, check

from .extraction import ExprExtractionConfig, ExtractionTarget, parse

Parsed = Any
"""What :func:`parse` gave, one text, a number, or a sympy expression."""


def verify(
    gold: Parsed | list[Parsed],
    target: Parsed | list[Parsed],
    float_rounding: int = 6,
    numeric_precision: int = 15,
    strict: bool = True,
    allow_set_relation_comp: bool = False,
    timeout_seconds: int | None = 5,
    raise_on_error: bool = False,
) -> bool:
    """Whether any of the targets equals any of the golds.

    Args:
        float_rounding: decimal places from which on a decimal gold also accepts what rounds to it.
        numeric_precision: digits from which on a decimal answer may stand for a value that no decimal writes out.
        strict: False: tuples are unordered too. Variables keep their names either way.
        allow_set_relation_comp: taken for its place: an interval and the inequality that it means are equal anyway.
        timeout_seconds: CPU seconds for one comparison by computer algebra; works in any thread.
        raise_on_error: taken for its place: nothing in an answer raises.
    """
    policy = _policy(float_rounding, numeric_precision, strict, timeout_seconds)
    golds = dict.fromkeys(map(_text, gold if isinstance(gold, (list, tuple)) else [gold]))
    answers = dict.fromkeys(map(_text, target if isinstance(target, (list, tuple)) else [target]))
    return any(check(one, answer, policy) for one in golds for answer in answers)


def _policy(places: int, digits: int, strict: bool, seconds: float | None) -> CheckPolicy:
    limit = DEFAULT_POLICY.time_limit if seconds is None or seconds <= 0 else min(seconds, DEFAULT_POLICY.time_limit)
    order = DEFAULT_POLICY.order if strict else "free"
    return replace(DEFAULT_POLICY, rounded_places=places, machine_digits=digits, order=order, time_limit=limit)


def _text(value: Parsed) -> str:
    """As it would be written in an answer; sympy's expressions in LaTeX."""
    if isinstance(value, str):
        return value
    if hasattr(value, "free_symbols"):
        from sympy import latex

        return str(latex(value))
    return "" if value is None else str(value)


def math_metric(
    gold_extraction_target: Sequence[ExtractionTarget] = (ExprExtractionConfig(),),
    pred_extraction_target: Sequence[ExtractionTarget] = (ExprExtractionConfig(),),
    aggregation_function: Callable[[list[float]], float] = max,
    precision: int = 6,
) -> Callable[[list[str], list[str]], tuple[float, tuple[list[str], list[str]] | None]]:
    """A metric of one sample: ``(golds, predictions) -> (score, (extracted golds, extracted predictions))``.

    Raises (when it is called):
        ValueError: no answer can be extracted from a gold.
    """

    def metric(golds: list[str], predictions: list[str]) -> tuple[float, tuple[list[str], list[str]] | None]:
        parsed_golds = [parse(gold, gold_extraction_target) for gold in golds]
        parsed = [parse(prediction, pred_extraction_target) for prediction in predictions]
        if not all(parsed_golds):
            raise ValueError(f"no gold answer found in at least one of {golds}; expected each to state one")
        scores = [float(any(verify(gold, one, precision) for gold in parsed_golds)) for one in parsed]
        shown = [text for one in parsed_golds for text in one], [text for one in parsed for text in one]
        return aggregation_function(scores), shown

    return metric
