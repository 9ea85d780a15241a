r"""Second readings of a pair that differs as it stands: notation that only the other side explains.

``P(1, 2)`` is a point beside a point and a number of arrangements beside a number; ``3\hat{i}-2\hat{j}`` is a vector
beside a tuple; ``a < x < a+1`` is an interval beside one; a free constant may have any name.
"""

from collections.abc import Iterator

from ..read import tree
from ..read.tree import Node, rebuild, variables
from .letters import as_vector, renamings
from .orders import as_interval, is_order, pieces

Pair = tuple[Node, Node]
_COUNTED = {"C": "binom", "P": "permutations"}
_PLAIN = (tree.Num, tree.Const, tree.Percent)


def readings(gold: Node, answer: Node, order: str) -> Iterator[Pair]:
    """Other pairs that these two may stand for; equal when one of them is."""
    if isinstance(gold, _PLAIN) and isinstance(answer, _PLAIN):
        return
    names = variables(gold) | variables(answer)
    if not names:
        return
    if "hati" in names or "hatj" in names:
        yield from _vectors(gold, answer)
    for call, other in ((gold, answer), (answer, gold)):
        named = isinstance(call, tree.Call) and call.name.isupper() and isinstance(call.argument, tree.Group)
        if named and isinstance(call, tree.Call) and isinstance(other, tree.Group):
            yield (call.argument, other) if call is gold else (other, call.argument)
    if not names.isdisjoint(_COUNTED):
        counted = _counted(gold), _counted(answer)
        if counted != (gold, answer):
            yield counted
    if order != "free" and not (_is_ordered(gold) and _is_ordered(answer)):
        intervals = _interval(gold), _interval(answer)
        if type(intervals[0]) is type(intervals[1]):
            yield intervals
    for renamed in renamings(gold, answer):
        yield gold, renamed


def _vectors(gold: Node, answer: Node) -> Iterator[Pair]:
    sizes = [
        len(n.items) if isinstance(n, tree.Group) else len(n.rows) if isinstance(n, tree.Matrix) else 0
        for n in (gold, answer)
    ]
    three = 3 if 3 in sizes or "hatk" in variables(gold) | variables(answer) else 0
    vectors = as_vector(gold, three), as_vector(answer, three)
    if vectors != (gold, answer):
        yield vectors


def _counted(node: Node) -> Node:
    """``C(n, k)`` and ``P(n, k)`` as numbers of choices and of arrangements."""
    match node:
        case tree.Call(name, tree.Group(_, _, (n, k))) if name in _COUNTED:
            return tree.Function(_COUNTED[name], (n, k))
    return rebuild(node, _counted)


def _is_ordered(node: Node) -> bool:
    """Whether a node is written with inequalities."""
    return is_order(node) or (isinstance(node, tree.List) and all(map(is_order, node.items)))


def _interval(node: Node) -> Node:
    """Inequalities of one letter, and unions, as intervals."""
    if is_order(node):
        return as_interval(node) or node
    if isinstance(node, tree.SetOperation) and node.name == "cup":
        return tree.List(tuple(map(_interval, pieces(node))))
    if isinstance(node, tree.List) and node.joined == "or" and all(map(is_order, node.items)):
        return tree.List(tuple(map(_interval, node.items)))
    return node
