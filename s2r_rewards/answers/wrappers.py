"""Tier ``number``, second half: percent signs, degrees and units around a value, by policy.

Caveat: without the question nobody can know the unit that it asked for; a unit on one side only is
therefore dropped, and a percent sign may stand for nothing only where the bare number could not be meant as
a proportion.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from .expressions import Outcome, as_number, equal, functions
from .policy import CheckPolicy
from .reader import Node
from .units import LETTER_UNITS, TEMPERATURES, compatible, normal_unit

_HUNDRED: Node = ("num", Fraction(100))


@dataclass(frozen=True, slots=True)
class Wrapped:
    core: Node
    unit: str = ""
    percent: bool = False
    degree: bool = False


def unwrap(node: Node) -> Wrapped:
    unit, percent, degree, negative = "", False, False, False
    while True:
        if node[0] == "unit":
            unit = f"{unit} {node[2]}".strip()
        elif node[0] == "percent":
            percent = True
        elif node[0] == "degree":
            degree = True
        elif node[0] == "neg" and node[1][0] in ("percent", "degree", "unit"):
            negative = not negative
        else:
            break
        node = node[1]
    return Wrapped(("neg", node) if negative else node, unit, percent, degree)


def compare_values(gold: Node, answer: Node, policy: CheckPolicy) -> Outcome:
    """Two values with what is wrapped around them."""
    g, a = unwrap(gold), unwrap(answer)
    if policy.units == "strict" and (bool(g.unit) != bool(a.unit) or g.degree != a.degree):
        return Outcome(False, "number", "a unit on one side only")
    if policy.units != "ignore":
        if g.unit and a.unit and not compatible(g.unit, a.unit):
            return Outcome(False, "number", f"different units: {g.unit!r} and {a.unit!r}")
        for one, other in ((g, a), (a, g)):
            if one.degree and normal_unit(other.unit) not in ((), ("degree",), ("celsius",), ("fahrenheit",)):
                return Outcome(False, "number", "degrees and another unit")
    if g.degree != a.degree and not (g.unit or a.unit):
        turned = _degrees_and_radians(g, a, policy)
        if turned is not None:
            return turned
    if g.percent != a.percent:
        return _percent(g, a, policy)
    outcome = equal(g.core, a.core, policy)
    if not outcome.equal and policy.units != "strict":
        for one, other in ((g, a), (a, g)):
            bare = _without_letter_unit(one.core)
            same_unit = not other.unit or (bare is not None and compatible(other.unit, _letter(one.core)))
            if bare is not None and same_unit and as_number(other.core) == as_number(bare):
                return Outcome(True, "number", "equal without its unit")
    return outcome


def _without_letter_unit(core: Node) -> Node | None:
    """The number in ``5 m``, ``5 m^2`` or ``5° C``, where the letter can be a unit."""
    if core[0] != "mul" or len(core) != 3:
        return None
    value, letter = core[1], core[2]
    if letter[0] == "pow" and letter[2][0] == "num":
        letter = letter[1]
    if letter[0] != "sym" or letter[1] not in (TEMPERATURES if value[0] == "degree" else LETTER_UNITS):
        return None
    return value if as_number(value) is not None else None


def _letter(core: Node) -> str:
    return str(core[2][1][1] if core[2][0] == "pow" else core[2][1])


def _percent(g: Wrapped, a: Wrapped, policy: CheckPolicy) -> Outcome:
    if policy.percent == "strict":
        return Outcome(False, "number", "a percent sign on one side only")
    signed, bare = (g, a) if g.percent else (a, g)
    if policy.percent in ("both", "value"):
        outcome = (
            equal(("div", g.core, _HUNDRED), a.core, policy)
            if g.percent
            else equal(g.core, ("div", a.core, _HUNDRED), policy)
        )
        if outcome.equal or policy.percent == "value":
            return outcome
    outcome = equal(g.core, a.core, policy)
    value = as_number(bare.core)
    if outcome.equal and signed is a and (value is None or abs(value) < 1):
        return Outcome(False, "number", "a percentage of a proportion")
    return outcome


def _degrees_and_radians(g: Wrapped, a: Wrapped, policy: CheckPolicy) -> Outcome | None:
    """30° and π/6 are the same angle; None when the bare side does not mention π."""
    bare = a if g.degree else g
    if not _mentions_pi(bare.core) or functions(bare.core):
        return None
    turn: Node = ("div", ("const", "pi"), ("num", Fraction(180)))
    sides = [("mul", side.core, turn) if side.degree else side.core for side in (g, a)]
    return equal(sides[0], sides[1], policy)


def _mentions_pi(node: Node) -> bool:
    return node == ("const", "pi") or any(
        _mentions_pi(child) for child in node[1:] if isinstance(child, tuple)
    )
