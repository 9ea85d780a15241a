"""Tier ``expression``: two expressions are equal when they are identical as functions of their variables.

Decided by exact arithmetic for constants, in a prime field for rational functions, and otherwise by numeric
probing at fixed pseudo-random points (complex, near the positive real axis). Caveat: probing assumes
positive variables, so ``sqrt(x^2)`` equals ``x``; a function that is defined nowhere near the points stays
undecided (None).
"""

from __future__ import annotations

from fractions import Fraction
from typing import NamedTuple

from .constants import exact_value
from .exact import Exact, Undefined, as_rational
from .modular import NotRational, value_mod
from .policy import CheckPolicy
from .precise import precise
from .probing import REAL_ONLY, number, sample
from .reader import Node

_CLOSE = 1e-9
_SAMPLES = 5
_SIGNIFICANT = 5  # 2.88e-19 has many places, but nobody's machine rounded to it
_WRAPPERS = ("percent", "degree", "unit")


class Outcome(NamedTuple):
    """A decision (None: undecided), the method that reached it, and why."""

    equal: bool | None
    how: str
    why: str


def variables(node: Node) -> set[str]:
    """Names of the free variables."""
    found: set[str] = set()
    stack = [node]
    while stack:
        current = stack.pop()
        if current[0] in ("sym", "call"):
            found.add(current[1])
        stack.extend(child for child in current[1:] if isinstance(child, tuple))
    return found


def functions(node: Node) -> set[str]:
    found: set[str] = set()
    stack = [node]
    while stack:
        current = stack.pop()
        if current[0] == "fn":
            found.add(current[1])
        stack.extend(child for child in current[1:] if isinstance(child, tuple))
    return found


def decimal_places(node: Node) -> int:
    """Decimal places that a literal was written with, as far as its exact value shows them; 0 for others."""
    if node[0] == "neg":
        node = node[1]
    if node[0] != "num":
        return 0
    places, below = 0, node[1].denominator
    while below % 10 == 0 or below % 2 == 0 or below % 5 == 0:
        places += 1
        below = below // 10 if below % 10 == 0 else below // 2 if below % 2 == 0 else below // 5
    return places if below == 1 else 0


def equal(gold: Node, answer: Node, policy: CheckPolicy) -> Outcome:
    """Whether two expressions are equal; ``gold`` may be a rounded decimal (see ``rounded_places``)."""
    if gold == answer:
        return Outcome(True, "expression", "same expression")
    names = variables(gold) | variables(answer)
    try:
        if not names:
            return _constants(gold, answer, policy)
        if not variables(gold) and as_number(gold) is not None and _plainly_variable(answer):
            return Outcome(False, "expression", "the answer still contains a variable")
        return _functions(gold, answer, names)
    except Undefined as error:
        return Outcome(False, "expression", f"the answer is undefined: {error}")


def as_number(node: Node) -> Fraction | None:
    """The exact rational value of a constant expression, if it has one."""
    try:
        value = exact_value(node)
    except Undefined:
        return None
    return None if value is None else as_rational(value)


def _plainly_variable(node: Node) -> bool:
    return node[0] in ("sym", "call") or (
        node[0] == "mul" and all(c[0] in ("num", "sym", "const") for c in node[1:])
    )


def _constants(gold: Node, answer: Node, policy: CheckPolicy) -> Outcome:
    left, right = exact_value(gold), exact_value(answer)
    if left is not None and right is not None:
        if left == right:
            return Outcome(True, "number", "same exact value")
        if rounds_to(gold, answer, left, right, policy):
            return Outcome(True, "number", "equal after rounding")
        return Outcome(False, "number", "different exact values")
    a, b = number(gold, {}), number(answer, {})
    if rounds_to(gold, answer, left, right, policy, a, b):
        return Outcome(True, "number", "equal after rounding")
    if abs(a - b) > _CLOSE * max(abs(a), abs(b), 1e-300):
        return Outcome(False, "expression", "different values")
    first, second = precise(gold), precise(answer)
    if first is not None and second is not None:
        same = abs(first - second) <= max(abs(first), abs(second)).scaleb(-40)
        return Outcome(same, "expression", "same value to 40 digits" if same else "different in later digits")
    one_is_rational = (left is None) != (right is None) and as_rational(left or right or {}) is not None
    if one_is_rational and abs(a - b) > 1e-12 * max(abs(a), abs(b)):
        return Outcome(False, "expression", "different values")
    return Outcome(True, "expression", "same value in double precision")


