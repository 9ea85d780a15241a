"""Sets of real numbers: intervals, unions, inequalities, ``x != a``; equal when no point tells them apart.

A set is a membership test and the list of its cuts. Two sets are compared at every cut of either, between
neighbouring cuts and beyond them, which decides for every set whose boundary lies at its cuts.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, localcontext
from itertools import pairwise
from typing import Any

from ..numbers.arithmetic import Undefined
from ..numbers.balls import ONE, ZERO, Ball, MoreDigits, context
from ..numbers.reals import Reals
from ..read import tree
from ..read.tree import Node, contains, variables

#: Whether a number is in a union, an intersection or a difference, from whether it is in each part.
_JOINED: dict[str, Callable[[Iterator[bool]], bool]] = {
    "cup": any, "cap": all, "setminus": lambda inside: next(inside) and not next(inside),
}  # fmt: skip
_CONTEXT = context(80)
_TINY = Decimal("1e-50")
_INFINITE = Decimal("Infinity")
_STEP, _BESIDE = Decimal("1.7"), Decimal("0.37")
_AMID = Decimal("0.382")  # not in the middle, which is next to nothing between -\sqrt{2} and \sqrt{2}
_MAX_CUTS, _MAX_WHOLE = 200, 5_000
#: Sets of whole numbers: the smallest of each.
_WHOLE = {"mathbbZ": -_INFINITE, "mathbbN+": ONE, "mathbbN0": Decimal(0)}


@dataclass(frozen=True, slots=True)
class RealSet:
    """A membership test, the cuts where it may change, and the variable that the set is written in."""

    cuts: tuple[Decimal, ...]
    contains: Callable[[Decimal], bool]
    variable: str | None = None
    whole: bool = False  # whether whole numbers have to be looked at, too


def real_set(node: Node) -> RealSet | None:
    """The set that ``node`` writes down, or None when it is not a set of real numbers in one variable."""
    try:
        with localcontext(_CONTEXT):
            return _set(node)
    except Undefined:
        return None


def same_set(first: RealSet, second: RealSet) -> bool:
    """Whether no test point is in one set alone, and the variables, where both have one, are the same."""
    if first.variable and second.variable and first.variable != second.variable:
        return False
    with localcontext(_CONTEXT):
        points = _test_points(first.cuts + second.cuts)
        if first.whole or second.whole:
            points += _whole_points(points)
        return all(first.contains(x) == second.contains(x) for x in points)


def _whole_points(points: Sequence[Decimal]) -> list[Decimal]:
    """The whole numbers between the points, and a point beside each."""
    low, high = int(min(points)), int(max(points))
    if high - low > _MAX_WHOLE:
        raise Undefined("too many whole numbers")
    return [x + beside for x in map(Decimal, range(low - 1, high + 2)) for beside in (0, _BESIDE)]


def _test_points(cuts: Sequence[Decimal]) -> list[Decimal]:
    finite = sorted(x for x in cuts if x.is_finite())
    merged: list[Decimal] = []
    for x in finite:
        if not merged or x - merged[-1] > _TINY * max(ONE, abs(x)):
            merged.append(x)
    if not merged:
        return [-_STEP, Decimal(0), _STEP]
    between = [a + (b - a) * _AMID for a, b in pairwise(merged)]
    return [merged[0] - _STEP, *merged, *between, merged[-1] + _STEP]


def constant(node: Node) -> Decimal:
    """The real value of a constant, infinite ones included."""
    if type(node) is tree.Num:
        top, below = node.value.as_integer_ratio()
        return Decimal(top) if below == 1 else Decimal(top) / below
    if type(node) is tree.Neg:
        return constant(node.inner).copy_negate()
    if type(node) is tree.Const and node.name == "inf":
        return _INFINITE
    if variables(node):
        raise Undefined("not a constant")
    return _value(node, {})


def _value(node: Node, variables: Mapping[str, Ball]) -> Decimal:
    try:
        value: Ball = Reals(variables).value(node)
    except (MoreDigits, ArithmeticError):
        raise Undefined("out of range") from None
    return value.value


def _near(x: Decimal, y: Decimal) -> bool:
    return x == y or ((gap := abs(x - y)) <= _TINY * max(ONE, abs(x), abs(y)) and gap.is_finite())


def _set(node: Node) -> RealSet | None:
    if (read := _READ.get(type(node))) is not None:
        return read(node)
    if type(node) is tree.Const and node.name in ("reals", "empty"):
        everything = node.name == "reals"
        return RealSet((), lambda x: everything)
    if type(node) is tree.Sym and node.name in _WHOLE:
        least = _WHOLE[node.name]
        cuts = (least,) if least.is_finite() else ()
        return RealSet(cuts, lambda x: x == x.to_integral_value() and x >= least, whole=True)
    return None


def _group(node: tree.Group) -> RealSet | None:
    if len(node.items) != 2:
        return None
    low, high = map(constant, node.items)
    closed = node.left == "[", node.right == "]"
    proper = low < high or (low == high and all(closed))
    return _interval(low, high, *closed) if proper else None  # (4, 1) is a point, not the empty set


def _points(node: tree.Set) -> RealSet:
    points = tuple(map(constant, node.items))
    return RealSet(points, lambda x: any(_near(x, p) for p in points))


def _operation(node: tree.SetOperation) -> RealSet | None:
    first, second = _set(node.left), _set(node.right)
    return None if first is None or second is None else _combine(node.name, [first, second])


def _several(node: tree.List) -> RealSet | None:
    parts = [part for part in map(_set, node.items) if part is not None]
    if len(parts) != len(node.items) or any(isinstance(item, tree.Group) for item in node.items):
        return None
    both = _combine("cap", parts)
    if node.joined == "and" or (node.joined == "," and any(map(both.contains, _test_points(both.cuts)))):
        return both
    return _combine("cup", parts)


def _combine(name: str, parts: list[RealSet]) -> RealSet:
    cuts = tuple(x for part in parts for x in part.cuts)
    if len(cuts) > _MAX_CUTS:
        raise Undefined("too many pieces")
    names = {part.variable for part in parts if part.variable}
    if len(names) > 1:
        raise Undefined("two variables")
    variable = names.pop() if names else None
    joined = _JOINED[name]
    whole = any(part.whole for part in parts)
    return RealSet(cuts, lambda x: joined(part.contains(x) for part in parts), variable, whole)


def _interval(low: Decimal, high: Decimal, closed_low: bool, closed_high: bool, name: str | None = None) -> RealSet:
    slack_low, slack_high = _slack(low), _slack(high)

    def contains(x: Decimal) -> bool:
        above, below = x - low, high - x
        return (above > slack_low or (closed_low and above >= -slack_low)) and (
            below > slack_high or (closed_high and below >= -slack_high)
        )

    return RealSet((low, high), contains, name)


def _slack(end: Decimal) -> Decimal:
    """How far from an end of an interval a point is still taken for the end."""
    return _TINY * max(ONE, abs(end)) if end.is_finite() else ZERO


def _relation(node: tree.Relation) -> RealSet | None:
    sides, ops = tuple(map(_as_variable, node.sides)), node.ops
    if ops == ("in",):
        inside, member = _set(sides[1]), sides[0]
        if inside is None or not (isinstance(member, tree.Sym) or (_is_quantity(member) and not inside.whole)):
            return None
        return RealSet(inside.cuts, inside.contains, _called(member), inside.whole)
    names = frozenset[str]().union(*map(variables, sides))
    if len(names) != 1 or not _HOLDS.keys() >= set(ops):
        return None
    (name,) = names
    if ops == ("=",) and type(sides[0]) is not tree.Sym:
        return None
    cuts = tuple(cut for left, right in pairwise(sides) for cut in _cuts(left, right, name))
    values = [_side(side, name) for side in sides]

    def contains(x: Decimal) -> bool:
        try:
            found = [value(x) for value in values]
        except Undefined:
            return False
        return all(map(_holds, found, ops, found[1:]))

    return RealSet(cuts, contains, name)


def _is_quantity(node: Node) -> bool:
    """Whether an expression, as the ``ab`` of ``ab \\in (0, 1)``, names what is in a set; 1 and 2x do not."""
    return bool(variables(node)) and not contains(node, tree.Num)


def _called(node: Node) -> str:
    """One name for what is in a set, whatever the order of its parts."""
    if isinstance(node, tree.Sym):
        return node.name
    if isinstance(node, tree.Product | tree.Sum):
        return f"{type(node).__name__} of {sorted(map(repr, node.parts))}"
    return repr(node)


def _side(node: Node, name: str) -> Callable[[Decimal], Decimal]:
    """A side of a relation as a function of the variable."""
    if type(node) is tree.Sym:
        return lambda x: x
    if variables(node):
        return lambda x: _value(node, {name: Ball(x)})
    bound = constant(node)
    return lambda x: bound


def _as_variable(node: Node) -> Node:
    """``f(x)`` as one variable."""
    return tree.Sym(f"{node.name}()") if isinstance(node, tree.Call) and isinstance(node.argument, tree.Sym) else node


#: Whether a relation holds between values that are (nearly) equal, the left one smaller, the left one larger.
_HOLDS = {
    "<": (False, True, False), ">": (False, False, True), "<=": (True, True, False), ">=": (True, False, True),
    "!=": (False, True, True), "=": (True, False, False),
}  # fmt: skip


def _holds(left: Decimal, op: str, right: Decimal) -> bool:
    return _HOLDS[op][0 if _near(left, right) else 1 if left < right else 2]


def _cuts(left: Node, right: Node, name: str) -> list[Decimal]:
    """Where left = right: for differences up to degree 2, and for ``|inner| = constant``."""
    for one, other in ((left, right), (right, left)):
        if not variables(other):
            bound = constant(other)
            if not bound.is_finite():
                return []
            if type(one) is tree.Function and one.name == "abs":
                return [cut for target in (bound, -bound) for cut in _roots(one.arguments[0], name, target)]
            if type(one) is tree.Sym:
                return [bound]
    return _roots(tree.Sum((left, tree.Neg(right))), name, ZERO)


def _roots(node: Node, name: str, target: Decimal) -> list[Decimal]:
    if type(node) is tree.Sym:
        return [target]

    def at(x: Decimal) -> Decimal:
        return _value(node, {name: Ball(x)}) - target

    c, one, below = (at(Decimal(x)) for x in (0, 1, -1))
    a, b = (one + below) / 2 - c, (one - below) / 2
    for x in (Decimal(2), Decimal("3.5")):
        value = at(x)
        if abs(a * x * x + b * x + c - value) > _TINY * max(ONE, abs(value)):
            raise Undefined("not a polynomial of degree 2 or less")
    if abs(a) < _TINY:
        return [-c / b] if abs(b) > _TINY else []
    discriminant = b * b - 4 * a * c
    if discriminant < 0:
        return []
    return [(-b + sign * discriminant.sqrt()) / (2 * a) for sign in (1, -1)]


_READ: dict[type, Callable[[Any], RealSet | None]] = {
    tree.Group: _group, tree.Set: _points, tree.SetOperation: _operation, tree.Relation: _relation, tree.List: _several,
}  # fmt: skip
