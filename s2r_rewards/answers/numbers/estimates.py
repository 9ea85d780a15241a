"""Estimates of constants: most pairs differ by far, which a few operations in double precision prove.

Estimated is only what exact arithmetic can certainly hold: sums, products, quotients and small powers of a few plain
numbers, their square roots, small factorials, pi and i. An estimate is off by no more than :data:`ERROR` of its size,
which is what it would be if every term of every sum were positive.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from math import factorial, frexp, pi, sqrt
from typing import Any

from ..read import tree
from ..read.tree import Node

Estimate = tuple[complex, float]  # a value and its size
#: A thousand times what 16 numbers and the signs between them can add up to.
ERROR = 1e-12
_LEAVES = 16  # neither products of that many sums nor their digits are too many for exact arithmetic
_BITS = 60  # a number with more of them counts as several: 16 · 60 binary digits neither overflow nor vanish
_LARGE = 1 << _BITS
_LARGEST_ROOT = 3_000**3
_LARGEST_POWER = 30
_LARGEST_FACTORIAL = 18

#: How many numbers may still occur, as the one item of a list.
_Left = list[int]


class _Beyond(Exception):
    """Nothing that is estimated."""


def estimate(node: Node) -> Estimate | None:
    """The value and the size of a constant, None for anything that is not as simple as said above."""
    if type(node) is tree.Num:  # as most are
        top, below = node.value.as_integer_ratio()
        if -_LARGE < top < _LARGE > below:
            value = top / below
            return value, abs(value)
    if (step := _STEPS.get(type(node))) is None:
        return None
    left = [_LEAVES]
    try:
        found = step(left, node)
    except (_Beyond, KeyError, ZeroDivisionError, OverflowError):
        return None
    return found if left[0] >= 0 else None


def _number(left: _Left, node: tree.Num) -> Estimate:
    top, below = node.value.as_integer_ratio()
    left[0] -= 1
    if not -_LARGE < top < _LARGE > below:
        left[0] -= (top.bit_length() + below.bit_length()) // _BITS
    value = top / below
    return value, abs(value)


def _constant(left: _Left, node: tree.Const) -> Estimate:
    left[0] -= 1
    return _CONSTANTS[node.name]


def _negative(left: _Left, node: tree.Neg) -> Estimate:
    value, size = _STEPS[type(node.inner)](left, node.inner)
    return -value, size


def _sum(left: _Left, node: tree.Sum) -> Estimate:
    total: complex = 0.0
    size = 0.0
    for part in node.parts:
        value, more = _STEPS[type(part)](left, part)
        total += value
        size += more
    return total, size


def _product(left: _Left, node: tree.Product) -> Estimate:
    total: complex = 1.0
    size = 1.0
    for part in node.parts:
        value, more = _STEPS[type(part)](left, part)
        total *= value
        size *= more
    return total, size


def _quotient(left: _Left, node: tree.Quotient) -> Estimate:
    below = node.right
    if not (_SINGLE.issuperset(map(type, below.parts)) if type(below) is tree.Product else type(below) in _SINGLE):
        raise _Beyond
    top, size = _STEPS[type(node.left)](left, node.left)
    value, _ = _STEPS[type(below)](left, below)
    return top / value, size / abs(value)


def _power(left: _Left, node: tree.Power) -> Estimate:
    exponent = node.right.inner if type(node.right) is tree.Neg else node.right
    if type(exponent) is not tree.Num or type(node.left) not in _SINGLE or type(node.left) is tree.Power:
        raise _Beyond
    power, below = exponent.value.as_integer_ratio()
    if below != 1 or not -_LARGEST_POWER <= power <= _LARGEST_POWER:
        raise _Beyond
    base, _ = _STEPS[type(node.left)](left, node.left)
    value = base ** (power if exponent is node.right else -power)
    size = abs(value)
    left[0] -= abs(frexp(size)[1]) // _BITS
    if not base or not size:
        raise _Beyond
    return value, size


def _function(left: _Left, node: tree.Function) -> Estimate:
    left[0] -= 1
    inner = node.arguments[0]
    over = inner.right if type(inner) is tree.Quotient else _ONE
    inner = inner.left if type(inner) is tree.Quotient else inner
    if type(inner) is not tree.Num or type(over) is not tree.Num or len(node.arguments) > 1:
        raise _Beyond
    top, below = inner.value.as_integer_ratio()
    if over is not _ONE:
        factor, divisor = over.value.as_integer_ratio()
        top, below = top * divisor, below * factor
    if node.name == "sqrt" and 0 <= top * below < _LARGEST_ROOT:
        value = sqrt(top / below)
    elif node.name == "factorial" and 0 <= top <= _LARGEST_FACTORIAL and below == 1:
        value = float(factorial(top))
    else:
        raise _Beyond
    return value, value


_ONE = tree.Num(Fraction(1))
_CONSTANTS: dict[str, Estimate] = {"pi": (pi, pi), "i": (1j, 1.0)}
#: What has one term in exact arithmetic, whatever it is made of; a divisor has to.
_SINGLE = frozenset((tree.Num, tree.Const, tree.Power, tree.Function))
_STEPS: dict[type, Callable[[_Left, Any], Estimate]] = {
    tree.Num: _number, tree.Const: _constant, tree.Neg: _negative, tree.Sum: _sum, tree.Product: _product,
    tree.Quotient: _quotient, tree.Power: _power, tree.Function: _function,
}  # fmt: skip
