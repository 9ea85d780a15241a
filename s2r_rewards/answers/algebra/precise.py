"""Real constants to 50 digits with the standard library, to confirm what double precision cannot tell apart.

Only consulted when two constants agree in double precision and exact arithmetic could not decide.
"""

from collections.abc import Callable
from decimal import Context, Decimal, DecimalException, localcontext
from fractions import Fraction

from ..read.tree import Node
from .arithmetic import Arithmetic, Undefined

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
