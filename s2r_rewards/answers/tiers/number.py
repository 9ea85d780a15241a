"""Tier ``number``: plain numbers, and percent signs, degrees and units around a value, by policy.

Two plain numbers are equal when their exact rational values are: integers, decimals, ``a/b``, scientific notation and
thousands separators; nothing is rounded, and exponents and digits are bounded before anything is evaluated. Caveat:
without the question nobody can know the unit that it asked for; a unit on one side only is therefore dropped, and with a
percent sign on one side only the bare number decides what it means.
"""

import re
from dataclasses import dataclass
from fractions import Fraction
from string import ascii_letters

from ..algebra.equality import clearly_apart, equal
from ..numbers.exact import as_number
from ..policy import CheckPolicy
from ..read import tree
from ..read.atoms import TURN
from ..read.tree import Node, constants, facts, functions, kinds_of
from ..result import Outcome, judged
from .units import in_unit_of, quantity

_PLAIN = re.compile(
    r"([+-]?)\s*(?:((?!0)\d{1,3}(?:,\d{3})+(?!\d)|\d{1,400})?(?:\.(\d{0,400}))?)(?:[eE]([+-]?\d{1,3}))?"
    r"(?:\s*/\s*(\d{1,400}))?"
)
_FRACTION = re.compile(
    r"([+-]?) ?\\frac ?\{ ?(-?\d{1,400}) ?\} ?\{ ?(\d{1,400}) ?\}|([+-]?)\\frac ?([1-9])([1-9])", re.A
)
_STARTS = frozenset("0123456789.,+-\\")  # of plain numbers
_LAST = frozenset("0123456789.")  # of all of them but \frac{1}{2}
_NEVER = frozenset(ascii_letters + "_*^=()[]{}|:;<>!%'") - frozenset("eE")  # in a plain number that has no command
_NOT_DECIMAL = _NEVER | frozenset("eE/\\, ")
_MOST_DIGITS = 400  # of a number that no pattern bounds
_DEPTH = 5  # how deep the reader goes for a fraction
_TEMPERATURES = {"C": "celsius", "F": "fahrenheit"}
_ANGLES = frozenset(("arcsin", "arccos", "arctan", "arccot", "arcsec", "arccsc"))
_MARKS = kinds_of(tree.Unit, tree.Percent, tree.Degree)
_SAME = Outcome(True, "number", "same exact value")
_DIFFERENT = Outcome(False, "number", "different exact values")
_HUNDRED = tree.Num(Fraction(100))


def plain_number(text: str) -> tuple[int, int] | None:
    """The exact value of a plain ASCII number or of one fraction of two, as a numerator and a positive denominator.

    None when ``text`` is neither. The fraction need not be in lowest terms: nothing is divided.
    """
    if "\\" in text:
        return _plain_fraction(text)
    if text[-1] not in _LAST:
        return None
    sign = text[0]
    whole, point, decimals = (text[1:].lstrip() if sign == "-" or sign == "+" else text).partition(".")
    digits = whole + decimals if point else whole
    if digits.isdigit() and len(digits) <= _MOST_DIGITS and digits.isascii():  # most need no pattern
        return -int(digits) if sign == "-" else int(digits), 10 ** len(decimals) if point else 1
    match = _PLAIN.fullmatch(text) if _NEVER.isdisjoint(text) else None
    if match is None or not text.isascii():
        return None
    sign, whole, decimals, exponent, divisor = match.groups("")
    digits = whole.replace(",", "") + decimals
    below = int(divisor or 1)
    if not digits or not below:
        return None
    top = -int(digits) if sign == "-" else int(digits)
    shift = int(exponent or 0) - len(decimals)
    return (top * 10**shift, below) if shift > 0 else (top, below * 10**-shift)


def _plain_fraction(text: str) -> tuple[int, int] | None:
    if text.startswith("\\frac{"):
        above, middle, under = text[6:-1].partition("}{")
        if (
            middle
            and above.isdigit()
            and under.isdigit()
            and text[-1] == "}"
            and text.isascii()
            and len(text) < _MOST_DIGITS
        ):
            return (int(above), below) if (below := int(under)) else None
    match = _FRACTION.fullmatch(text)
    if match is None or not (below := int(match[3] or match[6])):
        return None
    top = int(match[2] or match[5])
    return (-top if (match[1] or match[4]) == "-" else top), below


def compare_plain(gold: str, answer: str, policy: CheckPolicy) -> Outcome | None:
    """Decide two plain numbers; None when a side is none, or when they might still be equal."""
    if not (gold and answer):
        return None
    both = gold + answer
    if both.isdigit() and both.isascii() and len(both) <= _MOST_DIGITS and not policy.relative_tolerance:
        return _SAME if gold.lstrip("0") == answer.lstrip("0") else _DIFFERENT
    if gold[0] not in _STARTS or answer[0] not in _STARTS:
        return None
    if (
        gold[-1] in _LAST
        and answer[-1] in _LAST
        and _NOT_DECIMAL.isdisjoint(both)
        and both.isascii()
        and len(both) <= _MOST_DIGITS
    ):
        try:  # what is the same number rounds to the same one
            if float(gold) != float(answer):
                return _DIFFERENT if _differ(gold, answer, policy) else None
        except ValueError:
            pass
    if (second := plain_number(answer)) is None or (first := plain_number(gold)) is None:
        return None
    if policy.max_depth < _DEPTH and "\\" in both:
        return None
    if first[0] * second[1] == second[0] * first[1]:
        return _SAME
    return _DIFFERENT if _differ(gold, answer, policy) else None


