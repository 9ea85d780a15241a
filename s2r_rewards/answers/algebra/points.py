"""Where two expressions are compared: sample points of every sign and size, chosen by the expressions themselves.

The digits of the points come from a hash of both expressions, so nobody can write an expression that vanishes at them.
Points also lie around every number that is written, and between the places where an absolute value, a maximum or a floor
changes its formula.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Context, Decimal, localcontext
from fractions import Fraction
from functools import lru_cache
from hashlib import blake2b
from itertools import pairwise, product

from ..numbers.arithmetic import Undefined
from ..numbers.balls import Ball, MoreDigits, context
from ..numbers.reals import Reals
from ..read import tree
from ..read.tree import Node, descendants, rebuild, variables
from .criticals import steep_arguments
from .lines import lines
from .regions import region_points, scattered, suspects

Point = dict[str, Decimal]

#: (sign, smallest size, largest size) of the points: "+", "-" or one sign for each variable ("±").
_PLAN = (
    ("+", "0.1", "0.9"), ("+", "1.1", "2.6"), ("-", "0.1", "0.9"), ("±", "1.1", "2.6"), ("+", "4", "60"),
    ("±", "0.001", "0.1"), ("-", "4", "60"), ("+", "0.05", "0.7"), ("±", "0.05", "9"), ("+", "300", "5000"),
    ("+", "0.00001", "0.001"), ("±", "300", "5000"),
)  # fmt: skip
_PLAN_OF_PIECES = (
    *_PLAN, ("±", "0.1", "4"), ("±", "0.1", "12"), ("±", "1", "30"), ("±", "100000", "9000000"), ("+", "1", "9"),
    ("-", "1", "9"), ("+", "36", "60"), ("-", "36", "60"), ("±", "1e15", "1e17"),
)  # fmt: skip
_WHOLE = (20, 15, 12, 9, 7, 6, 5, 4, 3, 2, 1, 0)
_WHOLE_UP_TO, _LARGEST = 25, 1_000  # every whole number, and those around what is written
#: Whole numbers that all variables run through in double precision, by how many variables there are.
_GRIDS = {
    1: (*range(600), 720, 997, 1000, 1001, 2310, 10_007, 10**6),
    2: range(41),
    3: range(11),
    4: range(6),
    5: range(4),
}
_FAR = (97, 1_000, 99_991, 10**9)  # of one of several variables
_ROUNDED = 1e-12  # what values of whole numbers in double precision may be off
_FIRST = 4  # points that are looked at before those for steep functions: some agreements suffice
_BESIDE_STEPS = (9, -9, 60, -60, 1, -1)  # sizes and signs of the other variables
_AROUND = 4  # written numbers and breaks that points are put around, from the smallest and the largest


class Digits:
    """Pseudo-random decimals from a seed: the same for the same pair of expressions, in either order."""

    def __init__(self, *nodes: Node) -> None:
        seed = "|".join(sorted(repr(node) for node in nodes)).encode()
        self.state = int.from_bytes(blake2b(seed, digest_size=16).digest(), "big")

    def step(self) -> int:
        """The next 64 bits."""
        self.state = (self.state * 0x2360ED051FC65DA44385DF649FCCF645 + 0x5851F42D4C957F2D14057B7EF767814F) % (1 << 128)
        return self.state >> 64

    def unit(self) -> Decimal:
        """A number between 0 and 1 with 25 digits."""
        return Decimal(self.step() * 1_000_003 % 10**25).scaleb(-25)

    def between(self, low: Decimal, high: Decimal) -> Decimal:
        """A number of a size between two positive ones; small sizes are as likely as large ones."""
        return +(low * (_log_ratio(low, high) * self.unit()).exp())


@lru_cache(256)
def _log_ratio(low: Decimal, high: Decimal) -> Decimal:
    with localcontext(Context(prec=28)):
        return (high / low).ln()


def real_points(first: Node, second: Node, names: Sequence[str], pieces: bool) -> Iterator[Point]:
    """Points of every sign and size; more of them, and between the breaks, where there are pieces."""
    digits = Digits(first, second)
    for number, (sign, low, high) in enumerate(_PLAN_OF_PIECES if pieces else _PLAN):
        if number == _FIRST:
            yield from _amid_steps(first, second, names, digits)
        yield {name: _signed(digits, sign, k, Decimal(low), Decimal(high)) for k, name in enumerate(names)}
    written = _ends(sorted(_written(first, second)))
    for size in written:
        near = [size * (1 + digits.unit() / 8), size * (1 - digits.unit() / 8), size + digits.unit()]
        for value in near:
            yield {name: value if k % 2 == 0 else value * (1 + digits.unit()) for k, name in enumerate(names)}
    if pieces:
        yield from _between_breaks(first, second, names, digits)
        yield from region_points(first, second, names, digits.step())
        yield from suspects(first, second, scattered(first, second, names, digits.step()))
        yield from lines(first, second, names, digits.step())


def _signed(digits: Digits, sign: str, which: int, low: Decimal, high: Decimal) -> Decimal:
    value = digits.between(low, high)
    if sign == "±":
        return -value if (digits.step() >> 7) & 1 else value
    return -value if sign == "-" else value


def _written(first: Node, second: Node) -> set[Decimal]:
    """The sizes of the numbers that are written, but for those that other points are near anyway."""
    found = {abs(n.value) for node in (first, second) for n in descendants(node) if isinstance(n, tree.Num)}
    return {_decimal(value) for value in found if value and not Fraction(1, 4) < value < 3 and value < 10**12}


def _ends(values: list[Decimal]) -> list[Decimal]:
    return values if len(values) <= 2 * _AROUND else [*values[:_AROUND], *values[-_AROUND:]]


def _decimal(value: Fraction) -> Decimal:
    return Decimal(value.numerator) / Decimal(value.denominator)


def _between_breaks(first: Node, second: Node, names: Sequence[str], digits: Digits) -> Iterator[Point]:
    """One variable: whole numbers, and a point in each piece that the breaks cut the line into."""
    for whole in (0, 1, 2, 3, 6, 12, -1, -3, 60):
        yield dict.fromkeys(names, Decimal(whole))
    if len(names) > 1:
        for whole in (2, -5):  # whole numbers of both signs
            yield {name: Decimal(-whole if k % 2 else whole) for k, name in enumerate(names)}
    for name in names:
        others = {other: digits.between(Decimal(1), Decimal(9)) for other in names if other != name}
        breaks = _ends(sorted(_breaks(first, name, others) | _breaks(second, name, others)))
        for low, high in pairwise(breaks):
            yield {**others, name: low + (high - low) * (digits.unit() + 1) / 3}
        for value in breaks[:1]:
            yield {**others, name: value - (1 + abs(value)) * (digits.unit() + 1)}
        for value in breaks[-1:]:
            yield {**others, name: value + (1 + abs(value)) * (digits.unit() + 1)}
        for value in breaks:
            yield {**others, name: value}


def _amid_steps(first: Node, second: Node, names: Sequence[str], digits: Digits) -> Iterator[Point]:
    """Where ``\\tanh(1000x - 100)`` or ``e^{1000x - 100}`` is neither flat nor out of sight: its argument is near one."""
    arguments = [inner for node in (first, second) for inner in steep_arguments(node)]
    steep = dict.fromkeys(_one_piece(inner, which) for inner in arguments[:_AROUND] for which in (0, 1))
    for inner, name, sign in product(list(steep)[:_AROUND], names, (1, -1)):
        for size in _BESIDE_STEPS if len(names) > 1 else (1,):
            high = Decimal(abs(size))
            others = {n: digits.between(high / 6, high) * (1 if size > 0 else -1) for n in names if n != name}
            target = tree.Num(sign * Fraction(digits.unit() + Decimal("0.5")))
            for value in _zeros(tree.Sum((inner, target)), name, others):
                yield {**others, name: value}


def _one_piece(node: Node, which: int) -> Node:
    """The expression with one of its formulas for every absolute value and every maximum."""
    match node:
        case tree.Function("abs", (inner,)):
            return _one_piece(inner, which)
        case tree.Function("max" | "min", arguments):
            return _one_piece(arguments[which % len(arguments)], which)
    return rebuild(node, lambda child: _one_piece(child, which))


def _breaks(node: Node, name: str, others: Point) -> set[Decimal]:
    """Where a piecewise part changes its formula, for arguments up to degree 2 in the variable."""
    found: set[Decimal] = set()
    for part in descendants(node):
        if isinstance(part, tree.Function):
            for inner in _changes(part):
                found |= _zeros(inner, name, others)
    return found


def _changes(part: tree.Function) -> list[Node]:
    """The expressions whose zeros are the breaks of a function."""
    match part:
        case tree.Function("abs" | "sign" | "sqrt" | "floor" | "ceil", (inner, *_)):
            return [inner]
        case tree.Function("max" | "min", arguments):
            return [tree.Sum((a, tree.Neg(b))) for i, a in enumerate(arguments[:4]) for b in arguments[i + 1 : 4]]
    return []


def _zeros(node: Node, name: str, others: Point) -> set[Decimal]:
    if name not in variables(node):
        return set()

    def at(x: int) -> Decimal:
        value: Ball = Reals({key: Ball(v) for key, v in {**others, name: Decimal(x)}.items()}).value(node)
        return value.value

    with localcontext(context(160)):
        try:
            c, above, below, twice = at(0), at(1), at(-1), at(2)
        except (Undefined, MoreDigits, ArithmeticError, ValueError):
            return set()
        a, b = (above + below) / 2 - c, (above - below) / 2
        if abs(4 * a + 2 * b + c - twice) > Decimal("1e-20") * (1 + abs(twice)):
            return set()
        if abs(a) < Decimal("1e-20"):
            return {-c / b} if abs(b) > Decimal("1e-20") else set()
        root = b * b - 4 * a * c
        return {(-b + sign * root.sqrt()) / (2 * a) for sign in (1, -1)} if root >= 0 else set()


def whole_points(first: Node, second: Node, names: Sequence[str]) -> Iterator[Point]:
    """Whole numbers, for what has values at nothing else: large ones first, where binomials and remainders are not trivial."""
    digits = Digits(first, second)
    written = [int(size) for size in _ends(sorted(_written(first, second))) if size < _LARGEST]
    around = [value + k for value in written for k in (-1, 0, 1)]
    if len(names) == 1:
        for value in dict.fromkeys((30 + digits.step() % 30, *reversed(range(_WHOLE_UP_TO)), *around)):
            yield {names[0]: Decimal(value)}
        yield from suspects(first, second, _grid(names), _ROUNDED)
        return
    for value in (30 + digits.step() % 30, *_WHOLE):
        spread: Point = {name: Decimal(value + digits.step() % 4 if k else value) for k, name in enumerate(names)}
        yield spread
        yield {name: Decimal(digits.step() % (value + 2)) for name in names}
        yield dict(zip(reversed(list(names)), spread.values(), strict=True))
    for value in dict.fromkeys((*around, *range(2 * _WHOLE_UP_TO), *_FAR)):
        for chosen, count in product(names, (1, 4, 20)):
            yield {name: Decimal(value if name == chosen else 1 + digits.step() % count) for name in names}
    yield from suspects(first, second, _grid(names), _ROUNDED)


def _grid(names: Sequence[str]) -> Iterator[dict[str, float]]:
    """Whole numbers that all variables run through; none where there are many variables."""
    for values in product(_GRIDS.get(len(names), ()), repeat=len(names)):
        yield dict(zip(names, map(float, values), strict=True))