def rounds_to(
    gold: Node, answer: Node, left: Exact | None, right: Exact | None, policy: CheckPolicy,
    a: complex | None = None, b: complex | None = None,
) -> bool:  # fmt: skip
    """Whether one side is a decimal literal that the other rounds to, or the two are within tolerance."""
    x = _as_float(left) if a is None else a
    y = _as_float(right) if b is None else b
    if policy.relative_tolerance and abs(x - y) <= policy.relative_tolerance * abs(x):
        return True
    places = decimal_places(gold)
    if (
        policy.rounded_places
        and places >= policy.rounded_places
        and _digits(gold, places) >= min(_SIGNIFICANT, policy.rounded_places)
    ):
        if decimal_places(answer) and decimal_places(answer) <= places:
            return False
        slack = 0.5 * 10.0**-places + 2.3e-16 * max(abs(x), abs(y))
        return abs(x - y) <= slack * 1.000001
    places = decimal_places(answer)
    literal = answer[1] if answer[0] == "neg" else answer
    if policy.machine_digits and places and literal[0] == "num" and not decimal_places(gold):
        digits = _digits(answer, places)
        irrational = left is None or as_rational(left) is None or _repeats(as_rational(left))
        if digits >= policy.machine_digits and irrational:
            return abs(x - y) <= 4e-16 * max(abs(x), abs(y), 1e-300) + 10.0**-places
    return False


def _digits(node: Node, places: int) -> int:
    """Significant digits that a decimal literal was written with."""
    value = (node[1] if node[0] == "neg" else node)[1]
    return len(str(value.numerator * 10**places // value.denominator))


def _repeats(value: Fraction | None) -> bool:
    if value is None:
        return False
    below = value.denominator
    for prime in (2, 5):
        while below % prime == 0:
            below //= prime
    return below != 1


def _as_float(value: Exact | None) -> complex:
    total: complex = 0
    for (radicand, power, imaginary), part in (value or {}).items():
        try:
            size = part.numerator / part.denominator * radicand**0.5 * 3.141592653589793**power
        except OverflowError:
            raise Undefined("out of range") from None
        total += size * 1j if imaginary else size
    return total


def _functions(gold: Node, answer: Node, names: set[str]) -> Outcome:
    try:
        same = all(value_mod(gold, which) == value_mod(answer, which) for which in (0, 1))
        return Outcome(same, "expression", "identical rational functions" if same else "different functions")
    except NotRational:
        pass
    if "abs" in functions(gold) | functions(answer):
        return _probe(gold, answer, names, real=True, signed=True)
    return _probe(gold, answer, names, real=bool((functions(gold) | functions(answer)) & REAL_ONLY))


def _probe(gold: Node, answer: Node, names: set[str], real: bool, signed: bool = False) -> Outcome:
    agreed = 0
    for which in range(_SAMPLES):
        point = {name: sample(name, which, real) for name in names}
        if signed:
            point = {
                name: -value if (which >> k) & 1 else value for k, (name, value) in enumerate(point.items())
            }
        try:
            a, b = number(gold, point), number(answer, point)
        except Undefined:
            continue
        if abs(a - b) > _CLOSE * max(abs(a), abs(b), 1e-12):
            return Outcome(False, "expression", "different at a sample point")
        agreed += 1
    if agreed >= 3:
        return Outcome(True, "expression", f"equal at {agreed} sample points")
    return Outcome(None, "expression", "could not be evaluated")
