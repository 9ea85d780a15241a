"""``parse`` with math-verify's signature: a list that holds the extracted answer as text, for :func:`.verify`."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from s2r_rewards.answers import extract_answer
from s2r_rewards.answers.extract import Fallback


@dataclass(frozen=True)
class LatexExtractionConfig:
    """Look for mathematics in LaTeX.

    Attributes:
        try_extract_without_anchor: also where nothing says that it is the answer.
        boxed_match_priority: -1: boxes are not looked at; 50 and below: before everything else; above: only where no
            "answer is" was found.
        normalization_config: taken for its place; what counts as equal is a :class:`~s2r_rewards.answers.CheckPolicy`.
    """

    try_extract_without_anchor: bool = True
    boxed_match_priority: int = 50
    normalization_config: Any = None


@dataclass(frozen=True)
class ExprExtractionConfig:
    """Look for plain numbers and expressions."""

    try_extract_without_anchor: bool = True


@dataclass(frozen=True)
class StringExtractionConfig:
    """Look for one of a few strings, such as the letters of choices."""

    strings: tuple[str, ...] = ("A", "B", "C", "D")
    try_extract_without_anchor: bool = True
    lowercase: bool = True


ExtractionTarget = LatexExtractionConfig | ExprExtractionConfig | StringExtractionConfig

_BOX = re.compile(r"\\(boxed|fbox)\b")
_DEFAULT: tuple[ExtractionTarget, ...] = (LatexExtractionConfig(), ExprExtractionConfig())


def parse(
    pred: str,
    extraction_config: Sequence[ExtractionTarget] = _DEFAULT,
    fallback_mode: Literal["no_fallback", "first_match"] = "first_match",
    extraction_mode: Literal["first_match", "any_match"] = "any_match",
    parsing_timeout: int | None = 5,
    raise_on_error: bool = False,
) -> list[str]:
    """The answer that a text states, as ``[answer, its text]``; empty where it states none.

    The list has two entries (one with ``fallback_mode="no_fallback"``), as math-verify's has, and both are text: nothing
    is read before it is compared. ``extraction_mode``, ``parsing_timeout`` and ``raise_on_error`` are taken for their
    place; extraction is linear in the length of the text and does not raise. Works in any thread.
    """
    found = _choice(pred, [one for one in extraction_config if isinstance(one, StringExtractionConfig)])
    if not found:
        answer = _mathematics(pred, [one for one in extraction_config if not isinstance(one, StringExtractionConfig)])
        found = [] if answer is None else [answer, answer]
    return found if fallback_mode == "first_match" else found[:1]


def _mathematics(text: str, targets: Sequence[LatexExtractionConfig | ExprExtractionConfig]) -> str | None:
    if not targets:
        return None
    latex = [one for one in targets if isinstance(one, LatexExtractionConfig)]
    numbers = any(isinstance(one, ExprExtractionConfig) for one in targets)
    without_anchor = any(one.try_extract_without_anchor for one in targets)
    fallback: Fallback = ("number" if numbers else "math") if without_anchor else "none"
    priority = max((one.boxed_match_priority for one in latex), default=50)
    if priority < 0 or priority > 50:
        without_boxes = _BOX.sub("\n", text)
        last_resort = fallback if priority < 0 and without_boxes == text else "none"
        found = extract_answer(without_boxes, fallback=last_resort)
        if found.answer is not None or priority < 0:
            return found.answer
    return extract_answer(text, fallback=fallback).answer


def _choice(text: str, targets: Iterable[StringExtractionConfig]) -> list[str]:
    """The last string behind the word "answer", else the one that the text begins with, else the first one on its own."""
    for target in targets:
        one = "|".join(sorted(map(re.escape, target.strings), key=len, reverse=True))
        alone = rf"(?:\*\*|\(|\\boxed{{)?({one})(?:\*\*|\)|}})?(?=[.,:;]|\s|$)"
        stated = re.findall(rf"(?i:answer)\**\s*(?:(?i:is)|:|=)?\s*:?\s*{alone}", text)
        tries = [stated[-1:], re.findall(rf"\A\s*{alone}", text)]
        if target.try_extract_without_anchor:
            tries.append(re.findall(rf"(?:^|\s){alone}", text)[:1])
        if found := next((found[0] for found in tries if found), None):
            return [found.lower() if target.lowercase else found, found]
    return []
