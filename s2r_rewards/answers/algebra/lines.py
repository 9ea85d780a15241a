r"""Points along a line, one variable of an expression, in every piece that its formula cuts the line into.

The formula of an expression changes where an absolute value or a root of a square is zero, where the two sides of a
maximum meet, at the steps of a floor, at poles, and where roots and logarithms begin to have values. Intervals say on which
stretches of the line nothing of that happens; the stretches in between are halved until they are narrow, and what
changes there is found by halving.
"""

from __future__ import annotations

import heapq
import math
import random
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, localcontext
from itertools import pairwise

from ..numbers.arithmetic import Undefined
from ..numbers.balls import Ball, MoreDigits, context
from ..numbers.intervals import Along, Interval, along
from ..numbers.reals import Reals
from ..read.tree import Node, descendants, variables
from .criticals import Critical, criticals
from .regions import sign_or_step

_FIRST = (0.0, 1e-12, 1e-6, 1e-3, 0.03, 1.0, 30.0, 1e3, 1e6, 1e10, 1e17)
_ENDS = tuple(sorted({*_FIRST, *(-end for end in _FIRST)}))
_NARROW, _SLENDER = 1e-10, 0.2
_HALVINGS = 60
_EAGER, _GAP = 8, 1e-7  # changes that are looked for on wide stretches, too, and what is left out around them
_CHANGES = 10  # changes of one critical next to zero that are looked at; about as many of the others
_PER_PIECE = 3
_STEPS = 3  # steps of a floor that count as pieces of their own, on either side of zero
_CRITICALS = 16
_FEW, _LEVELS = (1.0, -1.0, 3.0, -3.0, 10.0, 45.0), 12  # where the steps of a floor are looked for one by one
_OTHERS = (
    (1, 9),
    (0.05, 1),
    (1, 9),
    (20, 200),
    (300, 3000),
    (1e4, 1e6),
)  # where the other variables are, mostly above zero
_BELOW = ((1, 9), (300, 3000), (1e4, 1e6))  # and mostly below
_ZERO, _ONE = Decimal(0), Decimal(1)
_REFINED, _SECANTS, _CLOSE = 80, 6, 12
_LARGEST_PLAIN, _LARGEST_STEP = 1e10, 1e15
_WORK = 400_000
_BESIDE = (0.003, 0.05)  # how far from a change points are, relative to its size
_FEW_CHANGES = 6  # of one line of several, that points are put on
_THROUGH_MET, _DRAWS = 8, 12
_LOOKS, _LOOKS_OF_SEVERAL = 300, 100


@dataclass(slots=True)
class Work:
    """How much work is left, in nodes that are looked at."""

    left: int


