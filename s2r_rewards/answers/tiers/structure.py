"""Tier ``structure``: tuples, sets, lists of answers, intervals, matrices, ±, equations, ratios.

Containers are compared element by element. Order matters in tuples and matrices and is free in sets and in
lists of several answers (``order`` in the policy). ``x =``, ``f(x) =`` and ``x in`` in front of a value are
notation; an equation without a name in front is equal to its multiples. Caveat: open and closed ends
differ, and a missing or an extra answer is wrong.
"""

from typing import get_args

from ..algebra.equality import clearly_apart
from ..algebra.realsets import real_set, same_set
from ..algebra.whole import (
    COUNTERS,
    begin_apart,
    of_other_numbers,
    real_letters,
    same_progressions,
    same_whole_numbers,
    whole_letters,
    without_domain,
)
from ..numbers.exact import as_number
from ..policy import CheckPolicy
from ..read import tree
from ..read.tree import Node, constants, contains, facts, kinds_of, variables
from ..read.units import read_unit
from ..result import Outcome, judged
from .equations import (
    by_name,
    compare_relations,
    consistent,
    exact_part,
    in_alphabet,
    is_equation,
    is_name,
    name_of,
    named_apart,
    named_value,
    rounded_part,
)
from .number import compare_based, compare_values, unwrap
from .orders import compare_orders, is_order
from .readings import readings, spread

_MATCHING_LIMIT = 40
_NO_LETTERS: frozenset[str] = frozenset()
_EMPTY = tree.Const("empty")
_VALUES = {*get_args(tree.Expression), tree.Percent} - {tree.Const}
_SETS = {tree.SetOperation, tree.Relation, tree.Const}
_MAY_BE_SETS = {tree.Const, tree.Group, tree.Set, tree.SetOperation, tree.Relation, tree.List}
_RELATIONS, _SEVERAL = kinds_of(tree.Relation), kinds_of(tree.PlusMinus)
_UNDER_UNITS = (tree.Ratio, tree.Group, tree.List)


def compare(gold: Node, answer: Node, policy: CheckPolicy) -> Outcome:
    """Whether two trees mean the same answer, as they stand or in a second reading."""
    if (apart := clearly_apart(gold, answer, policy) or _clearly_apart_inside(gold, answer, policy)) is not None:
        return apart
    listed = type(gold) is tree.List or type(answer) is tree.List
    said = listed and (contains(gold, tree.Relation) or contains(answer, tree.Relation))
    if said and (whole := same_whole_numbers(gold, answer)) is not None:
        return judged(whole, "structure", "same set of whole numbers", "different sets of whole numbers")
    if said and of_other_numbers(gold, answer):
        return Outcome(False, "structure", "letters that stand for other kinds of numbers")
    if listed:
        gold, answer = (node if isinstance(node, tree.Relation) else spread(node) for node in (gold, answer))
        if policy.order != "strict" and begin_apart(gold, answer):
            return Outcome(False, "structure", "an answer has no partner")
    outcome = _compare(gold, answer, policy)
    if outcome.equal:
        return outcome
    ours, theirs = variables(gold), variables(answer)
    if ours or theirs:
        bound = whole_letters(gold) | whole_letters(answer)
        real = real_letters(gold) | real_letters(answer) if listed else _NO_LETTERS
        for pair in readings(without_domain(gold), without_domain(answer), policy.order, bound, real):
            if (second := _compare(*pair, policy)).equal:
                return second
        counted = not (COUNTERS.isdisjoint(ours) or COUNTERS.isdisjoint(theirs))
        if counted and same_progressions(spread(gold), spread(answer)):
            return Outcome(True, "structure", "same progressions")
    return outcome


def _clearly_apart_inside(gold: Node, answer: Node, policy: CheckPolicy) -> Outcome | None:
    """The outcome for two tuples whose first different elements are constants that are :func:`clearly_apart`."""
    if type(gold) is not tree.Group or type(answer) is not tree.Group or policy.order == "free":
        return None
    if gold.left == answer.left and gold.right == answer.right and len(gold.items) == len(answer.items):
        for one, other in zip(gold.items, answer.items, strict=True):
            if one != other:
                apart = clearly_apart(one, other, policy)
                return apart and Outcome(False, "structure", f"an element differs: {apart.why}")
    return None


