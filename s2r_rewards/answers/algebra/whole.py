r"""Answers about whole numbers: what ``k \in \mathbb{Z}`` beside an answer means.

Beside inequalities it makes a set of whole numbers: ``x \in \mathbb{Z}, 1 \le x \le 3`` is ``{1, 2, 3}`` and not ``[1, 3]``.
Beside a formula it makes arithmetic progressions: ``\frac{\pi}{2} + k\pi`` is ``-\frac{\pi}{2} + n\pi``, and ``\frac{k\pi}{2}`` is
``k\pi`` together with ``\frac{\pi}{2} + k\pi``. Caveat: ``\mathbb{N}`` may begin with 0 or with 1, for both sides alike.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal, localcontext
from fractions import Fraction
from functools import reduce
from itertools import repeat
from math import gcd, lcm

from ..numbers.arithmetic import Undefined
from ..numbers.balls import Ball, MoreDigits, context
from ..numbers.floats import Floats, number
from ..numbers.reals import Reals
from ..read import tree
from ..read.atoms import TURN
from ..read.tree import Node, constants, contains, facts, functions, kinds_of, rebuild, replaced, variables
from .realsets import real_set, same_set

_ALL = tree.Sym("mathbbZ")
_NATURAL = (tree.Sym("mathbbN+"), tree.Sym("mathbbN0"))
_NATURALS = (tree.Sym("mathbbN"), *_NATURAL)
_SETS = (_ALL, *_NATURALS)
_NONE: frozenset[str] = frozenset()
_REALS = tree.Const("reals")
_RATIONAL = (tree.Sym("mathbbQ"),)
_DOMAINS = frozenset((*_SETS, *_RATIONAL, tree.Sym("mathbbC")))
_SOURCES = frozenset().union(*map(variables, _DOMAINS))
#: Letters that stand for whole numbers, said or not.
COUNTERS = frozenset("knmlNj")
_PERIOD = frozenset("k")  # n may be the number of anything
_ANGLES = frozenset(("x", "y", "t", "theta", "alpha", "beta", "phi", "varphi"))
_FORMULA = kinds_of(tree.Num, tree.Sym, tree.Const, tree.Sum, tree.Product, tree.Neg, tree.Quotient, tree.Function)
_SMOOTH = frozenset(("sqrt", "arcsin", "arccos", "arctan"))
_DIGITS, _CLOSE, _ROUGH = 60, Decimal("1e-40"), 1e-6
_MAX_PARTS, _MAX_RESIDUES = 60, 500

Steps = tuple[Decimal, Decimal]


def is_domain(node: Node) -> bool:
    """Whether a statement says what kind of number a letter is."""
    match node:
        case tree.Relation((tree.Sym(), tree.Sym() as source), ("in",)):
            return source in _DOMAINS
    return False


def without_domain(node: Node) -> Node:
    r"""Without ``k \in \mathbb{Z}`` beside an answer: it explains a letter of it."""
    if not isinstance(node, tree.List):
        return node
    named = any(isinstance(item, tree.Relation) and contains(item, tree.Call) for item in node.items)
    real = frozenset(_domains(node, (_REALS,)) if named else ())  # f(x) = cx for all real x: what else?
    kept = tuple(item for item in node.items if not is_domain(item) and item not in real)
    if not kept or len(kept) == len(node.items):
        return node
    letters = frozenset(part for item in kept for name in variables(item) for part in name.split("_"))
    if not all(variables(item) <= letters | _SOURCES for item in node.items if item not in kept):
        return node
    return kept[0] if len(kept) == 1 else tree.List(kept, node.joined)


def of_other_numbers(gold: Node, answer: Node) -> bool:
    r"""Whether both sides say what kind of number their letters are, and say different kinds: ``k \in \mathbb{N}`` is not all of k."""
    said = [{item.sides[1] for item in _domains(node, (*_DOMAINS, _REALS))} for node in (gold, answer)]
    if all(said) and (said[0] == {_REALS}) != (said[1] == {_REALS}):
        return True
    said = [sources - {_REALS} for sources in said]
    ours, theirs = ({_NATURALS[0] if source in _NATURALS else source for source in sources} for sources in said)
    return bool(ours and theirs) and ours != theirs


def whole_letters(node: Node, sets: tuple[Node, ...] = _SETS) -> frozenset[str]:
    """The letters that an answer says to be whole numbers."""
    if type(node) is not tree.List and type(node) is not tree.Group:
        return _NONE
    return frozenset(item.sides[0].name for item in _domains(node, sets) if isinstance(item.sides[0], tree.Sym))


def real_letters(node: Node) -> frozenset[str]:
    """The letters that an answer says to be real numbers."""
    return whole_letters(node, (_REALS,))


def _domains(node: Node, sets: tuple[Node, ...] = _SETS) -> list[tree.Relation]:
    match node:
        case tree.List(items):
            said: Iterable[Node] = items
        case tree.Group("{", "}", (_, tree.List(items))):
            said = items
        case tree.Group("{", "}", (_, tree.Relation() as only)):
            said = (only,)
        case _:
            return []
    found = [item for item in said if isinstance(item, tree.Relation) and item.ops == ("in",)]
    return [item for item in found if item.sides[1] in sets and isinstance(item.sides[0], tree.Sym)]


def same_whole_numbers(gold: Node, answer: Node) -> bool | None:
    """Whether two sets of numbers are the same where a side speaks of whole numbers; None where none does so."""
    if bool(_domains(gold, _RATIONAL)) != bool(_domains(answer, _RATIONAL)):
        return False
    said = _domains(gold) + _domains(answer)
    if not said:
        return None
    found = None
    for natural in _NATURAL:
        sides = [replaced(_with_domain(node, said), "mathbbN", natural) for node in (gold, answer)]
        sets = [real_set(side) for side in sides]
        if sets[0] is None or sets[1] is None:
            return None
        try:
            found = same_set(sets[0], sets[1])
        except Undefined:  # too many numbers to look at each
            return None if sets[0].whole and sets[1].whole else False
        if found:
            return True
    return found


def _with_domain(node: Node, said: list[tree.Relation]) -> Node:
    """Conditions, each with the domain of its letter; one that only the other side states counts for usual letters."""
    own = _domains(node)
    rest = without_domain(node)
    named = variables(rest)
    usual = [
        domain
        for domain in said
        if not own and isinstance(rest, tree.Relation | tree.List) and named == variables(domain.sides[0]) <= COUNTERS
    ]
    return tree.List((rest, *(own or usual[:1])), "and") if (own and rest is not node) or usual else node


def same_progressions(gold: Node, answer: Node) -> bool:
    r"""Whether two answers about all whole numbers are the same arithmetic progressions.

    Where only one side, or none, says that its letter is any whole number, the other has to look like the angles of an
    equation: ``2n - 1`` may be a term of a sequence, ``x = \frac{\pi}{2} + k\pi`` is not.
    """
    said = [whole_letters(node, (_ALL,)) for node in (gold, answer)]
    names = [_names(node) for node in (gold, answer)]
    if not any(said) and not (any(names) and variables(gold) & variables(answer) >= _PERIOD):
        return False
    try:
        parts = [[_in_radians(part) for part in _parts(node)] for node in (gold, answer)]
        letters = [s or _of_angles(p, n) for s, p, n in zip(said, parts, names, strict=True)]
        told = any(said) or (letters[0] | letters[1] == _PERIOD and bool(names[0] | names[1]))
        if not (all(letters) and told) or (names[0] and names[1] and names[0] != names[1]):
            return False
        if not _seem_same(*([_rough(part, one) for part in p] for p, one in zip(parts, letters, strict=True))):
            return False
        with localcontext(context(_DIGITS)):
            first, second = ([_steps(part, one) for part in p] for p, one in zip(parts, letters, strict=True))
            return _same(first, second)
    except (Undefined, MoreDigits, ArithmeticError, ValueError):
        return False


def begin_apart(gold: Node, answer: Node) -> bool:
    """Whether a formula of one list begins where no progression of the other has a member: no two of them are the same.

    Both lists have as many formulas of one and the same counter, of which smooth functions leave no doubt.
    """
    if not isinstance(gold, tree.List) or not isinstance(answer, tree.List) or COUNTERS.isdisjoint(variables(gold)):
        return False
    try:
        first, second = _parts(gold), _parts(answer)
        letters = {variables(part) for part in (*first, *second)}
        plain = not any(facts(part).kinds & ~_FORMULA or functions(part) - _SMOOTH for part in (*first, *second))
        if not plain or not 1 < len(first) == len(second) or len(letters) != 1:
            return False
        (names,) = letters
        if len(names) != 1 or not names <= COUNTERS or names & (_names(gold) | _names(answer)):
            return False
        (name,) = names
        there = [_surely(part, name) for part in second]
        return any(all(map(_never_meet, repeat(_surely(part, name)), there)) for part in first)
    except (Undefined, ArithmeticError, ValueError):
        return False


class _Sure(Floats):
    """Double precision for real values of a size that leaves no digits in doubt."""

    def value(self, node: Node) -> float:
        value: complex = super().value(node)
        if isinstance(value, complex):
            if value.imag:
                raise Undefined("not real")
            value = value.real
        if value and not 1e-5 < abs(value) < 1e5:
            raise Undefined("out of range")
        return value


def _surely(part: Node, name: str) -> tuple[float, float]:
    """Start and step of what may be a progression."""
    start, end = (_Sure({name: at}).value(part) for at in (0.0, 1.0))
    return start, end - start


def _never_meet(here: tuple[float, float], there: tuple[float, float]) -> bool:
    """Whether the start of one progression is clearly none of the other's members."""
    (start, _), (other, step) = here, there
    distance, size = abs(start - other), 1 + max(abs(start), abs(other), abs(step))
    if abs(step) > 1e-3 and distance < 1e4 * abs(step):
        distance = min(distance, abs(distance - round(distance / step) * step))
    elif step:
        return False
    return distance > 1e-4 * size


