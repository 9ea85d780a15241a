"""Real values in double precision with bounds: most that differ are proven apart without a digit more."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import inf
from types import MappingProxyType
from typing import Literal

from ..read.tree import Node
from .arithmetic import STEPS, Undefined, written_fraction
from .intervals import Interval, Intervals

_TINIEST = 1e-250  # where something may have been lost in an underflow
_OF_ROOTS = 1e-12  # an exponent that was rounded tells the more, the larger the base
_ANY = Interval(-inf, inf)
#: Where functions have values; those that are missing have them everywhere, or no bounds where they have none.
_DOMAINS = {
    "sqrt": (0.0, inf), "ln": (1e-300, inf), "log": (1e-300, inf), "arccosh": (1.0, inf), "arcsin": (-1.0, 1.0),
    "arccos": (-1.0, 1.0), "arctanh": (-0.999, 0.999),
}  # fmt: skip


def compared(
    first: Node, second: Node, point: Mapping[str, float] = MappingProxyType({})
) -> Literal["apart", "close"] | None:
    """Whether two real values certainly differ, or are close and certainly exist; None where neither is certain."""
    walk = _Enclosures({name: Interval(value, value) for name, value in point.items()})
    try:
        one, other = walk.value(first), walk.value(second)
    except (Undefined, ArithmeticError, ValueError):
        return None
    return "apart" if one.high < other.low or other.high < one.low else "close"


def apart_somewhere(first: Node, second: Node, names: Sequence[str]) -> bool:
    """Whether two functions certainly differ at one of two points, at which the variables rise and fall by the alphabet."""
    rising = [0.4338211 + 0.3137515 * k for k in range(len(names))]
    return any(
        compared(first, second, dict(zip(names, values, strict=True))) == "apart" for values in (rising, rising[::-1])
    )


class _Enclosures(Intervals):
    """Intervals that are bounded on both sides only where there certainly is a value."""

    def value(self, node: Node) -> Interval:
        return _sized(STEPS[type(node)](self, node))

    def fold(self, combine: Callable[[Interval, Interval], Interval], nodes: tuple[Node, ...]) -> Interval:
        total = self.value(nodes[0])
        for node in nodes[1:]:
            total = _sized(combine(total, self.value(node)))
        return total

    def power(self, base: Interval, exponent: Node) -> Interval:
        ratio = written_fraction(exponent)
        found = super().power(base, exponent)
        if ratio is None or ratio.denominator == 1:
            return found
        slack = max(abs(found.low), abs(found.high)) * _OF_ROOTS
        if (ratio.denominator % 2 == 0 and base.low < 0) or not slack < inf:
            return _ANY
        return Interval(found.low - slack, found.high + slack)

    def function(self, name: str, values: list[Interval]) -> Interval:
        low, high = _DOMAINS.get(name, (-inf, inf))
        if any(value.low < low or value.high > high for value in values):
            return _ANY
        return super().function(name, values)


def _sized(found: Interval) -> Interval:
    if not (-inf < found.low and found.high < inf):  # sines have bounds where their argument has none, or no value
        raise Undefined("no bounds")
    if found.low > -_TINIEST and found.high < _TINIEST:
        raise Undefined("too small")
    return found
