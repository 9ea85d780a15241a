r"""Points along a line, one variable of an expression, in every piece that its formula cuts the line into.

The formula of an expression changes where an absolute value or a root of a square is zero, where the two sides of a
maximum meet, at the steps of a floor, at poles, and where roots and logarithms begin to have values. Intervals say on which
stretches of the line nothing of that happens; the stretches in between are halved until they are narrow, and what
changes there is found by halving.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator, Sequence
from decimal import Decimal, localcontext
from itertools import pairwise

from ..numbers.balls import context
from ..read.tree import Node
from .changes import REFINED, Line, Work, between, plain
from .criticals import Critical, criticals
from .regions import sign_or_step

_PER_PIECE = 3
_STEPS = 3  # steps of a floor that count as pieces of their own, on either side of zero
_CRITICALS = 16
#: Where the other variables are, mostly above zero and mostly below.
_OTHERS = ((1, 9), (0.05, 1), (1, 9), (20, 200), (300, 3000), (1e4, 1e6))
_BELOW = ((1, 9), (300, 3000), (1e4, 1e6))
_ZERO, _ONE = Decimal(0), Decimal(1)
_CLOSE = 12  # steps of nearly the same place between which points are looked for
_WORK, _FOR_STEPS = 400_000, 3_000  # of all lines; of one line, whatever the others spent
_BESIDE = (0.003, 0.05)  # how far from a change points are, relative to its size
_FEW_CHANGES = 6  # of one line of several, that points are put on
_THROUGH_MET, _DRAWS = 8, 12
_LOOKS, _LOOKS_OF_SEVERAL = 300, 100
_NEXT_TO = Decimal("1e-50")  # how close to a step points are, relatively
_POLES, _PIECES = 20, 12  # beside which changes are looked for; those whose steps are looked for one by one


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
    found = [(part, change) for part in parts if not part.steps for change in line.changes(part, looks)]
    poles = sorted({change for _, change in found}, key=abs)[:_POLES]
    found += [(part, at) for part in parts if not part.steps for pole in poles for at in line.beside(part, pole)]
    yield from _of_pieces(line, parts, found, seen, rng, met)
    if steps := [part for part in parts if part.steps]:
        line.work.left = max(line.work.left, _FOR_STEPS)
        pieces = list(pairwise(sorted({change for _, change in found})))
        for low, high in sorted(pieces, key=lambda piece: abs(piece[0] + piece[1]))[:_PIECES]:
            found += [(part, change) for part in steps for change in line.steps_within(part, low, high)[:_PER_PIECE]]
        line.work.left = max(line.work.left, _FOR_STEPS)
        found += [(part, change) for part in steps for change in line.changes(part, looks)]
        yield from _of_pieces(line, parts, found, seen, rng, met)
    yield from (_ZERO, _ONE, -_ONE)
    changes = sorted({change for _, change in found})
    few = changes if not line.others or len(changes) <= _FEW_CHANGES else rng.sample(changes, _FEW_CHANGES)
    for change in few:
        yield Decimal(change)
        if (near := plain(change)) is not None:
            yield near
        for distance in _BESIDE:
            yield Decimal(change + distance * (1 + abs(change)) * rng.choice((1, -1)) * (0.5 + rng.random()))
    yield from _slits(line, found)


def _of_pieces(
    line: Line,
    parts: Sequence[Critical],
    found: Sequence[tuple[Critical, float]],
    seen: Counter[tuple[int | str, ...]],
    rng: random.Random,
    met: list[dict[str, float]],
) -> Iterator[Decimal]:
    """Points in the pieces between changes, if such pieces were not seen often."""
    changes = sorted({change for _, change in found})
    for low, high in pairwise((-1e17, *changes, 1e17) if changes else ()):
        if high - low <= 1e-14 * abs(high):
            continue
        for unit in (rng.random(), rng.random() / 100, 1 - rng.random() / 100):
            at = between(low, high, unit)
            key = line.name, *_kind_of_piece([line.side(part, at) for part in parts], parts)
            seen[key] += 1
            if seen[key] <= _PER_PIECE:
                met.append({**{name: value.low for name, value in line.others.items()}, line.name: at})
                yield Decimal(at)
                yield from _beside_steps(line, parts, at)


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
            with localcontext(context(2 * REFINED)):
                yield (low + high) / 2


def _beside_steps(line: Line, parts: Sequence[Critical], at: float) -> Iterator[Decimal]:
    """Points right beside the steps that are nearest to a point, where a floor that steps next to there has another value."""
    for part in parts:
        if part.steps and (step := line.step_near(part, at)) is not None:
            place = line.refined(part, step)
            with localcontext(context(2 * REFINED)):
                gap = (1 + abs(place)) * _NEXT_TO
                yield from (place - gap, place + gap)


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
