r"""The value of an expression as a ball of real numbers: undefined wherever the reals have no value.

Odd roots of negative numbers are real (``\sqrt[3]{-8} = -2``). Factorials, binomials, gcd and lcm have values at whole
numbers only.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from fractions import Fraction
from functools import reduce
from math import comb, factorial, gcd, lcm

from ..read import tree
from ..read.tree import Node
from . import balls
from .arithmetic import Arithmetic, Undefined, written_fraction
from .balls import ONE, TWO, ZERO, Ball

_ONE, _TWO = Ball(ONE), Ball(TWO)
#: Functions that have a value at whole numbers only.
WHOLE_ONLY = frozenset(("factorial", "binom", "gcd", "lcm", "permutations"))
#: Functions that are not the same formula everywhere.
PIECEWISE = frozenset(("abs", "floor", "ceil", "max", "min", "sign", "Re", "Im", "arg", "conj"))
_LARGEST_EXACT = 400  # roots and logarithms that are looked at as whole numbers
_LARGEST_FACTORIAL = 2_000


class Reals(Arithmetic):
    """Real balls with a value for every variable."""

    def __init__(self, variables: Mapping[str, Ball]) -> None:
        self.variables = variables

    def raised(self, node: tree.Power) -> Ball:
        if type(node.left) is tree.Const and node.left.name == "e":
            return balls.exp(self.value(node.right))
        return self.power(self.value(node.left), node.right)

    def number(self, value: Fraction) -> Ball:
        if value.denominator == 1:
            return Ball(Decimal(value.numerator))
        return balls.rational(value)

    def constant(self, name: str) -> Ball:
        if name == "pi":
            return balls.pi()
        if name == "e":
            return balls.exp(_ONE)
        raise Undefined(name)

    def variable(self, name: str) -> Ball:
        return self.variables[name]

    def power(self, base: Ball, exponent: Node) -> Ball:
        if (ratio := written_fraction(exponent)) is not None:
            return _rational_power(base, ratio)
        power: Ball = self.value(exponent)
        if (whole := power.whole) is not None:
            return balls.whole_power(base, whole)
        if base.is_zero and not base.error and balls.sign(power) > 0:
            return base
        return balls.exp(power * balls.ln(base))

    def function(self, name: str, values: list[Ball]) -> Ball:
        if name in FUNCTIONS and len(values) == 1:
            return FUNCTIONS[name](values[0])
        if name in ("max", "min") and values:
            return _extreme(values, name == "max")
        if name == "log" and len(values) == 2:
            return _log(values[0], values[1])
        if name in WHOLE_ONLY:
            return _of_whole_numbers(name, [value.whole for value in values])
        raise Undefined(f"{name} of {len(values)} arguments")


def _rational_power(base: Ball, exponent: Fraction) -> Ball:
    if exponent.denominator == 1:
        return balls.whole_power(base, int(exponent))
    if exponent.denominator == 2 and abs(exponent.numerator) < 1_000:
        return balls.whole_power(balls.sqrt(base), exponent.numerator)
    if base.is_zero:
        if base.error:
            raise balls.Hidden
        if exponent <= 0:
            raise Undefined("a power of zero")
        return base
    if base.value < 0:
        if exponent.denominator % 2 == 0:
            raise Undefined("an even root of a negative number")
        positive = _rational_power(-base, exponent)
        return -positive if exponent.numerator % 2 else positive
    power = balls.exp(balls.rational(exponent) * balls.ln(base))
    whole = power.value.to_integral_value()
    if (
        not base.error
        and abs(exponent.numerator) < 50
        and _is_near(power, whole)
        and Fraction(whole) ** exponent.denominator == Fraction(base.value) ** exponent.numerator
    ):
        return Ball(whole)  # the cube root of 8
    return power


def _log(x: Ball, base: Ball) -> Ball:
    found = balls.ln(x) / balls.ln(base)
    whole = found.value.to_integral_value()
    if (
        _is_near(found, whole)
        and not x.error
        and not base.error
        and Fraction(base.value) ** int(whole) == Fraction(x.value)
    ):
        return Ball(whole)  # log 8 to the base of 2
    return found


def _is_near(found: Ball, whole: Decimal) -> bool:
    """Whether a value may be a whole number of few digits."""
    return 0 < abs(whole) < _LARGEST_EXACT and abs(found.value - whole) <= found.error


def _extreme(values: list[Ball], largest: bool) -> Ball:
    def of_two(first: Ball, second: Ball) -> Ball:
        one, other = (first, second) if (first.value >= second.value) == largest else (second, first)
        return one if not one.agrees(other) else Ball(one.value, max(one.error, other.error))

    return reduce(of_two, values)


def _of_whole_numbers(name: str, values: list[int | None]) -> Ball:
    found = [value for value in values if value is not None]
    if len(found) < len(values):
        raise Undefined(f"{name} of a number that is not whole")
    if name in ("gcd", "lcm"):
        return Ball(Decimal(gcd(*found) if name == "gcd" else lcm(*found)))
    if max(found) > _LARGEST_FACTORIAL or min(found) < 0:
        raise Undefined(f"{name} out of range")
    match name, found:
        case "factorial", [n]:
            return Ball(Decimal(factorial(n)))
        case "binom", [n, k]:
            return Ball(Decimal(comb(n, k)))
        case "permutations", [n, k]:
            return Ball(Decimal(factorial(n) // factorial(n - k) if k <= n else 0))
    raise Undefined(f"{name} of {len(found)} arguments")


def sinh(x: Ball) -> Ball:
    grown = balls.exp(x)
    return (grown - _ONE / grown) / _TWO


def cosh(x: Ball) -> Ball:
    grown = balls.exp(x)
    return (grown + _ONE / grown) / _TWO


def tanh(x: Ball) -> Ball:
    grown = balls.exp(x + x)
    return (grown - _ONE) / (grown + _ONE)


def _tan(x: Ball) -> Ball:
    return balls.sin(x) / balls.cos(x)


def _arccos(x: Ball) -> Ball:
    return balls.pi() / _TWO - balls.arcsin(x)


def _arcsinh(x: Ball) -> Ball:
    root = balls.sqrt(x * x + _ONE)
    return balls.ln(x + root) if x.value >= 0 else -balls.ln(root - x)


def _arccosh(x: Ball) -> Ball:
    if x.value < 1:
        if x.value + x.error >= 1:
            raise balls.Hidden
        raise Undefined("no inverse of the hyperbolic cosine")
    return balls.ln(x + balls.sqrt(x * x - _ONE))


def _arctanh(x: Ball) -> Ball:
    return balls.ln((_ONE + x) / (_ONE - x)) / _TWO


FUNCTIONS: dict[str, Callable[[Ball], Ball]] = {
    "sin": balls.sin, "cos": balls.cos, "tan": _tan, "sinh": sinh, "cosh": cosh, "tanh": tanh,
    "cot": lambda x: balls.cos(x) / balls.sin(x), "sec": lambda x: _ONE / balls.cos(x),
    "csc": lambda x: _ONE / balls.sin(x), "coth": lambda x: _ONE / tanh(x),
    "arcsin": balls.arcsin, "arccos": _arccos, "arctan": balls.arctan,
    "arccot": lambda x: balls.arctan(_ONE / x), "arcsinh": _arcsinh, "arccosh": _arccosh, "arctanh": _arctanh,
    "exp": balls.exp, "ln": balls.ln, "sqrt": balls.sqrt, "abs": abs, "det": lambda x: x,
    "floor": Ball.floor, "ceil": lambda x: -(-x).floor(), "sign": lambda x: Ball(Decimal(balls.sign(x))),
    "Re": lambda x: x, "conj": lambda x: x, "Im": lambda _: Ball(ZERO),
}  # fmt: skip
