r"""Tier ``choice``: multiple-choice letters.

A choice is its letter, alone or in front of its text: ``B``, ``(B)``, ``\text{(B)}``, ``Option B``, ``B)
2x(x-7)``. Caveat: a second letter makes it a hedge, which is no single choice.
"""

import re
from functools import cache
from string import ascii_letters
from typing import NamedTuple

from ..read.vocabulary import WORDS
from ..result import Outcome, judged
from .text import plain_text

_OR_LETTER = re.compile(
    r"\b(?:or|nor|and|maybe|perhaps|possibly|unless|not)\s+(?:option\s+)?\(?[A-J]\b(?!\s*[=+*/^-])|\b(?:maybe|unless)\b"
)
_PRIMED = re.compile(r"\s*[A-Za-z]\s*(?:'|\^\s*\{?\\prime)")  # E' is a point, no choice


class _Letters(NamedTuple):
    """How a letter stands first, alone, in front of its text, and as the second letter of a hedge."""

    first: re.Pattern[str]
    alone: re.Pattern[str]
    chosen: re.Pattern[str]
    second: re.Pattern[str]


def _letters(letters: str, behind: str, word: str) -> _Letters:
    """``behind`` must follow ``B.`` or ``B)``; ``word`` must follow a letter that is no article."""
    styles = r"text\w*|mbox|math\w*|operatorname|boxed|left|right|q?quad"
    return _Letters(
        re.compile(rf"(?:[^\w\\]|\\(?:(?:{styles})(?![A-Za-z])|[^A-Za-z]))*[{letters}OT]", re.I),
        re.compile(rf"\(?\s*([{letters}])\s*\)?[.:]?"),
        re.compile(
            r"\s*(?:(?:the\s+)?(?:correct\s+)?(?:option|choice|answer)(?:\s+is)?\s*:?\s*)?"
            rf"(?:\(\s*([{letters}])\s*\)|([{letters}])\s*(?:[).:]{behind}|(?=\s*$)|(?=\s+[-–]\s+[A-Za-z]{{3}})"
            r"|(?=\.[A-Z\\])))",
            re.I,
        ),
        re.compile(r"\W*(?:(?:or|and|nor)\b\W*|[,/|&]\s*)?\(?([A-J])\)?(?![\w(^+*=-]|\s*[=+*/^-])" + word),
    )


_IN_MATHEMATICS = _letters("A-J", r"(?![\w.])", "")


@cache
def _asked_for() -> _Letters:
    """Where only a choice is asked for, ``B.5`` and ``B)x`` are choices too; beside mathematics they are not."""
    return _letters("A-Z", "", r"(?!\s+(?!(?:or|and|nor)\b)[a-z])")


def split_choice(text: str, letters: _Letters = _IN_MATHEMATICS) -> tuple[str, str] | None:
    """The letter and the rest of ``B) 25``; None when the text does not begin with a choice or hedges."""
    if text[:1] in _NO_LETTER or text[:2] in _KEYS or not letters.first.match(text) or _PRIMED.match(text):
        return None
    plain = plain_text(text[:400])
    match = letters.chosen.match(plain)
    if match is None:
        return None
    rest = plain[match.end() :].strip()
    if (not _ROMAN.fullmatch(rest) and letters.second.match(rest)) or _OR_LETTER.search(rest):
        return None
    return (match.group(1) or match.group(2)).upper(), rest


_KEYS = frozenset(("{'", '{"'))  # of a dictionary
_NO_LETTER = frozenset("0123456789-+.=<>|")
_NO_CHOICE = _NO_LETTER | (frozenset(ascii_letters) - frozenset("ABCDEFGHIJOTabcdefghijot"))
_LETTER_AT_END = re.compile(r"[A-Ja-j]\)")
_CAPITAL = re.compile("[A-J]")
_ROMAN = re.compile(r"[IVX]+(?:(?:\s*,\s*(?:and|or)?|\s+(?:and|or))\s*[IVX]+)*(?:\s+only)?\.?", re.I)
_HEDGED = re.compile(
    r"\b(?:not|no|never|n't|neither|nor|or|except|unless|maybe|perhaps|possibly|wrong|incorrect|isn|rather|instead)\b",
    re.I,
)
_FUNCTIONS = frozenset(WORDS["functions"].split())
_AT_END = re.compile(r"(?P<rest>[^\\^_=]*[^\s\\^_=])\s+\((?:(?i:option|choice|answer)\s+([A-Ja-j])|([A-J]))\)\s*\.?")


def stated_choice(text: str) -> tuple[str, str] | None:
    """As :func:`split_choice`, also where the letter stands behind its text: ``8 weeks (Option C)``."""
    if text[:1] not in _NO_CHOICE and (found := split_choice(text)):
        return found
    if ")" not in text[-8:] or not _LETTER_AT_END.search(text[-8:]):
        return None
    plain = plain_text(text[:400])
    match = _AT_END.fullmatch(plain)
    if match is None or len(re.findall(r"\([A-J]\)", plain)) > 1 or _HEDGED.search(match["rest"]):
        return None
    letter = match[2] or match[3]
    last = re.search(r"[A-Za-z]*$", match["rest"])
    argument = not match[2] and (last is None or len(last[0]) < 3 or last[0].lower() in _FUNCTIONS)
    return None if argument else (letter.upper(), match["rest"])


def compare_choices(gold: str, answer: str, only: bool = False) -> Outcome | None:
    """Decide when the gold answer is a choice letter; None when it is not.

    ``only``: nothing but a choice is asked for, so letters up to Z count, and the gold's may be small.
    """
    if gold[:1] in _NO_LETTER or len(gold) > 40 or not (only or _CAPITAL.search(gold)) or _PRIMED.match(gold):
        return None
    letters = _asked_for() if only else _IN_MATHEMATICS
    if (letter := letters.alone.fullmatch(plain_text(gold.upper() if only else gold))) is None:
        return None
    chosen = split_choice(answer, letters) or (None if only else stated_choice(answer))
    if chosen is None:
        return Outcome(None, "choice", "the answer is not a single choice")
    return judged(chosen[0] == letter[1], "choice", "same letter", "different letters")
