"""Real constants to 50 digits with the standard library, to confirm what double precision cannot tell apart.

Only consulted when two constants agree in double precision and exact arithmetic could not decide.
"""

from __future__ import annotations

from decimal import Context, Decimal, DecimalException, localcontext
from fractions import Fraction

from ..read.tree import Node
from .arithmetic import Arithmetic, Undefined

DIGITS = 60
_PI = Decimal(
    "3.14159265358979323846264338327950288419716939937510582097494459230781640628620899862803482534211706798"
)


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
        match name, values:
            case "sqrt", [x, *_]:
                return x.sqrt()
            case "exp", [x, *_]:
                return _power(Decimal(1).exp(), x)
            case "ln", [x, *_]:
                return x.ln()
            case "log", [x, base, *_]:
                return x.ln() / base.ln()
            case "abs", [x, *_]:
                return abs(x)
            case "sin", [x, *_]:
                return sine(x)
            case "cos", [x, *_]:
                return sine(x + _PI / 2)
            case "tan", [x, *_]:
                return sine(x) / sine(x + _PI / 2)
            case "arctan", [x, *_]:
                return arctangent(x)
            case "arcsin", [x, *_] if abs(x) < 1:
                return arctangent(x / (1 - x * x).sqrt())
            case "arccos", [x, *_] if abs(x) < 1:
                return _PI / 2 - arctangent(x / (1 - x * x).sqrt())
        raise Undefined(name)


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