def _compare(gold: Node, answer: Node, policy: CheckPolicy) -> Outcome:
    """Whether two trees mean the same answer as they stand."""
    if type(gold) is type(answer) and gold == answer:
        return Outcome(True, "structure" if isinstance(gold, tree.Container) else "expression", "read as the same")
    within = facts(gold).kinds | facts(answer).kinds
    if within & (_RELATIONS | _SEVERAL):
        if (rounded := rounded_part(answer)) is not None:
            exactly = compare(gold, exact_part(answer), policy)
            return exactly if exactly.equal else compare(gold, rounded, policy)
        if not consistent(gold) or not consistent(answer):
            return Outcome(False, "structure", "a rounded value that is none")
        gold, answer = exact_part(gold), exact_part(answer)
        if within & _SEVERAL:
            gold, answer = spread(gold), spread(answer)
        gold, answer = without_domain(gold), without_domain(answer)
    kinds = (type(gold), type(answer))
    if kinds[0] in _VALUES and kinds[1] in _VALUES:
        return compare_values(gold, answer, policy)
    if tree.Relation in kinds and (outcome := _with_relation(gold, answer, policy)) is not None:
        return outcome
    sets = kinds[0] in _MAY_BE_SETS and kinds[1] in _MAY_BE_SETS
    if sets and (not _SETS.isdisjoint(kinds) or _inequalities(gold) or _inequalities(answer)):
        first = real_set(gold)
        second = None if first is None else real_set(answer)
        if first is not None and second is not None:
            same = same_set(first, second)
            return judged(same, "structure", "same set of numbers", "different sets of numbers")
    if tree.List in kinds or tree.Set in kinds:
        return _lists(gold, answer, policy)
    if tree.Matrix in kinds:
        if isinstance(gold, tree.Matrix) and isinstance(answer, tree.Matrix) and _shape(gold) != _shape(answer):
            return Outcome(False, "structure", "matrices of different shapes")
        return _ordered(_rows(gold), _rows(answer), policy, "matrix")
    if tree.Group in kinds:
        return _groups(gold, answer, policy)
    if tree.Unit in kinds and any(
        type(node) is tree.Unit and type(node.inner) in _UNDER_UNITS for node in (gold, answer)
    ):
        return _with_units(gold, answer, policy)
    if tree.Ratio in kinds:
        return _ratios(gold, answer, policy)
    if tree.Based in kinds:
        based = compare_based(gold, answer)
        return compare(gold, based, policy) if isinstance(based, tree.Num) else based
    if is_order(gold) and is_order(answer):
        return compare_orders(gold, answer, policy, compare)
    if tree.SetOperation in kinds or tree.Relation in kinds:
        return Outcome(False, "structure", "different kinds of answer")
    return compare_values(gold, answer, policy)


def _with_units(gold: Node, answer: Node, policy: CheckPolicy) -> Outcome:
    """A unit behind a time, a ratio or a tuple: ``5:45 p.m.``"""
    g, a = unwrap(gold), unwrap(answer)
    units = read_unit(g.unit), read_unit(a.unit)
    if policy.units != "ignore" and (
        (all(units) and units[0] != units[1]) or (policy.units == "strict" and not all(units))
    ):
        return Outcome(False, "structure", "different units")
    return compare(g.core, a.core, policy)


def _with_relation(gold: Node, answer: Node, policy: CheckPolicy) -> Outcome | None:
    """Equations, and ``x in`` in front of a set; None when neither decides."""
    kinds = (type(gold), type(answer))
    if kinds[0] is kinds[1]:
        if is_equation(gold) and is_equation(answer):
            return compare_relations(gold, answer, policy, compare)
    elif tree.List in kinds and (listed := by_name(gold, answer) or by_name(answer, gold)) is not None:
        return _named(listed, _members(answer) or _members(gold) or (), policy)
    first = named_value(gold, policy, False, compare) if is_equation(gold) else gold
    second = named_value(answer, policy, True, compare) if is_equation(answer) else answer
    if first is None or second is None:
        return Outcome(False, "structure", "an equation and a value")
    if first is not gold or second is not answer:
        return compare(first, second, policy)
    match gold, answer:
        case (
            tree.Relation((name, tree.Set() as first), ("in",)),
            tree.Relation((named, tree.Set() as second), ("in",)),
        ):
            return compare(first, second, policy) if name == named else None
        case (tree.Relation(), tree.Relation()):
            return None
        case (tree.Relation((name, inside), ("in",)), other) | (other, tree.Relation((name, inside), ("in",))):
            if not is_name(name):
                return Outcome(False, "structure", "a statement about a number, and a set")
            if _inequalities(other):
                return None
            if isinstance(other, tree.List) and (isinstance(inside, tree.Group) or named_apart(other.items)):
                return Outcome(False, "structure", "a letter's interval or set, and several answers")
            return compare(inside, answer, policy) if other is answer else compare(gold, inside, policy)
    return None