class Line:
    """The line along one variable, the others fixed."""

    def __init__(self, name: str, others: Mapping[str, float], work: Work) -> None:
        self.name = name
        self.others = {key: Interval(value, value) for key, value in others.items()}
        self.work = work
        self.known: dict[tuple[int, float, float], Interval | None] = {}
        self.along: dict[int, tuple[Along, int]] = {}

    def on(self, node: Node, low: float, high: float) -> Interval | None:
        """The values of an expression on a stretch, if it has any."""
        key = id(node), low, high
        if key not in self.known:
            if key[0] not in self.along:
                self.along[key[0]] = along(node, self.name, self.others), len(descendants(node))
            function, size = self.along[key[0]]
            self.work.left -= size
            try:
                self.known[key] = function(Interval(low, high))
            except Undefined:
                self.known[key] = None
        return self.known[key]

    def side(self, part: Critical, at: float, level: int = 0) -> int | str:
        """On which side of its changes a critical is at a point."""
        if (interval := self.on(part.node, at, at)) is None:
            return "undefined"
        value = (interval.low + interval.high) / 2 - level
        if not abs(value) < math.inf:
            return "beyond"
        return math.floor(value) if part.steps else int(value > 0)

    def changes(self, part: Critical, looks: int) -> list[float]:
        """Where a critical changes, those next to zero first."""
        if self.name not in variables(part.node):
            return []
        found = self._found(part, looks)
        if part.steps:
            sides = [side for at in _FEW if isinstance(side := self.side(part, at), int)]
            levels = {0, 1, -1, *sides, *(side + 1 for side in sides)}
            for level in sorted(levels, key=abs)[: _LEVELS // 2 if self.others else _LEVELS]:
                found += self._found(Critical(part.node), looks, level)
        listed = sorted(set(found), key=abs)
        return [*listed[:_CHANGES], *listed[_CHANGES :: max(1, len(listed) // _CHANGES)]]

    def _found(self, part: Critical, looks: int, level: int = 0) -> list[float]:
        """Where a critical passes a level: the widest of the unknown stretches is halved first, ``looks`` times."""
        found: list[float] = []
        waiting = [(-math.inf, low, high) for low, high in pairwise(_ENDS)]
        while waiting and looks > 0 and self.work.left > 0:
            _, low, high = heapq.heappop(waiting)
            looks -= 1
            width = _width(low, high)
            interval = self.on(part.node, low, high)
            if interval is None or _is_known(interval, part.steps, level):
                continue
            eager = len(found) < _EAGER
            if (eager or width < _SLENDER) and (change := self._change(part, level, low, high)) is not None:
                found.append(change)
                if width >= _SLENDER:  # there may be more on either side of it
                    gap = _GAP * max(abs(change), 1e-9)
                    for half in ((low, change - gap), (change + gap, high)):
                        if half[0] < half[1]:
                            heapq.heappush(waiting, (-_width(*half) / _farness(*half), *half))
                continue
            middle = _between(low, high, 0.5)
            plain = _plain_within(low, high) if width < _SLENDER else None
            if plain is not None and plain not in found and self._touches(part, plain, level):
                found.append(plain)
            if width < _NARROW:
                continue
            for half in ((low, middle), (middle, high)):
                heapq.heappush(waiting, (-_width(*half) / _farness(*half), *half))
        return found

    def _touches(self, part: Critical, at: float, level: int) -> bool:
        """Whether a critical is at a level, or has no value, at a point."""
        if (interval := self.on(part.node, at, at)) is None:
            return True
        value = (interval.low + interval.high) / 2
        return abs(value - (round(value) if part.steps and abs(value) < _LARGEST_STEP else level)) < 1e-9

    def _change(self, part: Critical, level: int, low: float, high: float) -> float | None:
        """Where a critical changes between two points, if they are on different sides."""
        below = self.side(part, low, level)
        if below == self.side(part, high, level):
            return None
        for _ in range(_HALVINGS):
            middle = (low + high) / 2
            if middle in (low, high):
                break
            if self.side(part, middle, level) == below:
                low = middle
            else:
                high = middle
        return low

    def refined(self, part: Critical, near: float) -> Decimal:
        """A change to many digits, by the secant method; as it was where that leads nowhere."""
        others = {key: Ball(Decimal(interval.low)) for key, interval in self.others.items()}

        def at(x: Decimal) -> Decimal:
            value: Ball = Reals({**others, self.name: Ball(x)}).value(part.node)
            return value.value - target

        start, target = Decimal(near), Decimal(0)
        with localcontext(context(_REFINED)):
            try:
                target = at(start).to_integral_value() if part.steps else target
                last, x = start * (1 + Decimal("1e-9")) + Decimal("1e-20"), start
                below, value = at(last), at(x)
                for _ in range(_SECANTS):
                    if not value or value == below:
                        break
                    last, x = x, x - value * (x - last) / (value - below)
                    below, value = value, at(x)
            except (Undefined, MoreDigits, ArithmeticError, ValueError):
                return start
            return x if abs(x - start) <= abs(start) * Decimal("1e-6") + Decimal("1e-9") else start


def _width(low: float, high: float) -> float:
    """Relative to the distance from zero."""
    return (high - low) / max(abs(low), abs(high), 1e-12)


def _farness(low: float, high: float) -> float:
    """How much less a stretch matters because it is far away, where sines cross everything all the time."""
    return (1 + math.log10(max(1.0, abs(low + high) / 6))) ** 2


def _plain_within(low: float, high: float) -> float | None:
    """A number with few digits between two."""
    for size in (1, 10, 100):
        if low <= (near := round((low + high) / 2 * size) / size) <= high:
            return near
    return None


def _is_known(interval: Interval, steps: bool, level: int) -> bool:
    """Whether all numbers of an interval are on one side of a level, or between two neighbouring steps."""
    if not steps:
        return interval.low > level or interval.high < level
    if not (interval.low > -_LARGEST_STEP and interval.high < _LARGEST_STEP):
        return False
    step = math.floor(interval.low)
    return interval.low > step and interval.high < step + 1


def _between(low: float, high: float, unit: float) -> float:
    """A number between two, of any size between theirs."""
    if low * high > 0 and max(abs(low), abs(high)) > 4 * min(abs(low), abs(high)):
        return math.copysign(abs(low) ** (1 - unit) * abs(high) ** unit, low)
    return low + (high - low) * unit


def lines(first: Node, second: Node, names: Sequence[str], seed: int) -> Iterator[dict[str, Decimal]]:
    """Points along every variable, through points of several sizes, of both signs and of the pieces that were found."""
    rng = random.Random(seed)
    parts = sorted(dict.fromkeys((*criticals(first), *criticals(second))), key=lambda part: part.steps)[:_CRITICALS]
    seen: Counter[tuple[int | str, ...]] = Counter()
    work = Work(0)
    met: list[dict[str, float]] = []
    rounds = len(_OTHERS) + len(_BELOW) + _THROUGH_MET if len(names) > 1 else 1
    for number in range(rounds):
        start = _start(first, second, names, number, met, rng)
        for name in names:
            others = {other: value for other, value in start.items() if other != name}
            fixed = {other: Decimal(value) for other, value in others.items()}
            work.left += _WORK // (rounds * len(names))  # what a line leaves is the next one's
            line = Line(name, others, work)
            looks = _LOOKS if len(names) == 1 else _LOOKS_OF_SEVERAL
            for value in _points(line, parts, looks, seen, rng, met):
                yield {**fixed, name: value}


def _start(
    first: Node, second: Node, names: Sequence[str], number: int, met: list[dict[str, float]], rng: random.Random
) -> dict[str, float]:
    """A point to draw lines through, at which both sides have a value if one is found."""
    point: dict[str, float] = {}
    for _ in range(_DRAWS):
        if number < len(_OTHERS) + len(_BELOW) or not met:
            low, high = (*_OTHERS, *_BELOW)[number % (len(_OTHERS) + len(_BELOW))]
            mostly = 1 if number < len(_OTHERS) else -1
            point = {name: rng.uniform(low, high) * mostly * rng.choice((1, 1, -1)) for name in names}
        else:
            point = met.pop(rng.randrange(len(met)))
        if all(sign_or_step(node, point, False) is not None for node in (first, second)):
            break
    return point


def _points(
    line: Line,
    parts: Sequence[Critical],
    looks: int,
    seen: Counter[tuple[int | str, ...]],
    rng: random.Random,
    met: list[dict[str, float]],
) -> Iterator[Decimal]:
    """Points at every change on a line, and of every piece between them that was not seen often (``met``)."""
    found = [(part, change) for part in parts for change in line.changes(part, looks)]
    changes = sorted({change for _, change in found})
    for low, high in pairwise((-1e17, *changes, 1e17) if changes else ()):
        if high - low <= 1e-14 * abs(high):
            continue
        for unit in (rng.random(), rng.random() / 100, 1 - rng.random() / 100):
            at = _between(low, high, unit)
            key = line.name, *_kind_of_piece([line.side(part, at) for part in parts], parts)
            seen[key] += 1
            if seen[key] <= _PER_PIECE:
                met.append({**{name: value.low for name, value in line.others.items()}, line.name: at})
                yield Decimal(at)
    yield from (_ZERO, _ONE, -_ONE)
    few = changes if not line.others or len(changes) <= _FEW_CHANGES else rng.sample(changes, _FEW_CHANGES)
    for change in few:
        yield Decimal(change)
        if (near := _plain(change)) is not None:
            yield near
        for distance in _BESIDE:
            yield Decimal(change + distance * (1 + abs(change)) * rng.choice((1, -1)) * (0.5 + rng.random()))
    yield from _slits(line, found)


def _slits(line: Line, found: Sequence[tuple[Critical, float]]) -> Iterator[Decimal]:
    r"""Points between two changes that are next to each other, as those of ``\lfloor x \rfloor`` and ``\lfloor x + 10^{-20} \rfloor`` are."""
    by_place = sorted(found, key=lambda pair: pair[1])
    close = {
        pair
        for one, other in pairwise(by_place)
        if abs(one[1] - other[1]) <= 1e-7 * (1 + abs(one[1]))
        for pair in (one, other)
    }
    places = sorted({line.refined(part, change) for part, change in sorted(close, key=lambda p: abs(p[1]))[:_CLOSE]})
    for low, high in pairwise(places):
        if high - low <= (1 + abs(low)) * Decimal("1e-7"):
            with localcontext(context(2 * _REFINED)):
                yield (low + high) / 2


def _kind_of_piece(sides: Sequence[int | str], parts: Sequence[Critical]) -> Iterator[int | str]:
    """What tells pieces apart: steps far from zero are all alike, but not how far two floors are from each other."""
    first: int | None = None
    for side, part in zip(sides, parts, strict=True):
        yield side if isinstance(side, str) else _clipped(side)
        if part.steps and isinstance(side, int):
            first = side if first is None else first
            yield _clipped(side - first)


def _clipped(number: int) -> int:
    return max(-_STEPS, min(_STEPS, number))


def _plain(value: float) -> Decimal | None:
    """The decimal with few digits that a value is next to."""
    if abs(value) > _LARGEST_PLAIN:
        return None
    near = Decimal(round(value * 100)) / 100
    return near if abs(float(near) - value) <= 1e-9 * max(abs(value), 1) else None
