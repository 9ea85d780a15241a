"""Numeric values of expressions in double precision, guarded: overflow and poles raise ``Undefined``.

Variables take fixed pseudo-random complex values near the positive real axis, so that roots and logarithms
stay on their principal branch; expressions with ``floor``, ``factorial`` and the like are probed on the
positive reals. Where two constants agree in double precision and exact arithmetic could not decide, real constants to 50
digits, with the standard library, confirm what double precision cannot tell apart.
"""

import cmath
import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from decimal import Context, Decimal, DecimalException, localcontext
from fractions import Fraction
from typing import Any

from ..read.tree import Node
from .arithmetic import Arithmetic, Undefined

_CONSTANTS = {"pi": math.pi, "e": math.e, "i": 1j}
_ONE_ARGUMENT: dict[str, Callable[[Any], complex]] = {
    "sin": cmath.sin, "cos": cmath.cos, "tan": cmath.tan, "sinh": cmath.sinh, "cosh": cmath.cosh,
    "tanh": cmath.tanh, "arcsin": cmath.asin, "arccos": cmath.acos, "arctan": cmath.atan,
    "arcsinh": cmath.asinh, "arccosh": cmath.acosh, "arctanh": cmath.atanh, "exp": cmath.exp, "ln": cmath.log,
    "sqrt": cmath.sqrt, "abs": abs, "det": lambda z: z,
    "cot": lambda z: 1 / cmath.tan(z), "sec": lambda z: 1 / cmath.cos(z), "csc": lambda z: 1 / cmath.sin(z),
    "coth": lambda z: 1 / cmath.tanh(z), "arccot": lambda z: cmath.atan(1 / z),
    "floor": lambda z: math.floor(_real(z)), "ceil": lambda z: math.ceil(_real(z)),
    "factorial": lambda z: _gamma(z), "Re": lambda z: complex(z).real, "Im": lambda z: complex(z).imag,
}  # fmt: skip
REAL_ONLY = frozenset(("floor", "ceil", "factorial", "binom", "max", "min", "gcd", "lcm"))


def _real(value: complex) -> float:
    if abs(complex(value).imag) > 1e-9:
        raise Undefined("a real number is needed")
    return complex(value).real


def _gamma(value: complex) -> float:
    try:
        return math.gamma(_real(value) + 1)
    except (ValueError, OverflowError):
        raise Undefined("a factorial out of range") from None


