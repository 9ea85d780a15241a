"""Estimates of constants: most pairs differ by far, which a few operations in double precision prove.

Estimated is only what exact arithmetic can certainly hold: sums, products, quotients and small powers of a few plain
numbers, their square roots and pi. An estimate is off by no more than :data:`ERROR` of its size, which is what it would
be if every term of every sum were positive.
"""

from __future__ import annotations

from collections.abc import Callable
from math import pi, sqrt
from typing import Any

from ..read import tree
from ..read.tree import Node

Estimate = tuple[float, float]  # a value and its size
#: A thousand times what 16 numbers and the signs between them can add up to.
ERROR = 1e-12
_LEAVES = 16  # neither products of that many sums nor their digits are too many for exact arithmetic
_LARGE = 10**18  # 16 numbers between its inverse and itself neither overflow nor vanish
_LARGEST_ROOT = 3_000**3
_LARGEST_POWER = 30


class _Beyond(Exception):
    """Nothing that is estimated."""


class _Leaves:
    """How many numbers may still occur."""

    __slots__ = ("left",)

    def __init__(self) -> None:
        self.left = _LEAVES


def estimate(node: Node) -> Estimate | None:
    """The value and the size of a constant, None for anything that is not as simple as said above."""
    if type(node) not in _STEPS:
        return None
    leaves = _Leaves()
    try:
        found = _STEPS[type(node)](leaves, node)
    except (_Beyond, KeyError, ZeroDivisionError, OverflowError):
        return None
    return found if leaves.left >= 0 else None


def _number(leaves: _Leaves, node: tree.Num) -> Estimate:
    leaves.left -= 1
    top, below = node.value.as_integer_ratio()
    if not -_LARGE < top < _LARGE > below:
        raise _Beyond
    value = top / below
    return value, abs(value)


def _constant(leaves: _Leaves, node: tree.Const) -> Estimate:
    leaves.left -= 1
    if node.name != "pi":
        raise _Beyond
    return pi, pi


def _negative(leaves: _Leaves, node: tree.Neg) -> Estimate:
    value, size = _STEPS[type(node.inner)](leaves, node.inner)
    return -value, size


def _sum(leaves: _Leaves, node: tree.Sum) -> Estimate:
    total, size = 0.0, 0.0
    for part in node.parts:
        value, more = _STEPS[type(part)](leaves, part)
        total += value
        size += more
    return total, size


def _product(leaves: _Leaves, node: tree.Product) -> Estimate:
    total, size = 1.0, 1.0
    for part in node.parts:
        value, more = _STEPS[type(part)](leaves, part)
        total *= value
        size *= more
    return total, size


def _quotient(leaves: _Leaves, node: tree.Quotient) -> Estimate:
    below = node.right
    for part in below.parts if type(below) is tree.Product else (below,):
        if type(part) not in _SINGLE:
            raise _Beyond
    top, size = _STEPS[type(node.left)](leaves, node.left)
    value, _ = _STEPS[type(below)](leaves, below)
    return top / value, size / abs(value)


def _power(leaves: _Leaves, node: tree.Power) -> Estimate:
    exponent = node.right.inner if type(node.right) is tree.Neg else node.right
    if type(exponent) is not tree.Num or type(node.left) not in _SINGLE or type(node.left) is tree.Power:
        raise _Beyond
    power = exponent.value
    if power.denominator != 1 or not -_LARGEST_POWER <= power <= _LARGEST_POWER:
        raise _Beyond
    base, _ = _STEPS[type(node.left)](leaves, node.left)
    value = base ** (int(power) if exponent is node.right else -int(power))
    if not base or not 1 / _LARGE < abs(value) < _LARGE:
        raise _Beyond
    return value, abs(value)


def _root(leaves: _Leaves, node: tree.Function) -> Estimate:
    leaves.left -= 1
    inner = node.arguments[0]
    if node.name != "sqrt" or type(inner) is not tree.Num or len(node.arguments) > 1:
        raise _Beyond
    top, below = inner.value.as_integer_ratio()
    if not 0 <= top * below < _LARGEST_ROOT:
        raise _Beyond
    value = sqrt(top / below)
    return value, value


#: What has one term in exact arithmetic, whatever it is made of; a divisor has to.
_SINGLE = frozenset((tree.Num, tree.Const, tree.Power, tree.Function))
_STEPS: dict[type, Callable[[_Leaves, Any], Estimate]] = {
    tree.Num: _number, tree.Const: _constant, tree.Neg: _negative, tree.Sum: _sum, tree.Product: _product,
    tree.Quotient: _quotient, tree.Power: _power, tree.Function: _root,
}  # fmt: skip
