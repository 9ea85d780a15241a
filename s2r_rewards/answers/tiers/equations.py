"""Equations: a name in front of a value, chains of equal values, and curves up to a constant factor."""

from collections.abc import Callable
from fractions import Fraction
from itertools import pairwise
from typing import TypeGuard

from ..algebra.calls import with_named_calls
from ..algebra.equality import decimal_places
from ..algebra.identity import same_ratio
from ..numbers.arithmetic import Undefined, same_rational, same_rational_ratio
from ..numbers.floats import number
from ..policy import CheckPolicy
from ..read import tree
from ..read.tree import Node, contains, descendants, facts, kinds_of, rebuild, replaced, variables
from ..result import Outcome, judged

Compare = Callable[[Node, Node, CheckPolicy], Outcome]
Sides = tuple[Node, ...]
_NUMBERED = frozenset(f"_{number}" for number in range(1, 10))
_SIMPLE = frozenset(
    (tree.Sym, tree.Call, tree.Function, tree.Quotient, tree.Product, tree.Ratio, tree.Group, tree.Const)
)
_FORMULA = kinds_of(
    tree.Num, tree.Sym, tree.Const, tree.Sum, tree.Product, tree.Neg, tree.Quotient, tree.Power, tree.Function
)
_ZERO, _ONE = tree.Num(Fraction(0)), tree.Num(Fraction(1))


def is_equation(node: Node) -> TypeGuard[tree.Relation]:
    """Whether a node is a chain of nothing but = and ≈."""
    return isinstance(node, tree.Relation) and (node.ops == ("=",) or all(op in "=~" for op in node.ops))


def named_apart(items: tuple[Node, ...]) -> bool:
    """Whether every item names a quantity of its own: ``a = 2, b = 3``, but not ``x = 2, x = 3`` or ``x_1, x_2``."""
    if len(items) < 2 or not isinstance(items[0], tree.Relation):
        return False
    names = [name for name in map(name_of, items) if name is not None]
    bases = {name.name.partition("_")[0] if isinstance(name, tree.Sym) else name for name in names}
    return len(bases) == len(names) == len(items)


def name_of(item: Node) -> Node | None:
    """The name in front of a single equation."""
    if isinstance(item, tree.Relation) and item.ops == ("=",) and is_name(item.sides[0]):
        return item.sides[0]
    return None


def by_name(node: Node, other: Node) -> tuple[Node, ...] | None:
    """The equations in ``(x, y) = (1, 2)`` beside a list of equations for the same names, else None."""
    if not isinstance(node, tree.Relation) or not isinstance(node.sides[0], tree.Group):
        return None
    match node, other:
        case tree.Relation((tree.Group("(", ")", names), tree.Group("(", ")", values)), ("=",)), tree.List(items):
            if len(names) == len(values) and set(names) == set(map(name_of, items)):
                return tuple(tree.Relation(pair, ("=",)) for pair in zip(names, values, strict=True))
    return None


def in_alphabet(items: tuple[Node, ...]) -> tuple[Node, ...]:
    """``y = 2, x = 1`` as ``x = 1, y = 2`` where the names are neighbouring letters, else as it stands."""
    named = {name.name: item for item in items if isinstance(name := name_of(item), tree.Sym)}
    letters = sorted(named)
    if len(named) < len(items) or any(len(letter) > 1 for letter in letters):
        return items
    near = all(ord(after) - ord(letter) == 1 for letter, after in pairwise(letters))
    return tuple(named[letter] for letter in letters) if near else items


def rounded_part(node: Node) -> Node | None:
    """The ``0.33`` of ``x = 1/3 \\approx 0.33`` where it is a decimal that the exact part rounds to, else None."""
    if not isinstance(node, tree.Relation) or node.ops[-1:] != ("~",):
        return None
    exact, rounded = node.sides[-2:]
    if not (places := decimal_places(rounded)) or variables(exact):
        return None
    try:
        off = abs(number(exact, {}) - number(rounded, {}))
    except Undefined:
        return None
    return rounded if off <= 0.5000001 * 10.0**-places else None


