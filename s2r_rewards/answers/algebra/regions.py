r"""Points in every region: where a piecewise expression uses another formula, it has to be looked at once more.

The formula changes with the sign of what stands in an absolute value, under a root of a square, or between the two sides
of a maximum, and with the steps of a floor. A region is one combination of all these signs and steps. Cheap values in
double precision at many points, with a size and a sign of its own for every variable, find the regions; one point of
each is handed on to the proof.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise

from ..numbers.arithmetic import Undefined
from ..numbers.floats import Floats
from ..read import tree
from ..read.tree import Node, descendants

_PERIODIC = frozenset(("sin", "cos", "tan", "cot", "sec", "csc"))
_TRIES, _TRIES_OF_ROOTS = 400, 150  # what is narrow is found along lines
_REGIONS = 60
_POINTS = 8  # points of a region that are handed on
_LINE = 300  # points of one variable between which regions are looked for
_GLANCES, _SUSPECTS, _UNREAL = 3_000, 20, 1e-9  # points in double precision; those looked at closely; a size of i
_FAR = 10**6  # of written numbers that points are put around
_STEPS = 3  # steps of a floor that count as regions of their own, on either side of zero


Parts = list[tuple[Node, bool]]
Region = tuple[int | None, ...]


def switches(node: Node) -> Parts:
    """The expressions whose sign, or whose whole part (True), chooses the formula."""
    found: Parts = []
    for part in descendants(node):
        match part:
            case tree.Function("abs" | "sign", (inner, *_)):
                found.append((inner, False))
            case tree.Function("floor" | "ceil", (inner, *_)):
                found.append((inner, True))
            case tree.Function("max" | "min", sides):
                pairs = [(a, b) for k, a in enumerate(sides[:5]) for b in sides[k + 1 : 5]]
                found.extend((tree.Sum((a, tree.Neg(b))), False) for a, b in pairs)
            case tree.Function("sqrt", (inner, *_)):
                found.extend((base, False) for base in _even_bases(inner))
            case tree.Power(base, tree.Quotient(_, tree.Num(Fraction(denominator=1) as below))) if below % 2 == 0:
                found.extend((inner, False) for inner in _even_bases(base))
    return found


def _even_bases(node: Node) -> list[Node]:
    """What is raised to an even power in an expression."""
    powers = (part for part in descendants(node) if isinstance(part, tree.Power))
    return [p.left for p in powers if isinstance(p.right, tree.Num) and p.right.value % 2 == 0]


def region_points(first: Node, second: Node, names: Sequence[str], seed: int) -> Iterator[dict[str, Decimal]]:
    """A few points of every region that is found."""
    parts = list(dict.fromkeys([*switches(first), *switches(second)]))
    if not parts:
        return
    inside = {part for node in (first, second) for part in descendants(node) if isinstance(part, tree.Function)}
    plain = all(function.name not in ("abs", "sign", "floor", "ceil", "max", "min") for function in inside)
    domains = list(dict.fromkeys(f.arguments[0] for f in inside if f.name in ("sqrt", "ln", "log")))
    rng = random.Random(seed)
    seen: Counter[Region] = Counter()
    line: list[tuple[float, Region]] = []
    for number in range(_TRIES_OF_ROOTS if plain or len(names) == 1 else _TRIES):
        point = {name: _draw(rng) for name in names}
        region = _region(parts, point)
        defined = all((sign_or_step(inner, point, False) or 0) >= 0 for inner in domains)
        seen[visible := (*region, int(defined))] += 1  # where a root has no value, nothing is seen of the region
        if seen[visible] <= _POINTS:
            yield {name: Decimal(value) for name, value in point.items()}
        if len(names) == 1 and number < _LINE:
            line.append((point[names[0]], region))
        if len(seen) > _REGIONS:
            return
    yield from _between(parts, names, sorted(line), seen)


def _between(
    parts: Parts, names: Sequence[str], line: list[tuple[float, Region]], seen: Counter[Region]
) -> Iterator[dict[str, Decimal]]:
    """Halves the way between neighbours in different regions: finds narrow regions, and points close to the ends."""
    changes = [pair for pair in pairwise(line) if pair[0][1] != pair[1][1]]
    for (low, below), (high, _) in changes[:_REGIONS]:
        for _step in range(30):
            middle = (low + high) / 2
            region = _region(parts, {names[0]: middle})
            seen[region] += 1
            if seen[region] <= _POINTS:
                yield {names[0]: Decimal(middle)}
            if region == below:
                low = middle
            else:
                high = middle


def _draw(rng: random.Random) -> float:
    """A number of any sign and size, or one close to the numbers that people write."""
    if rng.random() < 0.5:
        return rng.uniform(-14, 14)
    return rng.choice((-1, 1)) * 10 ** rng.uniform(-10, 14)


class _Sound(Floats):
    """Double precision without the sines of angles that have no digits behind the point left."""

    def function(self, name: str, values: list[complex]) -> complex:
        if name in _PERIODIC and abs(values[0]) > 1e6:
            raise Undefined("an angle out of range")
        return super().function(name, values)


def suspects(
    first: Node, second: Node, candidates: Iterable[dict[str, float]], off: float = 1e-9
) -> Iterator[dict[str, Decimal]]:
    """Those of very many points at which double precision sees a difference of ``off``, relatively, or rounds by as much."""
    left = _SUSPECTS
    for point in candidates:
        try:
            one, other = complex(_Sound(point).value(first)), complex(_Sound(point).value(second))
        except (Undefined, ArithmeticError, ValueError):
            continue
        size = abs(one) + abs(other)
        if abs(one - other) > off * size and abs(one.imag) + abs(other.imag) < _UNREAL * size:
            yield {name: Decimal(value) for name, value in point.items()}
            left -= 1
            if not left:
                return


def scattered(first: Node, second: Node, names: Sequence[str], seed: int) -> Iterator[dict[str, float]]:
    """Points all over the place, and around the numbers that are written."""
    rng = random.Random(seed)
    written = {n.value for node in (first, second) for n in descendants(node) if isinstance(n, tree.Num)}
    centers = sorted({0.0, *(sign * float(size) for size in written if abs(size) < _FAR for sign in (1, -1))})
    return (_scattered(rng, names, number, centers) for number in range(_GLANCES))


def _scattered(rng: random.Random, names: Sequence[str], number: int, centers: list[float]) -> dict[str, float]:
    """A point of plain numbers, of any sizes, next to whole numbers, around what is written, or of several of these."""
    kind = number % 5
    if kind == 0:
        return {name: rng.uniform(-14, 14) for name in names}
    if kind == 1:
        return {name: rng.choice((-1, 1, 1)) * 10 ** rng.uniform(-8, 9) for name in names}
    if kind == 2:
        return {name: rng.randint(-20, 60) + rng.choice((0.0, 0.0, 1e-3, -1e-3, 1e-7, -1e-7)) for name in names}
    if kind == 3:
        return {name: rng.choice(centers) + rng.uniform(-4, 4) for name in names}
    return {name: rng.choice((rng.uniform(-14, 14), rng.uniform(-1, 1), rng.uniform(-2e3, 2e3))) for name in names}


def _region(parts: Parts, point: dict[str, float]) -> Region:
    return tuple(sign_or_step(part, point, steps) for part, steps in parts)


def sign_or_step(node: Node, point: dict[str, float], steps: bool) -> int | None:
    """The sign of an expression in double precision, or the whole number below it; None where it has no real value."""
    try:
        value = complex(_Sound(point).value(node))
    except (Undefined, ArithmeticError, ValueError):
        return None
    if abs(value.imag) > 1e-9 * abs(value.real) or value.real != value.real:
        return None
    if not steps:
        return (value.real > 0) - (value.real < 0)
    return int(max(-_STEPS, min(_STEPS, value.real // 1)))
