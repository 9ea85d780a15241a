"""Real constants to 50 digits with the standard library, to confirm what double precision cannot tell apart.

Only consulted when two constants agree in double precision and exact arithmetic could not decide.
"""

from __future__ import annotations

from decimal import Context, Decimal, DecimalException, localcontext

from .exact import Undefined
from .reader import Node

DIGITS = 60
_PI = Decimal(
    "3.14159265358979323846264338327950288419716939937510582097494459230781640628620899862803482534211706798"
)


def precise(node: Node) -> Decimal | None:
    """The value of a real constant, or None when it is not real or uses a function that is not covered."""
    with localcontext(Context(prec=DIGITS, Emax=10**6, Emin=-(10**6))):
        try:
            return _value(node)
        except (DecimalException, Undefined, OverflowError, ZeroDivisionError):
            return None


def _value(node: Node) -> Decimal:
    kind = node[0]
    if kind == "num":
        return Decimal(node[1].numerator) / Decimal(node[1].denominator)
    if kind == "const":
        if node[1] == "pi":
            return +_PI
        if node[1] == "e":
            return Decimal(1).exp()
    elif kind == "add":
        return sum((_value(child) for child in node[1:]), Decimal(0))
    elif kind == "mul":
        product = Decimal(1)
        for child in node[1:]:
            product *= _value(child)
        return product
    elif kind == "neg":
        return -_value(node[1])
    elif kind == "div":
        return _value(node[1]) / _value(node[2])
    elif kind in ("unit", "degree"):
        return _value(node[1])
    elif kind == "percent":
        return _value(node[1]) / 100
    elif kind == "pow":
        return _power(_value(node[1]), _value(node[2]))
    elif kind == "fn":
        return _function(node[1], [_value(child) for child in node[2:]])
    raise Undefined(kind)


def _power(base: Decimal, exponent: Decimal) -> Decimal:
    if abs(exponent) > 10**6:
        raise Undefined("an exponent out of range")
    return base**exponent


def _function(name: str, values: list[Decimal]) -> Decimal:
    value = values[0]
    if name == "sqrt":
        return value.sqrt()
    if name == "exp":
        return _power(Decimal(1).exp(), value)
    if name == "ln":
        return value.ln()
    if name == "log":
        return value.ln() / values[1].ln()
    if name == "abs":
        return abs(value)
    if name == "sin":
        return sine(value)
    if name == "cos":
        return sine(value + _PI / 2)
    if name == "tan":
        return sine(value) / sine(value + _PI / 2)
    if name == "arctan":
        return arctangent(value)
    if name == "arcsin" and abs(value) < 1:
        return arctangent(value / (1 - value * value).sqrt())
    if name == "arccos" and abs(value) < 1:
        return _PI / 2 - arctangent(value / (1 - value * value).sqrt())
    raise Undefined(name)


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
    """The Taylor series, after halving the argument four times."""
    halvings = 6
    for _ in range(halvings):
        value = value / (1 + (1 + value * value).sqrt())
    term = total = value
    for n in range(1, 40):
        term = -term * value * value
        total += term / (2 * n + 1)
    return total * 2**halvings
