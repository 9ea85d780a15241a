r"""Second readings of a pair that differs as it stands: notation that only the other side explains.

``P(1, 2)`` is a point beside a point and a number of arrangements beside a number; ``3\hat{i}-2\hat{j}`` is a vector
beside a tuple; ``a < x < a+1`` is an interval beside one.

Integration constants and whole numbers of periods stand for any number, so their name means nothing: ``x^2 + C`` is
``x^2 + c`` and ``2k\pi`` is ``2n\pi``. A letter is only renamed where each side has one that the other has not.
"""

from collections.abc import Iterator
from fractions import Fraction
from itertools import permutations

from ..algebra.realsets import real_set, same_set
from ..numbers.exact import as_number
from ..read import tree
from ..read.tree import Node, constants, contains, descendants, facts, functions, kinds_of, rebuild, replaced, variables
from .orders import as_interval, interval_of, is_order, pieces

Pair = tuple[Node, Node]
_CONSTANTS = frozenset(("C", "c", "K", "k", "C_0", "C_1", "C_2", "c_0", "c_1", "c_2", "const"))
_INTEGRATION = frozenset(("C", "c", "C_1", "C_2", "c_1", "c_2"))
_ANY_CONSTANT = _INTEGRATION | frozenset(("A", "B", "D", "K", "k", "A_1", "A_2", "k_1", "k_2"))
_WHOLE = frozenset("knmlNj")
_HATS = ("hati", "hatj", "hatk")
_ZERO, _ONE, _MINUS = (tree.Num(Fraction(value)) for value in (0, 1, -1))
_COUNTED = {"C": "binom", "P": "permutations"}
_ELSE, _REALS = tree.Sym("otherwise"), tree.Const("reals")
_SEVERAL = frozenset((tree.List, tree.Set))
_OF_TURNS = kinds_of(tree.Num, tree.Sym, tree.Const, tree.Sum, tree.Product, tree.Neg, tree.Quotient, tree.Degree)
_ORDERED = frozenset((tree.Relation, tree.SetOperation, tree.List))
_MAY_BE_INTERVALS = _ORDERED | {tree.Group}


def readings(
    gold: Node, answer: Node, order: str, bound: frozenset[str] = frozenset(), real: frozenset[str] = frozenset()
) -> Iterator[Pair]:
    """Other pairs that these two may stand for; equal when one of them is.

    ``bound`` are letters that a side says to be any whole number, ``k \\in \\mathbb{Z}``, and ``real`` any real one.
    """
    ours, theirs = variables(gold), variables(answer)
    names = ours | theirs
    if not names:
        return
    if "hati" in names or "hatj" in names:
        yield from _vectors(gold, answer)
    if type(gold) is tree.Group and (point := _point(answer)) is not None:
        yield gold, point
    if type(answer) is tree.Group and (point := _point(gold)) is not None:
        yield point, answer
    if not names.isdisjoint(_COUNTED) and not (_may_be_point(gold) and _may_be_point(answer)):
        counted = _counted(gold), _counted(answer)
        if counted != (gold, answer):
            yield counted
    kinds = (type(gold), type(answer))
    ordered = _MAY_BE_INTERVALS.issuperset(kinds) and not _ORDERED.isdisjoint(kinds)
    if ordered and order != "free" and not (_is_ordered(gold) and _is_ordered(answer)) and _of_one(gold, answer):
        first, second = _interval(gold), _interval(answer)
        if type(first) is type(second) and (first is not gold or second is not answer):
            yield first, second
    if kinds == (tree.Set, tree.Set) and "otherwise" in names:
        yield from _otherwise(gold, answer)
    if not _SEVERAL.isdisjoint(kinds) or not ours or not theirs:
        return  # the members of lists are looked at one by one
    for renamed in renamings(gold, answer, bound, real):
        yield gold, renamed


def spread(node: Node) -> Node:
    """``a ± b`` as the list of its two values, and lists that contain such as one flat list."""
    if not contains(node, tree.PlusMinus):
        return node
    if isinstance(node, tree.List | tree.Set):
        flat: list[Node] = []
        for item in node.items:
            values = spread(item)
            flat.extend(values.items if isinstance(values, tree.List) and not isinstance(item, tree.List) else (item,))
        return node.over(tuple(flat)) if len(flat) > len(node.items) else node
    if tree.PlusMinus in map(type, descendants(node, without=(tree.List, tree.Set))):
        return tree.List((_signed(node, True), _signed(node, False)))
    return node