def _inequalities(node: Node) -> bool:
    return isinstance(node, tree.List) and all(isinstance(i, tree.Relation) and i.ops != ("=",) for i in node.items)


def _lists(gold: Node, answer: Node, policy: CheckPolicy) -> Outcome:
    left, right = _members(gold), _members(answer)
    if left is None or right is None or _is_pair_in_set(gold, answer) or _is_pair_in_set(answer, gold):
        return _only_item(gold, answer, tree.Set, policy) or Outcome(False, "structure", "one answer and several")
    if len(left) != len(right):
        return Outcome(False, "structure", f"{len(left)} answers and {len(right)}")
    if {_joined(gold), _joined(answer)} == {"and", "or"} and _are_statements(left):
        return Outcome(False, "structure", "one joined by and, one by or")  # of p and q, both count
    grouped = isinstance(gold, tree.Group) or isinstance(answer, tree.Group)
    if type(gold) is type(answer) is tree.Set and _sets(left) != _sets(right):
        return Outcome(False, "structure", "an element is a set and its partner is none")
    if named_apart(left) or named_apart(right):
        return _named(in_alphabet(left), in_alphabet(right), policy) if grouped else _named(left, right, policy)
    if grouped and not _one_tuple(gold, answer):
        return Outcome(False, "structure", "a tuple or interval and several answers")
    if policy.order == "strict" or (policy.order == "notation" and grouped):
        return _ordered(left, right, policy, "list")
    return _unordered(left, right, policy)


def _is_pair_in_set(node: Node, other: Node) -> bool:
    """Whether a side is the set of one tuple, ``{(1, 3)}``, and the other is no set."""
    match node:
        case tree.Set((tree.Group("(") as pair,)):
            return type(other) is not tree.Set and "inf" not in constants(pair)
    return False


def _are_statements(items: tuple[Node, ...]) -> bool:
    """Whether items are true or false, rather than the values of one letter."""
    if all(isinstance(item, tree.Relation) for item in items):
        return len(frozenset().union(*map(variables, items))) > 1
    return all(isinstance(item, tree.Sym) for item in items)


def _sets(items: tuple[Node, ...]) -> int:
    """How many of them are sets: ``{1}`` stands for 1 as an answer, but not among the elements of a set."""
    return sum(type(item) is tree.Set or item == _EMPTY for item in items)


def _joined(node: Node) -> str:
    return node.joined if isinstance(node, tree.List) else ""


def _only_item(
    gold: Node, answer: Node, kind: type[tree.Set] | type[tree.Group], policy: CheckPolicy
) -> Outcome | None:
    """Compare a container of one item with a value; None when neither side is one."""
    for node in (gold, answer):
        if isinstance(node, kind) and len(node.items) == 1:
            (item,) = node.items
            if item == _EMPTY:  # the set that holds the empty set has an element
                return None
            return compare(item, answer, policy) if node is gold else compare(gold, item, policy)
    return None


def _one_tuple(gold: Node, answer: Node) -> bool:
    """Whether a tuple may stand for a bare list: ``(3, 2)`` for ``3, 2``, but not ``[1, 2]`` for ``1`` and ``2``."""
    match (gold, answer) if isinstance(gold, tree.Group) else (answer, gold):
        case tree.Group(left, right, items), tree.List(_, ","):
            return left + right == "()" or len(items) > 2
    return False