def consistent(node: Node) -> bool:
    """Whether every ``a \\approx b`` between constants in a chain rounds to what it says; ``3 \\approx 4`` does not."""
    if not isinstance(node, tree.Relation) or "~" not in node.ops:
        return True
    for left, op, right in zip(node.sides, node.ops, node.sides[1:], strict=False):
        if op != "~" or variables(left) or variables(right):
            continue
        try:
            off, size = abs(number(left, {})) - abs(number(right, {})), abs(number(right, {}))
        except Undefined:
            return False
        place = max(_last_place(left), _last_place(right))
        if (
            not -0.500001 * place <= off < place * (1.0 if _last_place(left) < place else 0.500001)
            and abs(off) > 1e-3 * size
        ):
            return False
    return True


def _last_place(node: Node) -> float:
    """What the last digit of a number that is written out counts; 0 for anything else."""
    literal = node.inner if isinstance(node, tree.Neg) else node
    if not isinstance(literal, tree.Num):
        return 0.0
    if literal.value.denominator == 1:
        digits = str(abs(literal.value.numerator))
        return 10.0 ** min(300, len(digits) - len(digits.rstrip("0"))) if literal.value else 1.0
    return 10.0 ** -decimal_places(literal)


def exact_part(node: Node) -> Node:
    """``x = 1/3 \\approx 0.33`` as ``x = 1/3``: what is exact stands in front of the first sign of rounding."""
    if not isinstance(node, tree.Relation) or "~" not in node.ops:
        return node
    exact = node.ops.index("~")
    if exact == 0:
        return node.sides[0] if not is_name(node.sides[0]) else node
    return tree.Relation(node.sides[: exact + 1], node.ops[:exact])


def is_name(node: Node) -> bool:
    """Whether a left-hand side only names a quantity: variables without any number of its own."""
    if type(node) is tree.Const:
        return node.name in ("i", "e")
    if type(node) is tree.Sym:
        return True
    if type(node) is tree.Num or not variables(node):
        return False
    return type(node) is tree.Call or tree.Num not in map(type, descendants(node, (tree.Call,)))


def named_value(equation: tree.Relation, policy: CheckPolicy, lenient: bool, compare: Compare) -> Node | None:
    """The value in ``x = 3`` or ``x = 1 + 2 = 3``; None when the equation does not name one value.

    ``lenient`` also accepts a sum of names in front (``x_1 + x_2 = 2``).
    """
    sides = equation.sides
    if len(sides) == 2 and is_name(sides[1]) and not variables(sides[0]):
        sides = (sides[1], sides[0])
    if is_name(sides[0]) and (lenient or _is_simple(sides[0])):
        rest = sides[1:]
        if _is_unknown(sides[0]) or (type(sides[0]) is tree.Product and _again(sides[0], rest)):
            return None
    elif any(map(variables, sides)):
        return None
    else:
        rest = sides
    if any(not compare(rest[-1], side, policy).equal for side in rest[:-1]):
        return None
    return rest[-1]


def _again(name: Node, values: Sides) -> bool:
    """Whether a letter of a name stands in its value, too: ``xy = x^2`` says nothing of a quantity xy."""
    return not variables(name).isdisjoint(frozenset().union(*map(variables, values)))


def _is_unknown(name: Node) -> bool:
    """Whether a name is ``|x|``, which leaves the sign of x open: neither ``|z|`` nor ``|AB|`` is an unknown."""
    match name:
        case tree.Function("abs", (tree.Sym(letter),)):
            return len(letter) == 1 and letter.islower() and letter not in "zwuvab"
    return False


def _is_simple(name: Node) -> bool:
    return type(name) in _SIMPLE or (type(name) is tree.SetOperation and name.name != "setminus")


def compare_relations(gold: tree.Relation, answer: tree.Relation, policy: CheckPolicy, compare: Compare) -> Outcome:
    """Two equations: the same name with equal values, or the same curve."""
    g, a = gold.sides, answer.sides
    if len(g) == len(a) == 2:
        if is_name(g[0]) and is_name(a[0]) and (g[0] == a[0] or _same_role(g[0], a[0])):
            outcome = compare(g[1], a[1], policy)
            apart = not isinstance(g[0], tree.Sym) or g[0].name in variables(g[1]) | variables(a[1])
            if outcome.equal or (g[0] == a[0] and not apart) or any(contains(side, tree.Unit) for side in (g[1], a[1])):
                return outcome  # a curve has no units
            if outcome.equal is False and g[0] == a[0] and _is_defined(g[0], g[1], a[1]):
                return Outcome(False, "structure", "different equations")
        elif not variables(g[1]) and not variables(a[1]) and isinstance(g[0], tree.Sym) and isinstance(a[0], tree.Sym):
            return Outcome(False, "structure", "values of different variables")
        same = same_curve(g, a) or _same_plain_curve(g, a) or solves(g, a) or solves(a, g)
        return judged(same, "structure", "same equation", "different equations")
    if is_name(g[0]) and is_name(a[0]) and g[0] != a[0] and not _same_role(g[0], a[0]):
        return Outcome(False, "structure", "values of different variables")
    first, second = named_value(gold, policy, False, compare), named_value(answer, policy, True, compare)
    if first is None or second is None:
        return Outcome(False, "structure", "different equations")
    return compare(first, second, policy)


