"""Tier ``parts``: several labelled answers, ``a. 3, b. 4`` or ``J: 4 hr, S: 14 hr``; all of them have to be right.

Labelled answers are compared by their labels, and in order with as many answers that have none. Labels are letters,
Roman or other numbers in their order, or names with a colon.
"""

import re
from collections.abc import Callable

from ..result import Outcome
from .text import plain_text

Same = Callable[[str, str], Outcome]
Parts = dict[str, str]

_starts = re.compile(r"(?:\\text\s*\{)?\s*(?:part\s*)?[($]*\s*(?:\d\s*\)|[^\W\d]\w{0,19}\s*[).:])", re.I).match
_LABEL = re.compile(
    r"(?:(?<=^)|(?<=[\s,;]))(?:part\s*)?(?:\(\s*([A-Za-z]|[ivx]{1,4}|\d)\s*\)\s*[.:]?|([A-Za-z]|[ivx]{1,4})\s*[).](?!\w)"
    r"|([A-Za-z][A-Za-z_ ]{0,18}?)\s*:(?![\d:]{3}))\s*",
    re.I,
)
_JOINT = re.compile(r"(?:[\s,;]|\\quad|\band\b)+$")
_OPERATOR = re.compile(r"\\?(?:cdot|times|div)\b|[*/^+]")
_ROMAN = ["i", "ii", "iii", "iv", "v", "vi", "vii", "viii", "ix", "x"]
_SEPARATOR = re.compile(r"\s*(?:[;,]\s*(?:and\b)?|\band\b)\s*")


def split_parts(text: str) -> Parts | None:
    """The answers by label; None when the text is not a sequence of labelled answers."""
    if not _starts(text) or len(text) > 600 or not (")" in text or "." in text or ":" in text):
        return None
    plain = plain_text(text)
    found = list(_LABEL.finditer(plain))
    if len(found) < 2 or found[0].start() != 0:
        return None
    labels = [next(filter(None, match.groups())).strip().lower() for match in found]
    if len(set(labels)) < len(labels) or not (_in_order(labels) or all(match[3] for match in found)):
        return None
    ends = [match.start() for match in found[1:]] + [len(plain)]
    values = [_JOINT.sub("", plain[match.end() : end]).strip() for match, end in zip(found, ends, strict=True)]
    if not all(values) or any(map(_OPERATOR.match, values)):  # (3)·(4) is a product
        return None
    return dict(zip(labels, values, strict=True))


def _in_order(labels: list[str]) -> bool:
    """Whether the labels count: a b c, i ii iii, 1 2 3."""
    if labels == _ROMAN[: len(labels)]:
        return True
    return all(len(label) == 1 for label in labels) and all(
        ord(label) == ord(labels[0]) + k for k, label in enumerate(labels)
    )


def compare_parts(gold: str, answer: str, same: Same) -> Outcome | None:
    """Decide when a side has labelled parts; None when neither has."""
    if not _starts(gold) and not _starts(answer):
        return None
    first, second = split_parts(gold), split_parts(answer)
    if first is None and second is None:
        return None
    if first and second:
        if first.keys() != second.keys():
            return Outcome(False, "parts", "different labels")
        pairs = [(value, second[label]) for label, value in first.items()]
    else:
        if _LABEL.match(plain_text(answer if first else gold)):
            return Outcome(False, "parts", "labels on one side that do not count")
        left, right = (
            list(found.values()) if found else _listed(text) for found, text in ((first, gold), (second, answer))
        )
        if len(left) != len(right):
            return Outcome(False, "parts", f"{len(left)} answers and {len(right)}")
        pairs = list(zip(left, right, strict=True))
    for number, (one, other) in enumerate(pairs, 1):
        if not (outcome := same(one, other)).equal:
            return Outcome(False, "parts", f"part {number} differs: {outcome.why}")
    return Outcome(True, "parts", "every part is the same")


def _listed(text: str) -> list[str]:
    """What stands between commas and "and" outside of brackets."""
    parts, depth, start = [], 0, 0
    inner = text[1:-1] if text[:1] + text[-1:] == "()" else text
    for at, character in enumerate(inner):
        depth += (character in "([{") - (character in ")]}")
        if (
            not depth
            and (match := _SEPARATOR.match(inner, at))
            and at >= start
            and match.end() > at + (character == " ")
        ):
            if not inner[at : match.end()].strip():
                continue
            parts.append(inner[start:at])
            start = match.end()
    return [part.strip() for part in [*parts, inner[start:]]]
