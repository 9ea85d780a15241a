"""The exact values of constant expressions, with every size bounded and the whole cost metered."""

from collections.abc import Callable
from fractions import Fraction
from functools import reduce
from math import ceil, comb, factorial, floor

from ..read.tree import Node
from .arithmetic import Arithmetic, Undefined
from .exact import Exact, Unheld, bits, square_root

BUDGET = 20_000_000
_PI = (1, 1, 0)
_CONSTANTS = {"pi": Exact({_PI: Fraction(1)}), "i": Exact({(1, 0, 1): Fraction(1)})}
#: 4·sin²(k·π/12) up to π, for the angles where it is a whole number.
_SINES = {0: 0, 2: 1, 3: 2, 4: 3, 6: 4, 8: 3, 9: 2, 10: 1}


def exact_value(node: Node) -> Exact | None:
    """The exact value of a constant expression; None when it has none that can be held within bounds."""
    try:
        return ExactArithmetic().value(node)
    except Unheld:
        return None


def as_number(node: Node) -> Fraction | None:
    """The exact rational value of a constant expression, if it has one."""
    try:
        return ExactArithmetic().value(node).rational
    except (Unheld, Undefined):
        return None


class ExactArithmetic(Arithmetic):
    """Exact arithmetic within a budget: about a third of a second for one expression, whatever its length."""

    def __init__(self) -> None:
        self.left = BUDGET

    def charge(self, value: Exact) -> Exact:
        """The value; a step costs the square of its number of machine words."""
        for part in value.values():
            self.left -= 1 + (bits(part) >> 6) ** 2
        if self.left <= 0:
            raise Unheld
        return value

    def value(self, node: Node) -> Exact:
        return self.charge(Arithmetic.value(self, node))

    def fold(self, combine: Callable[[Exact, Exact], Exact], nodes: tuple[Node, ...]) -> Exact:
        return reduce(lambda total, value: self.charge(combine(total, value)), map(self.value, nodes))

    def number(self, value: Fraction) -> Exact:
        return Exact.of(value)

    def constant(self, name: str) -> Exact:
        if name not in _CONSTANTS:
            raise Unheld
        return _CONSTANTS[name]

    def variable(self, name: str) -> Exact:
        raise Unheld

    def power(self, base: Exact, exponent: Node) -> Exact:
        power = self.value(exponent).rational
        if power is None:
            raise Unheld
        return base.to_power(power)

    def function(self, name: str, values: list[Exact]) -> Exact:
        if name in ("sin", "cos", "tan"):
            return _trigonometric(name, values[0])
        match name, [value.rational for value in values]:
            case "sqrt", [Fraction() as x, *_]:
                return square_root(x)
            case "abs", [Fraction() as x, *_]:
                return Exact.of(abs(x))
            case (("floor" | "ceil"), [Fraction() as x, *_]):
                return Exact.of(floor(x) if name == "floor" else ceil(x))
            case "factorial", [Fraction() as x, *_] if x.denominator == 1 and 0 <= x <= 3_000:
                return Exact.of(factorial(int(x)))
            case "exp", [Fraction() as x, *_] if not x:
                return Exact.of(1)
            case "binom", [Fraction() as n, Fraction() as k] if n.denominator == k.denominator == 1:
                if 0 <= k <= n <= 3_000:
                    return Exact.of(comb(int(n), int(k)))
            case "log", [Fraction() as x, Fraction() as base]:
                return _logarithm(x, base)
        raise Unheld


def _trigonometric(name: str, angle: Exact) -> Exact:
    steps = angle.get(_PI, Fraction(0)) * 12
    if set(angle) - {_PI} or steps.denominator != 1:
        raise Unheld
    if name == "tan":
        return _sine(int(steps)) / _sine(int(steps) + 6)
    return _sine(int(steps) + (6 if name == "cos" else 0))


def _sine(twelfths: int) -> Exact:
    """The sine of a whole number of twelfths of π."""
    if twelfths % 12 not in _SINES:
        raise Unheld
    sine = square_root(Fraction(_SINES[twelfths % 12], 4))
    return sine if twelfths % 24 < 12 else -sine


def _logarithm(number: Fraction, base: Fraction) -> Exact:
    """A logarithm that is a whole number."""
    if number <= 0 or base <= 0:
        raise Undefined("the logarithm of a number that is not positive")
    if number == 1:
        return Exact()
    if base == 1 or bits(number) > 4_000:
        raise Unheld
    power, value = 0, Fraction(1)
    step = base if (number > 1) == (base > 1) else 1 / base
    while (value < number) == (number > 1) and value != number and power < 4_000:
        value *= step
        power += 1
    if value != number:
        raise Unheld
    return Exact.of(power if step == base else -power)