def _named(left: tuple[Node, ...], right: tuple[Node, ...], policy: CheckPolicy) -> Outcome:
    """Answers for different quantities: by name where both name them, otherwise in order.

    Neighbouring letters have their alphabet's order beside a tuple: ``(1, 2)`` is x = 1 and y = 2.
    """
    if named_apart(left) and named_apart(right):
        names = [name_of(item) for item in right]
        if set(names) != set(map(name_of, left)):
            return Outcome(False, "structure", "answers for different quantities")
        right = tuple(right[names.index(name_of(item))] for item in left)
    return _ordered(left, right, policy, "list")


def _members(node: Node) -> tuple[Node, ...] | None:
    """The answers in a list, a set or a tuple of several; None for anything else."""
    match node:
        case tree.List(items) | tree.Set(items):
            return items
        case tree.Group("(", ")", (_, _, *_) as items) | tree.Group("[", "]", (_, _, *_) as items):
            return items
    return None


def _ordered(left: tuple[Node, ...] | None, right: tuple[Node, ...] | None, policy: CheckPolicy, what: str) -> Outcome:
    if left is None or right is None or len(left) != len(right):
        return Outcome(False, "structure", f"not the same size of {what}")
    for a, b in zip(left, right, strict=True):
        outcome = compare(a, b, policy)
        if not outcome.equal:
            return Outcome(outcome.equal, "structure", f"an element differs: {outcome.why}")
    return Outcome(True, "structure", f"same {what}")


def _unordered(left: tuple[Node, ...], right: tuple[Node, ...], policy: CheckPolicy) -> Outcome:
    if len(left) > _MATCHING_LIMIT:
        first, second = [as_number(x) for x in left], [as_number(x) for x in right]
        if None in first or None in second:
            return _ordered(left, right, policy, "list")
        same = sorted(x for x in first if x is not None) == sorted(x for x in second if x is not None)
        return judged(same, "structure", "same numbers", "different numbers")
    rest = list(right)
    for item in left:
        index = next((i for i, other in enumerate(rest) if compare(item, other, policy).equal), None)
        if index is None:
            return Outcome(False, "structure", "an answer has no partner")
        rest.pop(index)
    return Outcome(True, "structure", "same answers")


def _groups(gold: Node, answer: Node, policy: CheckPolicy) -> Outcome:
    if not (isinstance(gold, tree.Group) and isinstance(answer, tree.Group)):
        return _only_item(gold, answer, tree.Group, policy) or Outcome(False, "structure", "a container and a value")
    matched = all(group.left + group.right in ("()", "[]") for group in (gold, answer))
    if (gold.left, gold.right) != (answer.left, answer.right) and (len(gold.items) == 2 or not matched):
        return Outcome(False, "structure", "different brackets")
    if policy.order == "free" and len(gold.items) == len(answer.items):
        return _unordered(gold.items, answer.items, policy)
    return _ordered(gold.items, answer.items, policy, "tuple")


def _shape(matrix: tree.Matrix) -> tuple[int, int]:
    return len(matrix.rows), len(matrix.rows[0])


def _rows(node: Node) -> tuple[Node, ...] | None:
    """The rows of a matrix as tuples; a single column or row as one flat tuple."""
    if not isinstance(node, tree.Matrix):
        return _members(node)
    if len(node.rows) == 1:
        return node.rows[0]
    return tuple(row[0] if len(row) == 1 else tree.Group("[", "]", row) for row in node.rows)


def _ratios(gold: Node, answer: Node, policy: CheckPolicy) -> Outcome:
    sides = (gold, answer)
    if isinstance(gold, tree.Ratio) and isinstance(answer, tree.Ratio):
        outcome = _ordered(gold.parts, answer.parts, policy, "ratio")
        if outcome.equal or any(as_number(part) == 0 for part in (*gold.parts, *answer.parts)):
            return outcome
        if len(gold.parts) != len(answer.parts):
            return outcome
        if len(gold.parts) > 2:  # 1:2:3 is 2:4:6
            one, other = (tuple(tree.Quotient(part, side.parts[0]) for part in side.parts) for side in (gold, answer))
            return _ordered(one, other, policy, "ratio")
    elif any(isinstance(side, tree.Ratio) and len(side.parts) != 2 for side in sides):
        return Outcome(False, "structure", "a ratio of several and a value")
    first, second = (tree.Quotient(*side.parts) if isinstance(side, tree.Ratio) else side for side in sides)
    return compare(first, second, policy)
