"""Tier ``number``: two plain numbers are equal when their exact rational values are.

Decides integers, decimals, ``a/b``, scientific notation and thousands separators in exact arithmetic; nothing
is rounded. Caveat: exponents and digits are bounded before anything is evaluated.
"""

import re
from fractions import Fraction

from ..policy import CheckPolicy
from ..result import Outcome

_PLAIN = re.compile(
    r"([+-]?)\s*(?:(\d{1,3}(?:,\d{3})+(?!\d)|\d{1,400})?(?:\.(\d{0,400}))?)(?:[eE]([+-]?\d{1,3}))?"
    r"(?:\s*/\s*(\d{1,400}))?"
)


def plain_number(text: str) -> Fraction | None:
    """The exact value of a plain ASCII number, or None when ``text`` is not one."""
    match = _PLAIN.fullmatch(text)
    if match is None or not text.isascii():
        return None
    sign, whole, decimals, exponent, below = match.groups()
    if not whole and not decimals:
        return None
    digits = (whole or "").replace(",", "") + (decimals or "")
    value = Fraction(int(digits))
    shift = (int(exponent) if exponent else 0) - len(decimals or "")
    if shift:
        value = value * 10**shift if shift > 0 else value / 10**-shift
    if below is not None:
        if int(below) == 0:
            return None
        value /= int(below)
    return -value if sign == "-" else value


def compare_plain(gold: str, answer: str, policy: CheckPolicy) -> Outcome | None:
    """Decide two plain numbers; None when a side is none, or when they might still be equal."""
    first = plain_number(gold)
    second = None if first is None else plain_number(answer)
    if second is None:
        return None
    if first == second:
        return Outcome(True, "number", "same exact value")
    return Outcome(False, "number", "different exact values") if _differ(gold, answer, policy) else None


def _differ(gold: str, answer: str, policy: CheckPolicy) -> bool:
    """Whether two different plain numbers certainly differ: no list, tolerance or rounding in question."""
    if policy.relative_tolerance or ("," in gold and "," in answer):
        return False
    if "/" in gold or "e" in gold or "E" in gold:
        return "." not in answer
    places = len(gold) - gold.index(".") - 1 if "." in gold else 0
    return places < policy.rounded_places or not policy.rounded_places