def _same_plain_curve(gold: Sides, answer: Sides) -> bool:
    """Whether two equations are the same curve once the arguments of unknown functions are left out."""
    if not any(contains(side, tree.Call) for side in (*gold, *answer)):
        return False
    plain = [tuple(map(without_arguments, sides)) for sides in (gold, answer)]
    return plain != [gold, answer] and same_curve(*plain)


def _is_defined(head: Node, *values: Node) -> bool:
    """Whether ``f(x)`` is given by formulas without unknown functions: then only equal formulas make equal equations."""
    if type(head) is not tree.Call:
        return False
    return all(head.name not in variables(value) and not facts(value).kinds & ~_FORMULA for value in values)


def _same_role(first: Node, second: Node) -> bool:
    """``f(x)`` and ``g(x)`` or ``y`` name the same thing; ``x`` and ``y`` do not."""
    match first, second:
        case tree.Call(_, one), tree.Call(_, other):
            return one == other
        case (tree.Call(), tree.Sym("y")) | (tree.Sym("y"), tree.Call()):
            return True
        case tree.Sym(one), tree.Sym(other):  # a root is x_1 or x
            return (other == one[:-2] and one[-2:] in _NUMBERED) or (one == other[:-2] and other[-2:] in _NUMBERED)
    return False


def without_arguments(node: Node) -> Node:
    """``x(t)`` as ``x``: the argument of an unknown function is only notation."""
    match node:
        case tree.Call(name, tree.Sym("t" | "x" | "n" | "s")):
            return tree.Sym(name)
    return rebuild(node, without_arguments) if contains(node, tree.Call) else node


def solves(solved: Sides, other: Sides) -> bool:
    """Whether ``y = f`` is the other equation, solved for a y that stands in it once, times something without zeros.

    ``P = nRT/V`` solves ``PV = nRT``; ``y = x`` does not ``xy = x^2``, which is also true for every y at x = 0.
    """
    everywhere = set().union(*map(variables, solved))
    if everywhere != set().union(*map(variables, other)):
        return False
    for name, value in (solved, solved[::-1]):
        if not isinstance(name, tree.Sym) or name.name in variables(value):
            continue
        difference = tree.Sum((other[0], tree.Neg(other[1])))
        if not same_rational(replaced(difference, name.name, value), _ZERO):
            return False
        rest = replaced(difference, name.name, _ZERO)
        slope = tree.Sum((replaced(difference, name.name, _ONE), tree.Neg(rest)))
        line = tree.Sum((tree.Product((slope, name)), rest))
        if same_rational(difference, line) and not same_rational(slope, _ZERO):
            return not any(
                same_rational(replaced(rest, letter, _ZERO), _ZERO)
                for letter in variables(slope)
                if same_rational(replaced(slope, letter, _ZERO), _ZERO)
            )
    return False


def same_curve(gold: Sides, answer: Sides) -> bool:
    """Whether ``lhs - rhs`` of one equation is a constant multiple of the other's."""
    names, others = (variables(sides[0]) | variables(sides[1]) for sides in (gold, answer))
    calls, more = (any(contains(side, tree.Call) for side in sides) for sides in (gold, answer))
    if calls != more or (names != others and not calls):
        return False
    left: Node = tree.Sum((gold[0], tree.Neg(gold[1])))
    right: Node = tree.Sum((answer[0], tree.Neg(answer[1])))
    if calls:
        left, right = with_named_calls(left, right)
        names, others = variables(left), variables(right)
    if not names or names != others:
        return False
    found = same_rational_ratio(left, right)
    return same_ratio(left, right, names) if found is None else found