def _of_angles(parts: list[Node], names: frozenset[str]) -> frozenset[str]:
    r"""The counter in ``x = \frac{\pi}{2} + k\pi``, which nobody needs to explain."""
    letters = frozenset().union(*map(variables, parts))
    usual = letters == _PERIOD or (len(letters) == 1 and letters <= COUNTERS and bool(names))
    return letters if usual and names <= _ANGLES and all("pi" in constants(part) for part in parts) else frozenset()


def _in_radians(node: Node) -> Node:
    if not contains(node, tree.Degree):
        return node
    return tree.Product((node.inner, TURN)) if isinstance(node, tree.Degree) else rebuild(node, _in_radians)


def _parts(node: Node) -> list[Node]:
    """The formulas of an answer, without names and domains."""
    match node:
        case tree.List(items) | tree.Set(items):
            parts = [part for item in items if not is_domain(item) for part in _parts(item)]
        case tree.Group("{", "}", (inside, _)):
            parts = _parts(inside)
        case tree.Relation((tree.Sym(), value), ("=" | "in",)):
            parts = _parts(value)
        case _:
            parts = [node]
    if len(parts) > _MAX_PARTS:
        raise Undefined("too many answers")
    return parts


def _names(node: Node) -> frozenset[str]:
    """What the formulas of an answer are said to be."""
    match node:
        case tree.List(items):
            return frozenset().union(*map(_names, (item for item in items if not is_domain(item))))
        case tree.Relation((tree.Sym(name), _), ("=" | "in",)):
            return frozenset((name,))
    return frozenset()


