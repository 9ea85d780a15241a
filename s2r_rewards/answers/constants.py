"""The exact values of constant expressions, with every size bounded and the whole cost metered."""

from __future__ import annotations

from fractions import Fraction
from math import comb, factorial

from .exact import (
    Exact,
    Undefined,
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
from .reader import Node

_ANGLES = {  # sin(k·π/12) for the angles with one-square-root values
    0: ("0", 1), 2: ("1/2", 1), 3: ("1/2", 2), 4: ("1/2", 3), 6: ("1", 1), 8: ("1/2", 3), 9: ("1/2", 2),
    10: ("1/2", 1),
    12: ("0", 1), 14: ("-1/2", 1), 15: ("-1/2", 2), 16: ("-1/2", 3), 18: ("-1", 1), 20: ("-1/2", 3),
    21: ("-1/2", 2), 22: ("-1/2", 1),
}  # fmt: skip


class Meter:
    """The arithmetic that one expression may cost: about a third of a second, whatever its length."""

    def __init__(self, left: int = 20_000_000) -> None:
        self.left = left

    def charge(self, value: Exact) -> Exact | None:
        """The value, or None past the budget; a step costs the square of its number of machine words."""
        for part in value.values():
            self.left -= 1 + (bits(part) >> 6) ** 2
        return value if self.left > 0 else None


def exact_value(node: Node, meter: Meter | None = None) -> Exact | None:
    """The exact value of a constant expression; None when it has none that can be held within bounds."""
    meter = meter or Meter()
    value = _exact(node, meter)
    return None if value is None else meter.charge(value)


def _exact(node: Node, meter: Meter) -> Exact | None:
    kind = node[0]
    if kind == "num":
        return rational(node[1])
    if kind == "const":
        return {"pi": {(1, 1, 0): Fraction(1)}, "i": {(1, 0, 1): Fraction(1)}}.get(node[1])
    if kind in ("add", "mul"):
        total = exact_value(node[1], meter)
        for child in node[2:]:
            value = exact_value(child, meter)
            if total is None or value is None:
                return None
            total = add(total, value) if kind == "add" else multiply(total, value)
            if total is None or meter.charge(total) is None:
                return None
        return total
    if kind == "neg":
        value = exact_value(node[1], meter)
        return None if value is None else scale(value, Fraction(-1))
    if kind in ("percent", "degree", "unit"):
        value = exact_value(node[1], meter)
        return scale(value, Fraction(1, 100)) if value is not None and kind == "percent" else value
    if kind in ("div", "pow"):
        left, right = exact_value(node[1], meter), exact_value(node[2], meter)
        if left is None or right is None:
            return None
        if kind == "div":
            inverse = invert(right)
            return None if inverse is None else multiply(left, inverse)
        return _power(left, right)
    if kind == "fn":
        return _function(node, meter)
    return None


def _power(base: Exact, exponent: Exact) -> Exact | None:
    power = as_rational(exponent)
    if power is None:
        return None
    if not base:
        if power <= 0:
            raise Undefined("a power of zero")
        return {}
    if power.denominator == 1:
        return integer_power(base, power.numerator)
    whole = as_rational(base)
    return None if whole is None else rational_power(whole, power)


def _function(node: Node, meter: Meter) -> Exact | None:
    name, values = node[1], [exact_value(child, meter) for child in node[2:]]
    if any(value is None for value in values):
        return None
    first = values[0] or {}
    number = as_rational(first)
    if name == "sqrt":
        return None if number is None else square_root(number)
    if name in ("sin", "cos", "tan"):
        return _trigonometric(name, first)
    if number is None:
        return None
    if name == "abs":
        return rational(abs(number))
    if name in ("floor", "ceil"):
        return rational(number.__floor__() if name == "floor" else number.__ceil__())
    if name == "factorial" and number.denominator == 1 and 0 <= number <= 3_000:
        return rational(factorial(int(number)))
    if name == "exp" and not number:
        return rational(1)
    if len(values) == 2:
        second = as_rational(values[1] or {})
        if name == "binom" and second is not None and number.denominator == second.denominator == 1:
            if 0 <= second <= number <= 3_000:
                return rational(comb(int(number), int(second)))
        elif name == "log" and second is not None:
            return _logarithm(number, second)
    return None


def _trigonometric(name: str, angle: Exact) -> Exact | None:
    if angle and set(angle) != {(1, 1, 0)}:
        return None
    steps = angle.get((1, 1, 0), Fraction(0)) * 12
    if steps.denominator != 1:
        return None
    sine, cosine = _ANGLES.get(int(steps) % 24), _ANGLES.get((int(steps) + 6) % 24)
    wanted = {"sin": [sine], "cos": [cosine], "tan": [sine, cosine]}[name]
    parts = [None if x is None else ({(x[1], 0, 0): Fraction(x[0])} if x[0] != "0" else {}) for x in wanted]
    if parts[0] is None or parts[-1] is None:
        return None
    if name != "tan":
        return parts[0]
    inverse = invert(parts[1] or {})
    return None if inverse is None else multiply(parts[0], inverse)


def _logarithm(number: Fraction, base: Fraction) -> Exact | None:
    """A logarithm that is a whole number."""
    if number <= 0 or base <= 0:
        raise Undefined("the logarithm of a number that is not positive")
    if number == 1:
        return {}
    if base == 1 or bits(number) > 4_000:
        return None
    power, value = 0, Fraction(1)
    step = base if (number > 1) == (base > 1) else 1 / base
    while (value < number) == (number > 1) and value != number and power < 4_000:
        value *= step
        power += 1
    return rational(power if step == base else -power) if value == number else None
