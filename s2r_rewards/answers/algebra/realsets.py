"""Sets of real numbers: intervals, unions, inequalities, ``x != a``; equal when no point tells them apart.

A set is a membership test and the list of its cuts. Two sets are compared at every cut of either, between
neighbouring cuts and beyond them, which decides for every set whose boundary lies at its cuts.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from ..read import tree
from ..read.tree import Node, variables
from .arithmetic import Undefined
from .floats import number

#: Whether a number is in a union, an intersection or a difference, from whether it is in each part.
_JOINED: dict[str, Callable[[Iterator[bool]], bool]] = {
    "cup": any, "cap": all, "setminus": lambda inside: next(inside) and not next(inside),
}  # fmt: skip
_TINY = 1e-11
_MAX_CUTS = 200


@dataclass(frozen=True, slots=True)
class RealSet:
    """A membership test, the cuts where it may change, and the variable that the set is written in."""

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
    """Whether no test point is in one set alone, and the variables, where both have one, are the same."""
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
    if (infinite := _infinity(node)) is not None:
        return infinite
    if variables(node):
        raise Undefined("not a constant")
    value = complex(number(node, {}))
    if abs(value.imag) > 1e-12:
        raise Undefined("not real")
    return value.real


def _infinity(node: Node) -> float | None:
    match node:
        case tree.Const("inf"):
            return math.inf
        case tree.Neg(tree.Const("inf")):
            return -math.inf
    return None


def _near(x: float, y: float) -> bool:
    return x == y or (math.isfinite(x) and math.isfinite(y) and abs(x - y) <= _TINY * max(1.0, abs(x), abs(y)))


def _set(node: Node) -> RealSet | None:
    match node:
        case tree.Const("reals"):
            return RealSet((), lambda x: True)
        case tree.Const("empty"):
            return RealSet((), lambda x: False)
        case tree.Group(left, right, (low, high)):
            return _interval(constant(low), constant(high), left == "[", right == "]")
        case tree.Set(items):
            points = tuple(constant(item) for item in items)
            return RealSet(points, lambda x: any(_near(x, p) for p in points))
        case tree.SetOperation(name, left_side, right_side):
            first, second = _set(left_side), _set(right_side)
            return None if first is None or second is None else _combine(name, [first, second])
        case tree.Relation(sides, ops):
            return _relation(tuple(map(_as_variable, sides)), ops)
        case tree.List(items, joined):
            parts = [part for part in map(_set, items) if part is not None]
            if len(parts) != len(items) or any(isinstance(item, tree.Group) for item in items):
                return None
            both = _combine("cap", parts)
            if joined == "and" or (joined == "," and any(map(both.contains, _test_points(both.cuts)))):
                return both
            return _combine("cup", parts)
    return None


def _combine(name: str, parts: list[RealSet]) -> RealSet:
    cuts = tuple(x for part in parts for x in part.cuts)
    if len(cuts) > _MAX_CUTS:
        raise Undefined("too many pieces")
    names = {part.variable for part in parts if part.variable}
    if len(names) > 1:
        raise Undefined("two variables")
    variable = names.pop() if names else None
    joined = _JOINED[name]
    return RealSet(cuts, lambda x: joined(part.contains(x) for part in parts), variable)


def _interval(low: float, high: float, closed_low: bool, closed_high: bool) -> RealSet:
    def contains(x: float) -> bool:
        above = closed_low if _near(x, low) else x > low
        below = closed_high if _near(x, high) else x < high
        return above and below

    return RealSet((low, high), contains)


def _relation(sides: tuple[Node, ...], ops: tuple[str, ...]) -> RealSet | None:
    if ops == ("in",):
        inside, member = _set(sides[1]), sides[0]
        name = member.name if isinstance(member, tree.Sym) else None
        return None if inside is None else RealSet(inside.cuts, inside.contains, name)
    names = set().union(*map(variables, sides))
    if len(names) != 1 or not _HOLDS.keys() >= set(ops):
        return None
    name = names.pop()
    if ops == ("=",) and sides[0] != tree.Sym(name):
        return None
    pairs = list(zip(sides, ops, sides[1:], strict=False))
    cuts = tuple(cut for left, _, right in pairs for cut in _cuts(left, right, name))

    def value(side: Node, x: float) -> float:
        infinite = _infinity(side)
        return complex(number(side, {name: x})).real if infinite is None else infinite

    def contains(x: float) -> bool:
        try:
            return all(_holds(value(left, x), op, value(right, x)) for left, op, right in pairs)
        except Undefined:
            return False

    return RealSet(cuts, contains, name)


def _as_variable(node: Node) -> Node:
    """``f(x)`` as one variable."""
    return tree.Sym(f"{node.name}()") if isinstance(node, tree.Call) and isinstance(node.argument, tree.Sym) else node


#: Whether a relation holds between values that are (nearly) equal, the left one smaller, the left one larger.
_HOLDS = {
    "<": (False, True, False), ">": (False, False, True), "<=": (True, True, False), ">=": (True, False, True),
    "!=": (False, True, True), "=": (True, False, False),
}  # fmt: skip


def _holds(left: float, op: str, right: float) -> bool:
    return _HOLDS[op][0 if _near(left, right) else 1 if left < right else 2]


def _cuts(left: Node, right: Node, name: str) -> list[float]:
    """Where left = right: for differences up to degree 2, and for ``|inner| = constant``."""
    for one, other in ((left, right), (right, left)):
        match one:
            case tree.Function("abs", (inner, *_)) if not variables(other):
                bound = constant(other)
                return [cut for target in (bound, -bound) for cut in _roots(inner, name, target)]
        if _infinity(other) is not None:
            return []
    return _roots(tree.Sum((left, tree.Neg(right))), name, 0.0)


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