def _sample(name: str, which: int, real: bool) -> complex:
    """The value of variable ``name`` at sample point ``which``: fixed, so that every process agrees."""
    seed = 1469598103934665603 + 7919 * which
    for character in name:
        seed = ((seed ^ ord(character)) * 1099511628211) & 0xFFFFFFFFFFFFFFFF
    seed ^= seed >> 29
    radius = 0.6 + (seed % 10_007) / 10_007 * 1.9
    angle = 0.0 if real else ((seed // 10_007) % 10_009 / 10_009 - 0.5) * 0.8
    return cmath.rect(radius, angle) if angle else radius


def number(node: Node, variables: Mapping[str, complex]) -> complex:
    """The value of ``node``; raises :class:`Undefined` where it has none within range."""
    try:
        value: complex = Floats(variables).value(node)
    except (OverflowError, ZeroDivisionError, ValueError):
        raise Undefined("out of range") from None
    if not (abs(value) < 1e150):
        raise Undefined("out of range")
    return value


def probe(
    first: Node, second: Node, names: set[str], real: bool = False, signed: bool = False
) -> Iterator[tuple[complex, complex]]:
    """Both values at each of five sample points where both have one; ``signed`` takes negative ones in, too."""
    for which in range(5):
        point = {name: _sample(name, which, real) for name in sorted(names)}
        if signed:
            point = {name: -value if (which >> k) & 1 else value for k, (name, value) in enumerate(point.items())}
        with suppress(Undefined):
            yield number(first, point), number(second, point)


class Floats(Arithmetic):
    """Double precision with a value for every variable."""

    def __init__(self, variables: Mapping[str, complex]) -> None:
        self.variables = variables

    def number(self, value: Fraction) -> complex:
        return value.numerator / value.denominator

    def constant(self, name: str) -> complex:
        if name not in _CONSTANTS:
            raise Undefined(name)
        return _CONSTANTS[name]

    def variable(self, name: str) -> complex:
        return self.variables[name]

    def power(self, base: complex, exponent: Node) -> complex:
        power: complex = self.value(exponent)
        if abs(power) > 1e6:
            raise Undefined("an exponent out of range")
        if base == 0 and complex(power).real <= 0:
            raise Undefined("a power of zero")
        if isinstance(base, float | int) and base < 0:
            base = complex(base)
        return base**power

    def function(self, name: str, values: list[complex]) -> complex:
        if name == "log":
            return cmath.log(values[0]) / cmath.log(values[1])
        if name == "binom" and len(values) == 2:
            top, below = _real(values[0]), _real(values[1])
            return _gamma(top) / (_gamma(below) * _gamma(top - below))
        if name in ("max", "min"):
            return (max if name == "max" else min)(_real(value) for value in values)
        if len(values) == 1 and name in _ONE_ARGUMENT:
            if name in ("ln", "arccot") and values[0] == 0:
                raise Undefined("the logarithm of zero")
            return _ONE_ARGUMENT[name](values[0])
        raise Undefined(f"{name} of {len(values)} arguments")


DIGITS = 60
_PI = Decimal("3.14159265358979323846264338327950288419716939937510582097494459230781640628620899862803482534211706798")


def precise(node: Node) -> Decimal | None:
    """The value of a real constant, or None when it is not real or uses a function that is not covered."""
    with localcontext(Context(prec=DIGITS, Emax=10**6, Emin=-(10**6))):
        try:
            value: Decimal = Decimals().value(node)
        except (DecimalException, Undefined, OverflowError, ZeroDivisionError):
            return None
        return value


class Decimals(Arithmetic):
    """Decimal numbers to the precision of the context."""

    def number(self, value: Fraction) -> Decimal:
        return Decimal(value.numerator) / Decimal(value.denominator)

    def constant(self, name: str) -> Decimal:
        if name not in ("pi", "e"):
            raise Undefined(name)
        return +_PI if name == "pi" else Decimal(1).exp()

    def power(self, base: Decimal, exponent: Node) -> Decimal:
        return _power(base, self.value(exponent))

    def function(self, name: str, values: list[Decimal]) -> Decimal:
        x = values[0]
        if name == "log":
            return x.ln() / values[1].ln()
        if name in ("arcsin", "arccos") and abs(x) < 1:
            angle = arctangent(x / (1 - x * x).sqrt())
            return angle if name == "arcsin" else _PI / 2 - angle
        if name not in _FUNCTIONS:
            raise Undefined(name)
        return _FUNCTIONS[name](x)


def _power(base: Decimal, exponent: Decimal) -> Decimal:
    if abs(exponent) > 10**6:
        raise Undefined("an exponent out of range")
    power: Decimal = base**exponent
    return power


def sine(value: Decimal) -> Decimal:
    """The Taylor series, after reduction modulo 2π."""
    if abs(value) > 10**6:
        raise Undefined("an angle out of range")
    value = value % (2 * _PI)
    term = total = value
    for n in range(1, 80):
        term = -term * value * value / ((2 * n) * (2 * n + 1))
        total += term
    return total


def arctangent(value: Decimal) -> Decimal:
    """The Taylor series, after halving the argument six times."""
    for _ in range(6):
        value = value / (1 + (1 + value * value).sqrt())
    term = total = value
    for n in range(1, 40):
        term = -term * value * value
        total += term / (2 * n + 1)
    return total * 64


_FUNCTIONS: dict[str, Callable[[Decimal], Decimal]] = {
    "sqrt": Decimal.sqrt, "ln": Decimal.ln, "abs": abs, "exp": lambda x: _power(Decimal(1).exp(), x),
    "sin": sine, "cos": lambda x: sine(x + _PI / 2), "tan": lambda x: sine(x) / sine(x + _PI / 2),
    "arctan": arctangent,
}  # fmt: skip
