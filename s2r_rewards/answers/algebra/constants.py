"""The exact values of constant expressions, with every size bounded and the whole cost metered."""

from __future__ import annotations

from fractions import Fraction
from functools import reduce
from math import comb, factorial

from ..read.nodes import Node
from .arithmetic import Arithmetic, Undefined
from .exact import (
    Exact,
    Unheld,
    add,
    as_rational,
    bits,
    integer_power,
    invert,
    multiply,
    rational,
    rational_power,
    scale,
    square_root,
)

BUDGET = 20_000_000
_PI = (1, 1, 0)
_CONSTANTS: dict[str, Exact] = {"pi": {_PI: Fraction(1)}, "i": {(1, 0, 1): Fraction(1)}}
_SINES: dict[int, Exact] = {  # sin(k·π/12) for the angles with one-square-root values
    0: {}, 2: {(1, 0, 0): Fraction(1, 2)}, 3: {(2, 0, 0): Fraction(1, 2)}, 4: {(3, 0, 0): Fraction(1, 2)},
    6: {(1, 0, 0): Fraction(1)}, 8: {(3, 0, 0): Fraction(1, 2)}, 9: {(2, 0, 0): Fraction(1, 2)},
    10: {(1, 0, 0): Fraction(1, 2)},
}  # fmt: skip


def exact_value(node: Node) -> Exact | None:
    """The exact value of a constant expression; None when it has none that can be held within bounds."""
    try:
        return ExactArithmetic().value(node)
    except Unheld:
        return None


def as_number(node: Node) -> Fraction | None:
    """The exact rational value of a constant expression, if it has one."""
    try:
        return as_rational(ExactArithmetic().value(node))
    except (Unheld, Undefined):
        return None


class ExactArithmetic(Arithmetic[Exact]):
    """Exact arithmetic within a budget: about a third of a second for one expression, whatever its length."""

    def __init__(self, budget: int = BUDGET) -> None:
        self.left = budget

    def value(self, node: Node) -> Exact:
        return self.charge(super().value(node))

    def charge(self, value: Exact) -> Exact:
        """The value; a step costs the square of its number of machine words."""
        for part in value.values():
            self.left -= 1 + (bits(part) >> 6) ** 2
        if self.left <= 0:
            raise Unheld
        return value

    def number(self, value: Fraction) -> Exact:
        return rational(value)

    def constant(self, name: str) -> Exact:
        if name not in _CONSTANTS:
            raise Unheld
        return _CONSTANTS[name]

    def variable(self, name: str) -> Exact:
        raise Unheld

    def add(self, values: list[Exact]) -> Exact:
        return reduce(lambda left, right: self.charge(add(left, right)), values)

    def multiply(self, values: list[Exact]) -> Exact:
        return reduce(lambda left, right: self.charge(multiply(left, right)), values)

    def negate(self, value: Exact) -> Exact:
        return scale(value, Fraction(-1))

    def divide(self, top: Exact, below: Exact) -> Exact:
        return multiply(top, invert(below))

    def power(self, base: Exact, exponent: Node) -> Exact:
        power, whole = as_rational(self.value(exponent)), as_rational(base)
        if power is None:
            raise Unheld
        if not base:
            if power <= 0:
                raise Undefined("a power of zero")
            return {}
        if power.denominator == 1:
            return integer_power(base, power.numerator)
        if whole is None:
            raise Unheld
        return rational_power(whole, power)

    def function(self, name: str, values: list[Exact]) -> Exact:
        if name in ("sin", "cos", "tan"):
            return _trigonometric(name, values[0])
        match name, [as_rational(value) for value in values]:
            case "sqrt", [Fraction() as x, *_]:
                return square_root(x)
            case "abs", [Fraction() as x, *_]:
                return rational(abs(x))
            case "floor", [Fraction() as x, *_]:
                return rational(x.__floor__())
            case "ceil", [Fraction() as x, *_]:
                return rational(x.__ceil__())
            case "factorial", [Fraction() as x, *_] if x.denominator == 1 and 0 <= x <= 3_000:
                return rational(factorial(int(x)))
            case "exp", [Fraction() as x, *_] if not x:
                return rational(1)
            case "binom", [Fraction() as n, Fraction() as k] if (
                n.denominator == k.denominator == 1 and 0 <= k <= n <= 3_000
            ):
                return rational(comb(int(n), int(k)))
            case "log", [Fraction() as x, Fraction() as base]:
                return _logarithm(x, base)
        raise Unheld


def _trigonometric(name: str, angle: Exact) -> Exact:
    steps = angle.get(_PI, Fraction(0)) * 12
    if set(angle) - {_PI} or steps.denominator != 1:
        raise Unheld
    if name == "tan":
        return multiply(_sine(int(steps)), invert(_sine(int(steps) + 6)))
    return _sine(int(steps) + (6 if name == "cos" else 0))


def _sine(twelfths: int) -> Exact:
    """The sine of a whole number of twelfths of π."""
    sine = _SINES.get(twelfths % 12)
    if sine is None:
        raise Unheld
    return scale(sine, Fraction(1 if twelfths % 24 < 12 else -1))


def _logarithm(number: Fraction, base: Fraction) -> Exact:
    """A logarithm that is a whole number."""
    if number <= 0 or base <= 0:
        raise Undefined("the logarithm of a number that is not positive")
    if number == 1:
        return {}
    if base == 1 or bits(number) > 4_000:
        raise Unheld
    power, value = 0, Fraction(1)
    step = base if (number > 1) == (base > 1) else 1 / base
    while (value < number) == (number > 1) and value != number and power < 4_000:
        value *= step
        power += 1
    if value != number:
        raise Unheld
    return rational(power if step == base else -power)