def _signed(node: Node, upper: bool) -> Node:
    """The value of ``a ± b`` with the upper or the lower signs."""
    if isinstance(node, tree.PlusMinus):
        left, right = _signed(node.left, upper), _signed(node.right, upper)
        return tree.Sum((left, right if node.upper == upper else tree.Neg(right)))
    return rebuild(node, lambda child: _signed(child, upper)) if type(node) not in tree.LEAVES else node


def _otherwise(gold: Node, answer: Node) -> Iterator[Pair]:
    """Cases of which one side says "otherwise", with what the other side says there."""
    sides = _cases(gold), _cases(answer)
    for one, other in (sides, sides[::-1]):
        said = [condition for _, condition in one if condition != _ELSE]
        if len(one) - len(said) != 1 or any(condition == _ELSE for _, condition in other):
            continue
        known = said[0] if len(said) == 1 else tree.List(tuple(said), "or")
        for condition in (condition for _, condition in other if _are_complements(known, condition)):
            full = tree.Set(tuple(tree.Group("{", "", (value, condition if c == _ELSE else c)) for value, c in one))
            yield (full, answer) if one is sides[0] else (gold, full)


def _cases(node: Node) -> list[tuple[Node, Node]]:
    """The values of ``cases`` with their conditions; empty for any other set."""
    rows = [item.items for item in node.items if type(item) is tree.Group] if isinstance(node, tree.Set) else []
    return [(row[0], row[1]) for row in rows if len(row) == 2]


def _are_complements(first: Node, second: Node) -> bool:
    """Whether a number that meets the first condition does not meet the second, and every other one does."""
    match first, second:
        case tree.Unit(one, unit), tree.Unit(other, second_unit):
            return one == other and {unit, second_unit} == {"even", "odd"}
    rest, said = real_set(tree.SetOperation("setminus", _REALS, first)), real_set(second)
    return rest is not None and said is not None and same_set(rest, said)


def _point(node: Node) -> Node | None:
    """The ``(1, 2)`` of ``P(1, 2)``."""
    if isinstance(node, tree.Call) and node.name.isupper() and isinstance(node.argument, tree.Group):
        return node.argument
    return None


def _vectors(gold: Node, answer: Node) -> Iterator[Pair]:
    sizes = [
        len(n.items) if isinstance(n, tree.Group) else len(n.rows) if isinstance(n, tree.Matrix) else 0
        for n in (gold, answer)
    ]
    three = 3 if 3 in sizes or "hatk" in variables(gold) | variables(answer) else 0
    vectors = as_vector(gold, three), as_vector(answer, three)
    if vectors != (gold, answer):
        yield vectors


def _may_be_point(node: Node) -> bool:
    """Whether a node may be a point P: beside another such it is no number of arrangements."""
    return isinstance(node, tree.Call) and node.name == "P"


def _counted(node: Node) -> Node:
    """``C(n, k)`` and ``P(n, k)`` as numbers of choices and of arrangements."""
    match node:
        case tree.Call(name, tree.Group(_, _, (n, k))) if name in _COUNTED:
            return tree.Function(_COUNTED[name], (n, k))
    return rebuild(node, _counted) if contains(node, tree.Call) else node


def _is_ordered(node: Node) -> bool:
    """Whether a node is written with inequalities."""
    return is_order(node) or (isinstance(node, tree.List) and all(map(is_order, node.items)))


def _of_one(*nodes: Node) -> bool:
    """Whether no list has inequalities of several letters: each would be an interval of its own."""
    for node in nodes:
        if isinstance(node, tree.List) and len({found[0] for item in node.items if (found := interval_of(item))}) > 1:
            return False
    return True


def _interval(node: Node) -> Node:
    """Inequalities of one letter, and unions, as intervals."""
    if is_order(node):
        return as_interval(node) or node
    if isinstance(node, tree.SetOperation) and node.name == "cup":
        return tree.List(tuple(map(_interval, pieces(node))), "or")
    if isinstance(node, tree.List) and node.joined == "or" and all(map(is_order, node.items)):
        return tree.List(tuple(map(_interval, node.items)), "or")
    return node


