r"""Where a floor and a ceiling of one expression are the same: at its whole numbers and nowhere else.

``\lceil f \rceil`` and ``\lfloor f \rfloor + 1`` agree at all other points, and so do ``\lfloor f + 1/2 \rfloor`` and
``\lceil f - 1/2 \rceil``, or ``-\lfloor -f \rfloor`` in place of a ceiling: points do not tell them apart. Where a line passes such a place, the expression is taken for the
whole number that it is there.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from fractions import Fraction
from typing import NamedTuple

from ..numbers.arithmetic import Undefined, same_rational
from ..numbers.floats import number
from ..read import tree
from ..read.tree import Node, descendants, rebuild
from .changes import Line, Work
from .criticals import Critical
from .pieces import with_named_pieces

_BOTH = {"floor", "ceil"}
_LINES, _WORK, _LOOKS = 3, 60_000, 100
_BASES, _SIMPLE = 3, 1_000  # expressions whose steps are looked at; the largest denominator of what they differ by
_CLOSE = 1e-9  # how near a whole number the expression has to be
_APART = 1e-6  # much more than the place is off


class _Like(NamedTuple):
    """An expression as plus or minus another, and a number."""

    sign: int
    offset: Fraction


def differ_at_steps(first: Node, second: Node, names: Sequence[str]) -> bool:
    """Whether two expressions that round the same expression up and down certainly differ at one of its steps."""
    rounding = [
        part
        for node in (first, second)
        for part in descendants(node)
        if isinstance(part, tree.Function) and part.name in _BOTH
    ]
    if len(rounding) < len(_BOTH):
        return False
    rng = random.Random(0)
    inner = rounding[0].arguments[0]
    like: dict[Node, _Like] = {}
    for part in rounding:
        stepped = part.arguments[0]
        if stepped not in like:
            if (found := _like(inner, stepped, names, rng)) is None:
                return False
            like[stepped] = found
    if len({(part.name == "floor") == (like[part.arguments[0]].sign > 0) for part in rounding}) < len(_BOTH):
        return False
    bases = list({sign * offset % 1: part for part, (sign, offset) in like.items()}.values())[:_BASES]
    rounds = [(base, name) for base in bases for name in names for _ in range(_LINES if len(names) > 1 else 1)]
    for base, name in rounds:
        others = {other: rng.uniform(1, 9) for other in names if other != name}
        line = Line(name, others, Work(_WORK // len(rounds)))
        changes = line.changes(Critical(base, True), _LOOKS)
        if any(_differ_at(first, second, base, like, {**others, name: at}, line) for at in changes):
            return True
    return False


def _like(inner: Node, part: Node, names: Sequence[str], rng: random.Random) -> _Like | None:
    """One expression as the other or its negative and a simple number; None where it is neither."""
    if part == inner:
        return _Like(1, Fraction(0))
    point = {name: rng.uniform(1, 9) for name in names}
    try:
        value, start = (complex(number(node, point)).real for node in (part, inner))
    except Undefined:
        return None
    if not abs(value) + abs(start) < 1 / _CLOSE:
        return None
    for sign in (1, -1):
        offset = Fraction(value - sign * start).limit_denominator(_SIMPLE)
        turned: Node = inner if sign > 0 else tree.Neg(inner)
        named = with_named_pieces(part, tree.Sum((turned, tree.Num(offset))), _same, every=True)
        if named is not None and same_rational(*named):
            return _Like(sign, offset)
    return None


def _same(one: Node, other: Node) -> bool:
    return one == other or bool(same_rational(one, other))


def _differ_at(
    first: Node, second: Node, base: Node, like: dict[Node, _Like], point: dict[str, float], line: Line
) -> bool:
    found = line.on(base, point[line.name], point[line.name])
    if found is None or abs(found.low) > 1 / _CLOSE:
        return False
    level = round(found.low)
    if abs(found.low - level) > _CLOSE:
        return False
    inner = (level - like[base].offset) * like[base].sign

    def pinned(node: Node) -> Node:
        if node in like:
            return tree.Num(like[node].sign * inner + like[node].offset)
        return rebuild(node, pinned)

    try:
        one, other = (complex(number(pinned(node), point)) for node in (first, second))
    except Undefined:
        return False
    return abs(one - other) > _APART * (1 + abs(one) + abs(other))