def _rough(part: Node, letters: frozenset[str]) -> tuple[float, float]:
    """Start and step in double precision."""
    name = _only(part, letters)
    start, end = (complex(number(part, {name: at})).real for at in (0.0, 1.0))
    return start, end - start


def _seem_same(first: list[tuple[float, float]], second: list[tuple[float, float]]) -> bool:
    """Whether the progressions of each begin at numbers of the other."""
    for here, there in ((first, second), (second, first)):
        for start, _ in here:
            shares = [(start - other) / step for other, step in there if step]
            if not any(abs(share - round(share)) < _ROUGH for share in shares):
                return False
    return True


def _only(part: Node, letters: frozenset[str]) -> str:
    names = variables(part)
    if len(names) != 1 or not names <= letters:
        raise Undefined("no progression")
    (name,) = names
    return name


def _steps(part: Node, letters: frozenset[str]) -> Steps:
    """Start and step of a progression; raises :class:`Undefined` for whatever is none."""
    name = _only(part, letters)

    def at(x: int) -> Decimal:
        value: Ball = Reals({name: Ball(Decimal(x))}).value(part)
        return value.value

    start, step = at(0), at(1) - at(0)
    if not step or any(abs(start + step * x - at(x)) > _CLOSE * (1 + abs(step * x)) for x in (2, -3, 7)):
        raise Undefined("no progression")
    return start, abs(step)


def _same(first: list[Steps], second: list[Steps]) -> bool:
    """Whether two unions of progressions are the same, by their residues in the smallest common period."""
    unit = first[0][1]
    ratios = [Fraction(step / unit).limit_denominator(1000) for _, step in first + second]
    if any(
        abs(Decimal(r.numerator) / r.denominator - step / unit) > _CLOSE
        for r, (_, step) in zip(ratios, first + second, strict=True)
    ):
        return False
    period = unit * reduce(lcm, (r.numerator for r in ratios)) / reduce(gcd, (r.denominator for r in ratios))
    residues = [_residues(side, period) for side in (first, second)]
    return len(residues[0]) == len(residues[1]) and all(abs(a - b) < _CLOSE for a, b in zip(*residues, strict=True))


def _residues(steps: list[Steps], period: Decimal) -> list[Decimal]:
    found: list[Decimal] = []
    for start, step in steps:
        count = int((period / step).to_integral_value())
        if count * len(steps) > _MAX_RESIDUES:
            raise Undefined("too many residues")
        for turn in range(count):
            share = (start + turn * step) / period
            share -= share.to_integral_value(rounding="ROUND_FLOOR")
            found.append(share if 1 - share > _CLOSE else Decimal(0))
    merged: list[Decimal] = []
    for share in sorted(found):
        if not merged or share - merged[-1] > _CLOSE:
            merged.append(share)
    return merged
