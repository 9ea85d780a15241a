r"""Where a floor and a ceiling of one expression are the same: at its whole numbers and nowhere else.

``\lceil f \rceil`` and ``\lfloor f \rfloor + 1`` agree at all other points, so points do not tell them apart. Where a line
passes such a place, the expression is taken for the whole number that it is there.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from fractions import Fraction

from ..numbers.arithmetic import Undefined
from ..numbers.floats import number
from ..read import tree
from ..read.tree import Node, descendants, functions, rebuild
from .changes import Line, Work
from .criticals import Critical

_BOTH = {"floor", "ceil"}
_LINES, _WORK, _LOOKS = 3, 60_000, 100
_CLOSE = 1e-9  # how near a whole number the expression has to be
_APART = 1e-6  # much more than the place is off


def differ_at_steps(first: Node, second: Node, names: Sequence[str]) -> bool:
    """Whether two expressions with a floor and a ceiling of the same expression certainly differ at one of its steps."""
    if not functions(first) | functions(second) >= _BOTH:
        return False
    stepped = [
        part
        for node in (first, second)
        for part in descendants(node)
        if isinstance(part, tree.Function) and part.name in _BOTH
    ]
    inner = stepped[0].arguments[0]
    if any(part.arguments[0] != inner for part in stepped):
        return False
    rng = random.Random(0)
    rounds = [name for name in names for _ in range(_LINES if len(names) > 1 else 1)]
    for name in rounds:
        others = {other: rng.uniform(1, 9) for other in names if other != name}
        line = Line(name, others, Work(_WORK // len(rounds)))
        changes = line.changes(Critical(inner, True), _LOOKS)
        if any(_differ_at(first, second, inner, {**others, name: at}, line) for at in changes):
            return True
    return False


def _differ_at(first: Node, second: Node, inner: Node, point: dict[str, float], line: Line) -> bool:
    found = line.on(inner, point[line.name], point[line.name])
    if found is None or abs(found.low) > 1 / _CLOSE:
        return False
    level = round(found.low)
    if abs(found.low - level) > _CLOSE:
        return False

    def pinned(node: Node) -> Node:
        return tree.Num(Fraction(level)) if node == inner else rebuild(node, pinned)

    try:
        one, other = (complex(number(pinned(node), point)) for node in (first, second))
    except Undefined:
        return False
    return abs(one - other) > _APART * (1 + abs(one) + abs(other))
