"""The answer that an attempt states in its own words."""

from __future__ import annotations

import re
from dataclasses import dataclass

from s2r_rewards.answers import extract_answer
from s2r_rewards.natural.sentences import sentences
from s2r_rewards.natural.values import Value, form, is_value, last_value

_AMOUNT = re.compile(r"(?:[$€£¥]\s?)?[-+−]?(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?(?:\s?%)?")
_PROSE = re.compile(r"[A-Za-z]{2,}|[\u4e00-\u9fff]")
_MATHEMATICS = re.compile(r"\\(?!text|mathrm|[(\[\])$%,;: ])[a-zA-Z]+|[=^_/*×÷+<>≈√:;~{}]|\d[-−]\d")
_TRIM = " \t\n.,;:!?。，；：！？*_"
MARKS = ("boxed", "tag", "hashes")
_PAIRS = (("\\(", "\\)"), ("\\[", "\\]"), ("$$", "$$"), ("$", "$"), ("`", "`"))


@dataclass(frozen=True, slots=True)
class Stated:
    """An answer, as it is written, and whether a box, a tag or "the answer is" marks it."""

    answer: str | None
    marked: bool = False
    distinct: int = 0


def stated_answer(text: str, start: int, end: int, known: tuple[str, ...] = ()) -> Stated:
    """The answer of the attempt ``text[start:end]``: the marked one, else the last value that it states.

    ``known`` are the forms that the parser took for this attempt's answer, if it did.
    """
    found = extract_answer(text, start, end)
    if found.answer is not None and (found.how in MARKS or (_short(found.answer) and is_value(found.answer))):
        answer = found.answer or ""
        return Stated(answer if found.how == "boxed" else worded(answer), True, found.distinct)
    last: Value | None = None
    for span in reversed(sentences(text, max(start, end - 2000), end)[-12:]):
        value = last_value(text, span.start, span.end)
        if value is not None and (not known or value.form in known):
            return Stated(worded(text[value.start : value.end]))
        last = last or value
    return Stated(worded(text[last.start : last.end]) if last else None)


def _short(answer: str) -> bool:
    return len(answer) <= 120 and len(_PROSE.findall(answer)) <= 8


def worded(written: str) -> str:
    """A value out of its sentence: ``spay 7 cats.`` → ``7``; what has no single number, or is mathematics, stays."""
    text = written.strip(_TRIM)
    if text.count("$") == 1 and text.endswith("$"):
        text = text[:-1].strip(_TRIM)
    for left, right in _PAIRS:
        if len(text) > len(left) + len(right) and text.startswith(left) and text.endswith(right):
            inside = text[len(left) : -len(right)]
            if left not in inside:
                text = inside.strip(_TRIM)
    amounts = _AMOUNT.findall(text)
    if len(amounts) == 1 and _PROSE.search(text) and not _MATHEMATICS.search(text) and form(text):
        return str(amounts[0]).strip()
    return text
