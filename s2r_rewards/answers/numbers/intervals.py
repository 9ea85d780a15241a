"""The values of an expression over whole intervals, in double precision: what cannot happen on a stretch of the line.

An interval is a pair of floats that holds every value, widened by a few roundings. Where an expression has values on a part
of an interval only, the pair holds those; where it has none at all, the walk raises :class:`Undefined`.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Mapping
from fractions import Fraction
from functools import partial, reduce

from ..read import tree
from ..read.tree import Node, variables
from .arithmetic import Arithmetic, Undefined, written_fraction

_INF = math.inf
_WIDEST = 1e15  # angles beyond it have no sine in double precision
_ROUNDINGS = 4e-15


class Interval:
    """All numbers from ``low`` to ``high``."""

    __slots__ = ("high", "low")

    def __init__(self, low: float, high: float) -> None:
        self.low, self.high = low, high

    def __add__(self, other: Interval) -> Interval:
        return _wide(self.low + other.low, self.high + other.high)

    def __neg__(self) -> Interval:
        return Interval(-self.high, -self.low)

    def __mul__(self, other: Interval) -> Interval:
        a, b, c, d = self.low, self.high, other.low, other.high
        products = a * c, a * d, b * c, b * d
        low, high = min(products), max(products)
        if any(product != product for product in products):  # 0 · ∞
            return _ALL
        return _wide(low, high)

    def __truediv__(self, other: Interval) -> Interval:
        c, d = other.low, other.high
        if c <= 0 <= d:
            if c == d:
                raise Undefined("division by zero")
            if c < 0 < d or self.low < 0 < self.high:
                return _ALL
            return self * (Interval(1 / d, _INF) if c == 0 else Interval(-_INF, 1 / c))
        return self * Interval(1 / d, 1 / c)

    @property
    def sign(self) -> int | None:
        """The sign of all the numbers, if they have one."""
        return 1 if self.low > 0 else -1 if self.high < 0 else None


_ALL = Interval(-_INF, _INF)


def _wide(low: float, high: float) -> Interval:
    """From ``low`` to ``high``, and what roundings may have lost; everything where a bound is not a number."""
    if low != low or high != high:
        return _ALL
    slack = max(abs(low), abs(high)) * _ROUNDINGS
    return Interval(low - slack, high + slack) if slack < _INF else Interval(_lower(low), -_lower(-high))


def _lower(value: float) -> float:
    """A bound below, of an interval that is infinite on one side at least."""
    return value - abs(value) * _ROUNDINGS if abs(value) < _INF else min(value, 1e308)


def _rising(function: Callable[[float], float], x: Interval, low: float = -_INF, high: float = _INF) -> Interval:
    """A function that rises from ``low`` to ``high``."""

    def at(value: float, beyond: float) -> float:
        try:
            return function(value)
        except OverflowError:
            return beyond

    bottom, top = at(x.low, low if x.low < 0 else 1e308), at(x.high, high if x.high > 0 else -1e308)
    return _wide(max(low, bottom), min(high, top))


def _sine(x: Interval) -> Interval:
    if x.high - x.low > 7 or not (x.low > -_WIDEST and x.high < _WIDEST):
        return Interval(-1.0, 1.0)
    turns = (x.low / math.pi - 0.5, x.high / math.pi - 0.5)  # extremes at whole numbers: +1 at even ones
    first, last = math.ceil(turns[0] - 1e-9), math.floor(turns[1] + 1e-9)
    ends = [math.sin(x.low), math.sin(x.high)]
    ends += [1.0 if k % 2 == 0 else -1.0 for k in range(first, last + 1)]
    slack = 1e-15 * (1 + abs(x.low) + abs(x.high))
    return Interval(max(-1.0, min(ends) - slack), min(1.0, max(ends) + slack))


def _cosine(x: Interval) -> Interval:
    return _sine(x + Interval(math.pi / 2, math.pi / 2))


def _root(x: Interval, degree: int) -> Interval:
    def of(value: float) -> float:
        if value in (0.0, _INF):
            return value
        return math.sqrt(value) if degree == 2 else value ** (1 / degree)

    if x.high < 0:
        raise Undefined("an even root of negative numbers")
    return _wide(of(max(x.low, 0.0)), of(x.high))


def _logarithm(x: Interval) -> Interval:
    if x.high <= 0:
        raise Undefined("the logarithm of negative numbers")
    return _wide(-_INF if x.low <= 0 else _ln(x.low), _ln(x.high))


def _ln(value: float) -> float:
    return value if value == _INF else math.log(value)


def _size(x: Interval) -> Interval:
    if x.low >= 0:
        return x
    return Interval(-x.high, -x.low) if x.high <= 0 else Interval(0.0, max(-x.low, x.high))


def _whole(step: Callable[[float], int], x: Interval) -> Interval:
    return Interval(*(value if abs(value) == _INF else float(step(value)) for value in (x.low, x.high)))


def _within_one(function: Callable[[float], float], x: Interval) -> Interval:
    if x.low > 1 or x.high < -1:
        raise Undefined("no inverse")
    ends = function(max(x.low, -1.0)), function(min(x.high, 1.0))
    return _wide(min(ends), max(ends))


def _cosh(x: Interval) -> Interval:
    return _rising(math.cosh, _size(x), 1.0)


def _power(base: Interval, exponent: int) -> Interval:
    if exponent < 0:
        return _ONE / _power(base, -exponent)
    if exponent % 2 == 0:
        base = _size(base)

    def of(value: float) -> float:
        try:
            return value**exponent
        except OverflowError:
            return _INF if value > 0 or exponent % 2 == 0 else -_INF

    return _wide(of(base.low), of(base.high))


def _exp(x: Interval) -> Interval:
    return _rising(math.exp, x, 0.0)


def _inverse_hyperbolic(name: str, x: Interval) -> Interval:
    if name == "arcsinh":
        return _rising(lambda v: v if abs(v) == _INF else math.asinh(v), x)
    if name == "arccosh":
        if x.high < 1:
            raise Undefined("no inverse")
        return _rising(lambda v: v if v == _INF else math.acosh(max(1.0, v)), x)
    if x.low >= 1 or x.high <= -1:
        raise Undefined("no inverse")
    return _wide(-_INF if x.low <= -1 else math.atanh(x.low), _INF if x.high >= 1 else math.atanh(x.high))


_ONE = Interval(1.0, 1.0)
_FUNCTIONS: dict[str, Callable[[Interval], Interval]] = {
    "sin": _sine, "cos": _cosine, "tan": lambda x: _sine(x) / _cosine(x), "cot": lambda x: _cosine(x) / _sine(x),
    "sec": lambda x: _ONE / _cosine(x), "csc": lambda x: _ONE / _sine(x),
    "sqrt": lambda x: _root(x, 2), "ln": _logarithm, "abs": _size, "exp": _exp, "cosh": _cosh,
    "sinh": lambda x: _rising(math.sinh, x), "tanh": lambda x: _rising(math.tanh, x, -1.0, 1.0),
    "coth": lambda x: _ONE / _rising(math.tanh, x, -1.0, 1.0),
    "arctan": lambda x: _rising(math.atan, x), "arccot": lambda x: _rising(math.atan, _ONE / x),
    "arcsin": lambda x: _within_one(math.asin, x), "arccos": lambda x: _within_one(math.acos, x),
    **{name: partial(_inverse_hyperbolic, name) for name in ("arcsinh", "arccosh", "arctanh")},
    "floor": lambda x: _whole(math.floor, x), "ceil": lambda x: _whole(math.ceil, x),
    "sign": lambda x: _ALL if x.sign is None else Interval(float(x.sign), float(x.sign)),
}  # fmt: skip


class Intervals(Arithmetic):
    """Intervals with one for every variable."""

    def __init__(self, known: Mapping[str, Interval]) -> None:
        self.known = known

    def raised(self, node: tree.Power) -> Interval:
        if type(node.left) is tree.Const and node.left.name == "e":
            return _exp(self.value(node.right))
        return self.power(self.value(node.left), node.right)

    def number(self, value: Fraction) -> Interval:
        try:
            near = value.numerator / value.denominator
        except OverflowError:
            return Interval(1e308, _INF) if value > 0 else Interval(-_INF, -1e308)
        return Interval(near, near) if value.denominator == 1 and abs(near) < 1e15 else _wide(near, near)

    def constant(self, name: str) -> Interval:
        if name in ("pi", "e"):
            near = math.pi if name == "pi" else math.e
            return _wide(near, near)
        return _ALL

    def variable(self, name: str) -> Interval:
        return self.known[name]

    def power(self, base: Interval, exponent: Node) -> Interval:
        if (ratio := written_fraction(exponent)) is not None:
            return _rational_power(base, ratio)
        power = self.value(exponent)
        return _exp(power * _logarithm(base)) if base.low > 0 else _ALL

    def function(self, name: str, values: list[Interval]) -> Interval:
        if name in _FUNCTIONS and len(values) == 1:
            return _FUNCTIONS[name](values[0])
        if name in ("max", "min") and values:
            choose = max if name == "max" else min
            return Interval(choose(v.low for v in values), choose(v.high for v in values))
        if name == "log" and len(values) == 2:
            return _logarithm(values[0]) / _logarithm(values[1])
        return _ALL


def _rational_power(base: Interval, ratio: Fraction) -> Interval:
    if ratio.denominator == 1:
        return _power(base, int(ratio)) if abs(ratio) < 10_000 else _ALL
    if ratio.denominator % 2 == 0:
        return _power(_root(base, ratio.denominator), ratio.numerator)
    rooted = _rising(lambda v: math.copysign(abs(v) ** (1 / ratio.denominator), v), base)
    return _power(rooted, ratio.numerator)


Along = Callable[[Interval], Interval]


def along(node: Node, name: str, others: Mapping[str, Interval]) -> Along:
    """The expression as a function of one variable, which is put together once and asked often."""
    walk = Intervals(others)
    if name not in variables(node):
        return _fixed(walk, node)

    def part(child: Node) -> Along:
        return along(child, name, others)

    match node:
        case tree.Sym():
            return lambda x: x
        case tree.Neg(inner):
            of = part(inner)
            return lambda x: -of(x)
        case tree.Sum(parts) | tree.Product(parts):
            combine = operator.add if isinstance(node, tree.Sum) else operator.mul
            each = [part(child) for child in parts]
            return lambda x: reduce(combine, [of(x) for of in each])
        case tree.Quotient(above, below):
            top, bottom = part(above), part(below)
            return lambda x: top(x) / bottom(x)
        case tree.Power(tree.Const("e"), exponent):
            raised = part(exponent)
            return lambda x: _exp(raised(x))
        case tree.Power(base, exponent) if (ratio := written_fraction(exponent)) is not None:
            below_it = part(base)
            return lambda x: _rational_power(below_it(x), ratio)
        case tree.Function(function, arguments):
            inside = [part(child) for child in arguments]
            return lambda x: walk.function(function, [of(x) for of in inside])
    return lambda x: Intervals({**others, name: x}).value(node)


def _fixed(walk: Intervals, node: Node) -> Along:
    """A function that has the same value everywhere, or none anywhere."""
    try:
        value = walk.value(node)
    except Undefined as error:
        reason = str(error)

        def fail(_: Interval) -> Interval:
            raise Undefined(reason)

        return fail
    return lambda _: value