def renamings(
    gold: Node, answer: Node, bound: frozenset[str] = frozenset(), real: frozenset[str] = frozenset()
) -> Iterator[Node]:
    """The answer with its free letters named as the gold's, where such letters may have any name."""
    ours, theirs = variables(gold), variables(answer)
    mine, other = ours - theirs, theirs - ours
    if len(mine) == len(other) == 1:
        (wanted,), (found,) = mine, other
        counted = {wanted, found} <= _WHOLE and not bound.isdisjoint((wanted, found))
        counted = counted or {wanted, found} <= real
        free = _is_free(gold, wanted) and _is_free(answer, found)
        argument = (_argument(gold), _argument(answer)) == (tree.Sym(wanted), tree.Sym(found))  # f(x) = 2x, f(y) = 2y
        if counted or free or argument or _are_constants(gold, answer, mine, other):
            yield replaced(answer, found, tree.Sym(wanted))
    elif len(mine) == len(other) == 2 and _are_constants(gold, answer, mine, other):
        for wanted_pair in permutations(mine):
            renamed = answer
            for found, wanted in zip(sorted(other), wanted_pair, strict=True):
                renamed = replaced(renamed, found, tree.Sym(wanted))
            yield renamed
    elif not mine and not other and {"C_1", "C_2"} <= ours:
        swapped = replaced(replaced(answer, "C_1", tree.Sym("C_0")), "C_2", tree.Sym("C_1"))
        yield replaced(swapped, "C_0", tree.Sym("C_2"))


def _argument(node: Node) -> Node | None:
    """The x of ``f(x) = …``."""
    match node:
        case tree.Relation((tree.Call(_, argument), _), ("=",)):
            return argument
    return None


def _are_constants(gold: Node, answer: Node, ours: frozenset[str], theirs: frozenset[str]) -> bool:
    """Whether one side has integration constants for names and the other letters that are used for such."""
    for node, named, other in ((gold, ours, theirs), (answer, theirs, ours)):
        if named <= _INTEGRATION and other <= _ANY_CONSTANT and all(_is_free(node, name) for name in named):
            return True
    return False


def _is_free(node: Node, name: str) -> bool:
    """Whether a letter is a constant that is added, one of a solution, or counts periods."""
    if name in _WHOLE and ("mathbbZ" in variables(node) or _counts_periods(node, name)):
        return True
    if name not in _CONSTANTS:
        return False
    parts = descendants(node)
    sums = [part for part in parts if isinstance(part, tree.Sum)]
    added = any(term in (tree.Sym(name), tree.Neg(tree.Sym(name))) for part in sums for term in part.parts)
    return added or (name[0] in "Cc" and (bool(functions(node)) or _has_powers_of_e(parts)))


def _counts_periods(node: Node, name: str) -> bool:
    r"""Whether a letter only ever multiplies \pi or degrees: not in ``\cos(n\pi)``, but for angles of complex numbers."""
    inside_functions = "i" in constants(node)

    def without(part: Node) -> Node:
        kinds = facts(part).kinds
        if name not in variables(part):
            return part
        if isinstance(part, tree.Product | tree.Quotient | tree.Neg | tree.Degree) and not kinds & ~_OF_TURNS:
            turns = "pi" in constants(part) or contains(part, tree.Degree)
            divides = isinstance(part, tree.Quotient) and name in variables(part.right)
            if turns and not divides and descendants(part).count(tree.Sym(name)) == 1:
                return _ZERO
        if isinstance(part, tree.Function | tree.Power | tree.Call) and not inside_functions:
            return _ONE if part in alternating else part
        return rebuild(part, without)

    alternating = (tree.Power(_MINUS, tree.Sym(name)), tree.Power(tree.Neg(_ONE), tree.Sym(name)))
    return name not in variables(without(node)) and ("pi" in constants(node) or contains(node, tree.Degree))


def _has_powers_of_e(parts: list[Node]) -> bool:
    return any(isinstance(part, tree.Power) and part.left == tree.Const("e") for part in parts)


def as_vector(node: Node, size: int = 0) -> Node:
    r"""``3\hat{i} - 2\hat{j}`` as ``(3, -2)``; with a third component where k occurs or ``size`` asks for it."""
    found = variables(node) & set(_HATS)
    if not found or isinstance(node, tree.Container):
        return node
    names = _HATS if "hatk" in found or size == 3 else _HATS[:2]

    def component(which: str) -> Node:
        value: Node = node
        for name in _HATS:
            value = replaced(value, name, _ONE if name == which else _ZERO)
        return value

    if as_number(component("")) != 0:  # a number is left over
        return node

    return tree.Group("(", ")", tuple(map(component, names)))
