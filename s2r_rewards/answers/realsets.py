"""Sets of real numbers: intervals, unions, inequalities, ``x != a``; equal when no point tells them apart.

A set is a membership test and the list of its cuts. Two sets are compared at every cut of either, between
neighbouring cuts and beyond them, which decides for every set whose boundary lies at its cuts.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from .exact import Undefined
from .expressions import variables
from .probing import number
from .reader import Node

_TINY = 1e-11
_MAX_CUTS = 200
_INFINITY = (("const", "inf"), ("neg", ("const", "inf")))


@dataclass(frozen=True, slots=True)
class RealSet:
    cuts: tuple[float, ...]
    contains: Callable[[float], bool]
    variable: str | None = None


def real_set(node: Node) -> RealSet | None:
    """The set that ``node`` writes down, or None when it is not a set of real numbers in one variable."""
    try:
        return _set(node)
    except Undefined:
        return None


def same_set(first: RealSet, second: RealSet) -> bool:
    if first.variable and second.variable and first.variable != second.variable:
        return False
    return all(first.contains(x) == second.contains(x) for x in _test_points(first.cuts + second.cuts))


def _test_points(cuts: Sequence[float]) -> list[float]:
    finite = sorted(x for x in cuts if math.isfinite(x))
    merged: list[float] = []
    for x in finite:
        if not merged or x - merged[-1] > _TINY * max(1.0, abs(x)):
            merged.append(x)
    if not merged:
        return [-1.5, 0.0, 1.5]
    between = [(a + b) / 2 for a, b in pairwise(merged)]
    return [merged[0] - 1.7, *merged, *between, merged[-1] + 1.7]


def constant(node: Node) -> float:
    """The real value of a constant, infinite ones included."""
    if node == _INFINITY[0] or node == ("unit", _INFINITY[0]):
        return math.inf
    if node == _INFINITY[1]:
        return -math.inf
    if variables(node):
        raise Undefined("not a constant")
    value = complex(number(node, {}))
    if abs(value.imag) > 1e-12:
        raise Undefined("not real")
    return value.real


def _near(x: float, y: float) -> bool:
    return x == y or (
        math.isfinite(x) and math.isfinite(y) and abs(x - y) <= _TINY * max(1.0, abs(x), abs(y))
    )


def _set(node: Node) -> RealSet | None:
    kind = node[0]
    if node == ("const", "reals"):
        return RealSet((), lambda x: True)
    if node == ("const", "empty"):
        return RealSet((), lambda x: False)
    if kind == "group" and len(node[3]) == 2:
        return _interval(node)
    if kind == "set":
        points = tuple(constant(item) for item in node[1])
        return RealSet(points, lambda x: any(_near(x, p) for p in points))
    if kind in ("union", "cap", "setminus"):
        left, right = _set(node[1]), _set(node[2])
        if left is None or right is None:
            return None
        return _combine(kind, [left, right])
    if kind == "rel":
        return _relation(node)
    if kind == "list":
        parts = [_set(item) for item in node[1]]
        listed = [part for part in parts if part is not None]
        if len(listed) != len(parts) or any(item[0] == "group" for item in node[1]):
            return None
        both = _combine("cap", listed)
        if node[2] == "and" or (node[2] == "," and any(both.contains(x) for x in _test_points(both.cuts))):
            return both
        return _combine("union", listed)
    return None


def _combine(kind: str, parts: list[RealSet]) -> RealSet:
    cuts = tuple(x for part in parts for x in part.cuts)
    if len(cuts) > _MAX_CUTS:
        raise Undefined("too many pieces")
    names = {part.variable for part in parts if part.variable}
    if len(names) > 1:
        raise Undefined("two variables")
    name = next(iter(names), None)
    if kind == "union":
        return RealSet(cuts, lambda x: any(part.contains(x) for part in parts), name)
    if kind == "cap":
        return RealSet(cuts, lambda x: all(part.contains(x) for part in parts), name)
    return RealSet(cuts, lambda x: parts[0].contains(x) and not parts[1].contains(x), name)


def _interval(node: Node) -> RealSet:
    low, high = constant(node[3][0]), constant(node[3][1])
    closed_low, closed_high = node[1] == "[", node[2] == "]"

    def contains(x: float) -> bool:
        above = (x > low and not _near(x, low)) or (closed_low and _near(x, low))
        below = (x < high and not _near(x, high)) or (closed_high and _near(x, high))
        return above and below

    return RealSet((low, high), contains)


def _relation(node: Node) -> RealSet | None:
    sides, ops = tuple(_as_variable(side) for side in node[1]), node[2]
    if ops == ("in",):
        inside = _set(sides[1])
        name = sides[0][1] if sides[0][0] == "sym" else None
        return None if inside is None else RealSet(inside.cuts, inside.contains, name)
    names = set().union(*(variables(side) for side in sides))
    if len(names) != 1 or "in" in ops or "?" in ops:
        return None
    name = names.pop()
    if ops == ("=",) and sides[0] != ("sym", name):
        return None
    pairs = list(zip(sides, ops, sides[1:], strict=False))
    cuts = tuple(cut for left, _, right in pairs for cut in _cuts(left, right, name))

    def value(side: Node, x: float) -> float:
        infinite = {_INFINITY[0]: math.inf, _INFINITY[1]: -math.inf}.get(side)
        return infinite if infinite is not None else complex(number(side, {name: x})).real

    def contains(x: float) -> bool:
        try:
            return all(_holds(value(left, x), op, value(right, x)) for left, op, right in pairs)
        except Undefined:
            return False

    return RealSet(cuts, contains, name)


def _as_variable(node: Node) -> Node:
    """``f(x)`` as one variable."""
    return ("sym", f"{node[1]}()") if node[0] == "call" and node[2][0] == "sym" else node


def _holds(left: float, op: str, right: float) -> bool:
    near = _near(left, right)
    return {
        "<": left < right and not near, ">": left > right and not near, "<=": left < right or near,
        ">=": left > right or near, "!=": not near, "=": near,
    }[op]  # fmt: skip


def _cuts(left: Node, right: Node, name: str) -> list[float]:
    """Where left = right: for differences up to degree 2, and for ``|inner| = constant``."""
    for one, other in ((left, right), (right, left)):
        if one[0] == "fn" and one[1] == "abs" and not variables(other):
            bound = constant(other)
            return [cut for target in (bound, -bound) for cut in _roots(one[2], name, target)]
        if other in _INFINITY:
            return []
    return _roots(("add", left, ("neg", right)), name, 0.0)


def _roots(node: Node, name: str, target: float) -> list[float]:
    def at(x: float) -> float:
        return complex(number(node, {name: x})).real - target

    c = at(0.0)
    a, b = (at(1.0) + at(-1.0)) / 2 - c, (at(1.0) - at(-1.0)) / 2
    for x in (2.0, 3.5):
        if abs(a * x * x + b * x + c - at(x)) > 1e-9 * max(1.0, abs(at(x))):
            raise Undefined("not a polynomial of degree 2 or less")
    if abs(a) < 1e-12:
        return [-c / b] if abs(b) > 1e-12 else []
    discriminant = b * b - 4 * a * c
    if discriminant < 0:
        return []
    return [(-b + sign * math.sqrt(discriminant)) / (2 * a) for sign in (1, -1)]