def _differ(gold: str, answer: str, policy: CheckPolicy) -> bool:
    """Whether two different plain numbers certainly differ: no list, tolerance or rounding in question."""
    if policy.relative_tolerance or ("," in gold and "," in answer):
        return False
    if "/" in gold or "\\" in gold or "e" in gold or "E" in gold:
        return "." not in answer
    places = len(gold) - gold.index(".") - 1 if "." in gold else 0
    return places < policy.rounded_places or not policy.rounded_places


@dataclass(frozen=True, slots=True)
class Wrapped:
    """A value and what was written around it."""

    core: Node
    unit: str = ""
    percent: bool = False
    degree: bool = False


def unwrap(node: Node) -> Wrapped:
    """Takes units, percent and degree signs off a value; a minus sign in front of them stays."""
    unit, percent, degree, negative = "", False, False, False
    while True:
        match node:
            case tree.Unit(inner, text):
                unit = f"{unit} {text}".strip()
            case tree.Percent(inner):
                percent = True
            case tree.Product((tree.Degree(inner), tree.Sym("C" | "F" as letter))):
                unit = f"{unit} {_TEMPERATURES[letter]}".strip()
            case tree.Degree(inner):
                degree = True
            case tree.Neg(tree.Percent() | tree.Degree() | tree.Unit() as inner):
                negative = not negative
            case _:
                return Wrapped(tree.Neg(node) if negative else node, unit, percent, degree)
        node = inner


def compare_values(gold: Node, answer: Node, policy: CheckPolicy) -> Outcome:
    """Two values with what is wrapped around them."""
    if policy.units != "ignore" and not (facts(gold).kinds | facts(answer).kinds) & _MARKS:
        return equal(gold, answer, policy)
    g, a = unwrap(gold), unwrap(answer)
    if g.percent != a.percent and (g.unit or a.unit or g.degree or a.degree) and policy.units != "ignore":
        return Outcome(False, "number", "a percentage and a unit")
    if g.percent != a.percent:
        return _percent(g, a, policy)
    one_angle = g.degree != a.degree and not (g.unit or a.unit) and policy.units != "strict"
    if one_angle and _is_angle((a if g.degree else g).core):  # 30° and π/6 are the same angle
        sides = [tree.Product((side.core, TURN)) if side.degree else side.core for side in (g, a)]
        return _equal(sides[0], sides[1], policy)
    if policy.units == "ignore":
        return _equal(_plain(g), _plain(a), policy)
    if g.unit or a.unit or g.degree or a.degree:
        return _quantities(g, a, policy)
    return _equal(g.core, a.core, policy)


def _equal(gold: Node, answer: Node, policy: CheckPolicy) -> Outcome:
    """Two values that something was taken off."""
    return clearly_apart(gold, answer, policy) or equal(gold, answer, policy)


def _plain(side: Wrapped) -> Node:
    found = quantity(side.core, side.unit, side.degree)
    return found.value if found.unit else side.core


def _quantities(g: Wrapped, a: Wrapped, policy: CheckPolicy) -> Outcome:
    """Two values, at least one of which has a unit or a degree sign."""
    first, second = (quantity(side.core, side.unit, side.degree) for side in (g, a))
    if not (first.unit and second.unit):
        if policy.units == "strict" and (first.unit or second.unit):
            return Outcome(False, "number", "a unit on one side only")
        return _equal(first.value, second.value, policy)
    values = in_unit_of(first, second)
    if values is None:
        return Outcome(False, "number", "different units")
    return _equal(*values, policy)


def _percent(g: Wrapped, a: Wrapped, policy: CheckPolicy) -> Outcome:
    """One side has a percent sign; the bare number decides whether it is the percentage's value or only lacks its sign.

    Never both: if 1 stood for 1 % and for 100 %, one answer would be right for two golds.
    """
    if policy.percent == "strict":
        return Outcome(False, "number", "a percent sign on one side only")
    bare = as_number((a if g.percent else g).core)
    proportion = bare is None or 0 < abs(bare) < 1
    if policy.percent == "value" or (policy.percent == "both" and proportion):
        sides = [tree.Quotient(side.core, _HUNDRED) if side.percent else side.core for side in (g, a)]
        return _equal(sides[0], sides[1], policy)
    if proportion:
        return Outcome(False, "number", "a percentage and a proportion")
    return _equal(g.core, a.core, policy)


def _is_angle(node: Node) -> bool:
    """Whether a value is an angle for all its spelling says: a multiple of pi, or the angle of a sine, a cosine …"""
    named = functions(node)
    return named <= _ANGLES and ("pi" in constants(node) or bool(named))


def compare_based(gold: Node, answer: Node) -> Outcome | tree.Num:
    """Numbers with a base: as written when both carry one, by digits when only the gold answer does.

    A base on the answer alone gives its value.
    """
    if isinstance(gold, tree.Based):
        if isinstance(answer, tree.Based):
            return judged(gold == answer, "number", "same digits and base", "different digits or bases")
        same = as_number(answer) == gold.digits
        return judged(same, "number", "same digits, the base left out", "different digits")
    assert isinstance(answer, tree.Based)
    digits, base = str(answer.digits), answer.base
    if not (digits.isdigit() and base.isdigit() and 2 <= int(base) <= 10 and all(int(d) < int(base) for d in digits)):
        return Outcome(False, "number", "not a number in its base")
    return tree.Num(Fraction(int(digits, int(base))))
