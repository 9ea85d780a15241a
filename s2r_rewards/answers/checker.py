"""The golden-answer checker: tiers in order, the first that can decide decides."""

from __future__ import annotations

from .canonical import canonical
from .extraction import Fallback, extract_answer
from .numbers import plain_number
from .policy import DEFAULT_POLICY, CheckPolicy
from .result import CheckResult

CHECKER_VERSION = "1"


def check(gold: str, answer: str | None, policy: CheckPolicy = DEFAULT_POLICY) -> CheckResult:
    """Is ``answer`` equal in value to ``gold`` under ``policy``? Never raises on any text."""
    if not isinstance(gold, str) or not gold.strip():
        return CheckResult("ungradable", "string", "the gold answer is empty")
    if not isinstance(answer, str) or not answer.strip():
        return CheckResult("malformed", "string", "the answer is empty")
    if gold == answer:
        return CheckResult("correct", "string", "same text")
    if len(answer) > policy.max_length:
        return CheckResult("malformed", "string", f"the answer is longer than {policy.max_length} characters")
    left, right = canonical(gold), canonical(answer)
    if left == right:
        return CheckResult("correct", "string", "same canonical text")
    first, second = plain_number(left), plain_number(right)
    if first is not None and second is not None:
        if first == second:
            return CheckResult("correct", "number", "same exact value")
        return CheckResult("incorrect", "number", "different exact values")
    return CheckResult("incorrect", "string", "different text")


def check_response(
    gold: str, text: str, policy: CheckPolicy = DEFAULT_POLICY, fallback: Fallback = "math"
) -> CheckResult:
    """Extract the final answer from ``text`` (see :func:`extract_answer`), then check it."""
    return check(gold, extract_answer(text, fallback=fallback).answer, policy)
