"""Where an expression changes its formula along a line: intervals rule stretches out, halving finds what is left."""

from __future__ import annotations

import heapq
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, localcontext
from itertools import pairwise

from ..numbers.arithmetic import Undefined
from ..numbers.balls import Ball, MoreDigits, context
from ..numbers.intervals import Along, Interval, along
from ..numbers.reals import Reals
from ..read.tree import Node, descendants, variables
from .criticals import Critical

_FIRST = (0.0, 1e-12, 1e-6, 1e-3, 0.03, 1.0, 30.0, 1e3, 1e6, 1e10, 1e17)
_ENDS = tuple(sorted({*_FIRST, *(-end for end in _FIRST)}))
_NARROW, _SLENDER = 1e-10, 0.2
_HALVINGS = 60
_EAGER, _GAP = 8, 1e-7  # changes that are looked for on wide stretches, too, and what is left out around them
_CHANGES = 10  # changes of one critical next to zero that are looked at; about as many of the others
_FEW, _LEVELS = (1.0, -1.0, 3.0, -3.0, 10.0, 45.0), 12  # where the steps of a floor are looked for one by one
_LOOKS_WITHIN = 40  # on a short stretch
_HUGE = 1e7  # values that say that there is a pole next to a point
_REACH = 0.1  # how far around a pole is looked, relative to its size
_LARGEST_PLAIN = 1e10
REFINED, _SECANTS = 80, 6
_LARGEST_STEP = 1e15
_LARGEST_SIMPLE, _CLOSE_TO_STEP = 1e6, 1e-6  # of values whose next step is looked for, and how near it has to be found


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
        if self.name not in variables(node):  # the same everywhere
            low = high = 0.0
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
        chosen = [*listed[:_CHANGES], *listed[_CHANGES :: max(1, len(listed) // _CHANGES)]]
        return [*chosen, *[at for at in listed if at not in chosen and plain(at)][:_CHANGES]]

    def beside(self, part: Critical, pole: float) -> list[float]:
        """Where a critical changes next to a point at which it has no value: there it may be large on a narrow stretch."""
        if self.name not in variables(part.node):
            return []
        there = self.on(part.node, pole, pole)
        if there is not None and max(abs(there.low), abs(there.high)) < _HUGE:
            return []
        reach = _REACH * (1 + abs(pole))
        return self._found(part, _LOOKS_WITHIN, ends=(pole - reach, pole, pole + reach))

    def steps_within(self, part: Critical, low: float, high: float) -> list[float]:
        """Where a floor steps on a stretch on which it has one formula."""
        return self._found(part, _LOOKS_WITHIN, ends=(low, high)) if self.name in variables(part.node) else []

    def _found(self, part: Critical, looks: int, level: int = 0, ends: Sequence[float] = _ENDS) -> list[float]:
        """Where a critical passes a level: the widest of the unknown stretches is halved first, ``looks`` times."""
        found: list[float] = []
        waiting = [(-math.inf, low, high) for low, high in pairwise(ends)]
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
            middle = between(low, high, 0.5)
            near = _plain_within(low, high) if width < _SLENDER else None
            if near is not None and near not in found and self._touches(part, near, level):
                found.append(near)
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
        """Where a critical changes between two points, if they are on different sides: on the low side of it."""
        below, above = self.side(part, low, level), self.side(part, high, level)
        if below == above:
            return None
        target = float(max(below, above)) if part.steps and isinstance(below, int) and isinstance(above, int) else 0.0
        for number in range(_HALVINGS):
            middle = (low + high) / 2
            if number % 3 and (guess := self._straight(part, level + target, low, high)) is not None:
                middle = guess
            if middle in (low, high):
                break
            if self.side(part, middle, level) == below:
                low = middle
            else:
                high = middle
        return low

    def _straight(self, part: Critical, target: float, low: float, high: float) -> float | None:
        """Where the straight line between two points is at a value: near a change it is nearer to it than the middle is."""
        ends = self.on(part.node, low, low), self.on(part.node, high, high)
        if ends[0] is None or ends[1] is None:
            return None
        first, last = ((end.low + end.high) / 2 - target for end in ends if end is not None)
        if not (first < 0 < last or last < 0 < first) or not abs(first - last) < math.inf:
            return None
        share = min(max(first / (first - last), 1e-3), 1 - 1e-3)
        return low + (high - low) * share

    def step_near(self, part: Critical, start: float) -> float | None:
        """A step of a floor that the secant method finds from a point, if it finds one."""
        if self.name not in variables(part.node):
            return None
        last, x = start, start + 1e-6 * (1 + abs(start))
        first, second = self.on(part.node, last, last), self.on(part.node, x, x)
        if first is None or second is None or not abs(first.low) < _LARGEST_SIMPLE:
            return None
        target = round(first.low)
        below, value = first.low - target, second.low - target
        for _ in range(_SECANTS):
            if not value or value == below:
                break
            last, x = x, x - value * (x - last) / (value - below)
            if not abs(x) < math.inf or (found := self.on(part.node, x, x)) is None:
                return None
            below, value = value, found.low - target
        return x if abs(value) < _CLOSE_TO_STEP else None

    def refined(self, part: Critical, near: float) -> Decimal:
        """A change to many digits, by the secant method; as it was where that leads nowhere."""
        others = {key: Ball(Decimal(interval.low)) for key, interval in self.others.items()}

        def at(x: Decimal) -> Decimal:
            value: Ball = Reals({**others, self.name: Ball(x)}).value(part.node)
            return value.value - target

        start, target = Decimal(near), Decimal(0)
        with localcontext(context(REFINED)):
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


def plain(value: float) -> Decimal | None:
    """The decimal with few digits that a value is next to."""
    if abs(value) > _LARGEST_PLAIN:
        return None
    near = Decimal(round(value * 100)) / 100
    return near if abs(float(near) - value) <= 1e-9 * max(abs(value), 1) else None


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


def between(low: float, high: float, unit: float) -> float:
    """A number between two, of any size between theirs."""
    if low * high > 0 and max(abs(low), abs(high)) > 4 * min(abs(low), abs(high)):
        return math.copysign(abs(low) ** (1 - unit) * abs(high) ** unit, low)
    return low + (high - low) * unit
