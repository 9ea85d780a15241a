r"""Are two expressions the same number, or the same function of their variables?

Numbers are compared as balls of 50 digits and more (:mod:`..numbers.balls`): a difference is a proof, and agreement is only
said where no term vanished in a rounding. Functions are compared at the points of :mod:`.points`; they are the same when
they agree wherever both have a real value, or when naming their pieces (:mod:`.pieces`) makes them the same. Caveats:
``\ln x^2`` and ``2 \ln x`` agree, although only one has values at negative numbers; with an absolute value, a floor, a
maximum … on either side both must have values at the same points, and what no point told apart in 0.7 s of CPU time is
believed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from decimal import Decimal, DecimalException, localcontext
from time import thread_time
from typing import Any, Literal

from ..numbers import enclosures
from ..numbers.arithmetic import Undefined, same_rational
from ..numbers.balls import VANISHING, Ball, Hidden, MoreDigits, context
from ..numbers.complexes import Complexes, Pair
from ..numbers.floats import clearly_differ, clearly_no_multiple, looks
from ..numbers.formal import same_form
from ..numbers.rationals import compared
from ..numbers.reals import PIECEWISE, WHOLE_ONLY, Reals
from ..read import tree
from ..read.tree import Node, constants, contains, descendants, functions, variables
from .criticals import steep_arguments
from .pieces import is_breaking, with_named_pieces
from .points import Digits, Point, real_points, whole_points
from .steps import differ_at_steps

DIGITS = 50
MAX_DIGITS = 420
#: Letters that stand for whole numbers where anything asks for them.
WHOLE_LETTERS = frozenset("nkmNKMjlr")
#: Letters that stand for complex numbers where i is written.
_COMPLEX_LETTERS = frozenset("zw")
_ENOUGH, _PLENTY = 5, 6
_SPARE = 10  # digits more than a point has, so that it is not rounded
_NEARBY = Decimal("1e-9")  # how far a point is from one next to it
_SELDOM = 8  # agreements at less than one of so many whole numbers prove nothing: most of those are at 0
_SEARCH = 0.7  # CPU seconds for points that might still differ
_KNOWN = Decimal("1e-24")  # agreement to fewer digits is none

#: ``one``: one side has a value; ``hidden``: on which side of a jump they are is not known, and ``beyond`` for other reasons.
Agreement = Literal["agree", "differ", "one", "none", "hidden", "beyond"]


def same_constant(first: Node, second: Node) -> bool | None:
    """Whether two constants are the same number; None when neither can be proven within bounds.

    Raises:
        Undefined: a side has no value.
    """
    if (look := enclosures.compared(first, second)) == "apart":
        return False
    if look == "close" and same_form(first, second):
        return True
    found = _at(first, second, {}, Reals)
    if found in ("one", "none"):
        found = _at(first, second, {}, Complexes)
    if found in ("one", "none"):
        raise Undefined("no value on one side" if found == "one" else "no value")
    if found in ("hidden", "beyond") and _same_but_for_pieces(first, second, True, every=True):
        return True
    return {"agree": True, "differ": False}.get(found)


def within(first: Node, second: Node, distance: Decimal) -> bool:
    """Whether two real constants are certainly no further apart."""
    with localcontext(context(DIGITS - distance.adjusted())):
        try:
            one, other = _value(Reals({}), first), _value(Reals({}), second)
            return one is not None and other is not None and abs(one.value - other.value) <= distance
        except MoreDigits:
            return False


def same_function(first: Node, second: Node, names: Iterable[str]) -> bool | None:
    """Whether two expressions are the same function of the variables ``names``; None when nothing proves either."""
    listed = sorted(names)
    pieces, whole = _has(first, second, PIECEWISE), _asks_for_whole(first) or _asks_for_whole(second)
    look, formed = "unseen", pieces  # with pieces, an equal form is no proof
    for look in () if whole else looks(first, second, listed):
        if look == "different":
            return False
        if look == "alike" and not formed:
            if same_form(first, second):
                return True
            formed = True
    if not whole and look == "unseen" and enclosures.apart_somewhere(first, second, listed):
        return False
    latest = thread_time() + _SEARCH
    if pieces and differ_at_steps(first, second, listed):
        return False
    breaking, agreements = whole or _breaks(first, second), _agreements(first, second, listed)

    def proven() -> bool:
        return any(_same_but_for_pieces(first, second, pieces, every, latest) for every in (True, False))

    found = _over(agreements, pieces, breaking, latest, proven, _SELDOM if whole else 0)
    return True if found is None and _same_but_for_pieces(first, second, pieces, every=True) else found


def _same_but_for_pieces(first: Node, second: Node, pieces: bool, every: bool, latest: float = 0.0) -> bool:
    """Whether two expressions are the same whatever their pieces, or with ``every`` all their functions, are worth.

    Pieces are compared at points until ``latest``, as :func:`thread_time` counts; functions are not.
    """

    def same(one: Node, other: Node) -> bool:
        if one == other:
            return True
        if (found := same_rational(one, other)) is not None:
            return found
        names = sorted(variables(one) | variables(other))
        if every or _asks_for_whole(one) or _asks_for_whole(other):
            return False  # a few points prove little of remainders and divisors
        if not names:
            return _at(one, other, {}, Reals) == "agree"
        if clearly_differ(one, other, names):
            return False
        return _over(_agreements(one, other, names), pieces, _breaks(one, other), latest) is True

    named = with_named_pieces(first, second, same, every)
    if named is None or named == (first, second):
        return False
    if (
        every
        and len({variables(side) - variables(node) for side, node in zip(named, (first, second), strict=True)}) > 1
    ):
        return False  # what cancels out, as in x + ln 0 - ln 0, may have no value
    return same(*named)


def _over(
    agreements: Iterator[Agreement],
    pieces: bool,
    breaking: bool,
    latest: float,
    proven: Callable[[], bool] = lambda: False,
    seldom: int = 0,
) -> bool | None:
    """``pieces``: both sides need values at the same points; ``breaking``: every point is looked at, unless ``proven``,
    or until ``latest``; agreements at less than one of ``seldom`` points prove nothing.
    """
    agreed = seen = hidden = 0
    for agreement in agreements:
        seen += 1
        hidden += agreement == "hidden"
        if agreement == "differ" or (agreement == "one" and pieces):
            return False
        agreed += agreement == "agree"
        if agreement == "agree" and agreed == _PLENTY and (not breaking or proven()):
            break
        if thread_time() > latest:
            break
    return True if agreed >= max(_ENOUGH, hidden) and (not seldom or agreed * seldom >= seen) else None


def _has(first: Node, second: Node, names: frozenset[str]) -> bool:
    return not names.isdisjoint(functions(first) | functions(second))


def _breaks(first: Node, second: Node) -> bool:
    """Whether the sides may agree in one part of the line and not in another."""
    sides = (first, second)
    return any(is_breaking(part) for node in sides for part in descendants(node)) or any(
        any(steep_arguments(node, tiny=False)) for node in sides
    )


def _agreements(first: Node, second: Node, names: list[str]) -> Iterator[Agreement]:
    """What the points say, one after the other."""
    if "i" not in constants(first) and "i" not in constants(second):
        seen = apart = False
        sides = _asks_for_whole(first), _asks_for_whole(second)
        if (points := _points(first, second, names, sides)) is None:
            yield "differ"
            return
        for point in points:
            found = _at(first, second, point, Reals)
            seen |= found in ("agree", "differ", "one")
            apart |= found != "agree"
            if found == "agree" and apart and not any(sides):  # at 0, \sqrt{x} ends and \sqrt{-x} begins
                found = "agree" if _at(first, second, _moved(point), Reals) == "agree" else "none"
            yield found
        if seen:
            return
    digits = Digits(first, second)
    for real in real_points(first, second, names, False):
        pairs: dict[str, Any] = {name: Pair(Ball(value)) for name, value in real.items()}
        for name in _COMPLEX_LETTERS & pairs.keys():
            pairs[name] = Pair(Ball(real[name]), Ball(digits.unit() * 2 - 1))
        yield _at(first, second, pairs, Complexes)


def _moved(point: Point) -> Point:
    """A point next to another."""
    return {name: value * (1 + (k + 2) * _NEARBY) + _NEARBY for k, (name, value) in enumerate(point.items())}


def _points(first: Node, second: Node, names: Sequence[str], whole: tuple[bool, bool]) -> Iterator[Point] | None:
    """Real points, or whole ones where a side has values at nothing else; None where the sides cannot be equal."""
    if not any(whole):
        return real_points(first, second, names, _breaks(first, second))
    if not all(whole) and not WHOLE_LETTERS.issuperset(names):
        return None
    return whole_points(first, second, names)


def _asks_for_whole(node: Node) -> bool:
    """Whether factorials and their like, or powers of negative numbers, only have values at whole numbers."""
    if not WHOLE_ONLY.isdisjoint(functions(node)):
        return True
    if not contains(node, tree.Power):
        return False
    powers = [part for part in descendants(node) if type(part) is tree.Power]
    return any(_is_negative(power.left) and variables(power.right) for power in powers)


def _is_negative(node: Node) -> bool:
    match node:
        case tree.Neg(tree.Num() | tree.Quotient(tree.Num(), tree.Num())) | tree.Quotient(tree.Neg(), tree.Num()):
            return True
        case tree.Num(value):
            return value < 0
    return False


def _at(first: Node, second: Node, point: Mapping[str, Any], kind: Callable[[Any], Reals | Complexes]) -> Agreement:
    """Compare both values at one point, with as many digits as that takes."""
    written = [len(value.as_tuple().digits) for value in point.values() if type(value) is Decimal]
    digits = max(DIGITS, _SPARE + max(written, default=0))
    known: dict[str, Any] = {k: Ball(value) if isinstance(value, Decimal) else value for k, value in point.items()}
    hidden = False
    while digits <= MAX_DIGITS:
        with localcontext(context(digits)):
            try:
                one, other = (_value(kind(known), node) for node in (first, second))
                if one is None or other is None:
                    return "none" if one is other else "one"
                if not one.agrees(other):
                    return "differ"
                if _is_known(one, other):
                    return "agree"
                digits *= 2
            except MoreDigits as more:
                if (hidden := isinstance(more, Hidden)) and (exact := compared(first, second, point)) is not None:
                    return exact
                digits = max(more.digits, digits + 20)
    return "differ" if _differ_anyway(kind(known), first, second) else "hidden" if hidden else "beyond"


def _differ_anyway(arithmetic: Reals | Complexes, first: Node, second: Node) -> bool:
    """Whether two values differ even when what is too small to see may have vanished, and whatever hidden floors are."""
    token = VANISHING.set(True)
    try:
        with localcontext(context(DIGITS)):
            one, other = _value(arithmetic, first), _value(arithmetic, second)
            return one is not None and other is not None and not one.agrees(other)
    except MoreDigits:
        return False
    finally:
        VANISHING.reset(token)


def _value(arithmetic: Reals | Complexes, node: Node) -> Any:
    """The value, None where there is none.

    Raises:
        MoreDigits: the digits do not suffice, or the value is out of range.
    """
    try:
        return arithmetic.value(node)
    except (Undefined, ZeroDivisionError, ValueError):
        return None
    except (DecimalException, OverflowError):
        raise MoreDigits(MAX_DIGITS + 1) from None


def _is_known(one: Ball | Pair, other: Ball | Pair) -> bool:
    """Whether two values that may be equal are known well enough to say so."""
    if isinstance(one, Pair) and isinstance(other, Pair):
        error = one.real.error + one.imaginary.error + other.real.error + other.imaginary.error
        size = max(abs(one.real.value), abs(one.imaginary.value), abs(other.real.value))
    else:
        assert isinstance(one, Ball)
        assert isinstance(other, Ball)
        error, size = one.error + other.error, max(abs(one.value), abs(other.value))
    return error <= _KNOWN * (size if size > error else 1)


def same_ratio(first: Node, second: Node, names: Iterable[str], positive: bool = False) -> bool:
    """Whether one expression is a constant multiple of the other, and a positive one where that is asked for."""
    listed = sorted(names)
    if clearly_no_multiple(first, second, listed):
        return False
    pieces, breaking = _has(first, second, PIECEWISE), _breaks(first, second)
    latest = thread_time() + _SEARCH
    return _over(_of_ratio(first, second, listed, positive), pieces, breaking, latest) is True


def _of_ratio(first: Node, second: Node, names: list[str], positive: bool) -> Iterator[Agreement]:
    """At every point: are the values in the ratio that they have at the first point where neither is zero?"""
    start: tuple[Ball, Ball] | None = None
    for point in real_points(first, second, names, _breaks(first, second)):
        known = Reals({name: Ball(value) for name, value in point.items()})
        with localcontext(context(DIGITS)):
            try:
                one, other = _value(known, first), _value(known, second)
                if one is None or other is None:
                    yield "none" if one is other else "one"
                    continue
                if one.is_zero or other.is_zero:
                    yield "none" if one.is_zero and other.is_zero else "differ"
                    continue
                start = start or (one, other)
                if positive and (one.value > 0) != (other.value > 0):
                    yield "differ"
                yield "agree" if (one * start[1]).agrees(other * start[0]) else "differ"
            except MoreDigits:
                yield "beyond"
