"""Inequalities and intervals with letters in them: ``a < b`` and ``b > a``, ``(a, a+1)`` and ``a < x < a+1``."""

from collections.abc import Callable
from typing import TypeGuard

from ..algebra.calls import with_named_calls
from ..algebra.identity import same_ratio
from ..policy import CheckPolicy
from ..read import tree
from ..read.tree import Node, variables
from ..result import Outcome, judged

Compare = Callable[[Node, Node, CheckPolicy], Outcome]
_TURNED = {">": "<", ">=": "<=", "<": ">", "<=": ">="}
_USUAL = frozenset("xyztuvw")  # letters that stand for the elements of a set
_INFINITE = tree.Const("inf")


def is_order(node: Node) -> TypeGuard[tree.Relation]:
    """Whether a node is a chain of <, ≤ or of >, ≥, or a single ≠."""
    if not isinstance(node, tree.Relation) or not node.ops:
        return False
    return set(node.ops) <= {"<", "<="} or set(node.ops) <= {">", ">="} or node.ops == ("!=",)


def _upwards(node: tree.Relation) -> tree.Relation:
    """The chain with its smallest side first."""
    if node.ops[0] not in (">", ">="):
        return node
    return tree.Relation(node.sides[::-1], tuple(_TURNED[op] for op in reversed(node.ops)))


def compare_orders(gold: tree.Relation, answer: tree.Relation, policy: CheckPolicy, compare: Compare) -> Outcome:
    """The same sides in the same order, or one difference that is a positive multiple of the other."""
    first, second = _upwards(gold), _upwards(answer)
    if first.ops != second.ops:
        return Outcome(False, "structure", "different relations")
    pairs = list(zip(first.sides, second.sides, strict=True))
    if all(compare(one, other, policy).equal for one, other in pairs):
        return Outcome(True, "structure", "same order")
    if len(first.ops) > 1:
        return Outcome(False, "structure", "different orders")
    one, other = with_named_calls(*(tree.Sum((side.sides[0], tree.Neg(side.sides[1]))) for side in (first, second)))
    names = variables(one)
    if not names or names != variables(other):
        return Outcome(False, "structure", "inequalities of different variables")
    same = same_ratio(one, other, names, positive=first.ops != ("!=",))
    return judged(same, "structure", "same inequality", "different inequalities")


def as_interval(node: Node) -> tree.Group | None:
    """``a < x ≤ b`` or ``x ≥ a`` as the interval of x, which occurs nowhere else; else None."""
    found = interval_of(node)
    return found[1] if found else None


def interval_of(node: Node) -> tuple[str, tree.Group] | None:
    """The letter in an inequality, and its interval."""
    if not is_order(node) or node.ops == ("!=",):
        return None
    sides, ops = _upwards(node).sides, _upwards(node).ops
    match sides:
        case (low, tree.Sym(name), high) if name not in variables(low) | variables(high):
            return name, tree.Group("[" if ops[0] == "<=" else "(", "]" if ops[1] == "<=" else ")", (low, high))
        case (tree.Sym(name), tree.Sym(other) as high) if name in _USUAL and other not in _USUAL:
            return name, tree.Group("(", "]" if ops[0] == "<=" else ")", (tree.Neg(_INFINITE), high))
        case (low, tree.Sym(name)) if name not in variables(low):
            return name, tree.Group("[" if ops[0] == "<=" else "(", ")", (low, _INFINITE))
        case (tree.Sym(name), high) if name not in variables(high):
            return name, tree.Group("(", "]" if ops[0] == "<=" else ")", (tree.Neg(_INFINITE), high))
    return None


def pieces(node: Node) -> tuple[Node, ...]:
    """The sets in a union."""
    match node:
        case tree.SetOperation("cup", left, right):
            return (*pieces(left), *pieces(right))
    return (node,)
