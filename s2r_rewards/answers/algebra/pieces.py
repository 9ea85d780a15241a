r"""Piecewise expressions that are equal whatever their pieces are worth: ``\max(a, b) + 1`` and ``1 + \max(b, a)``.

Every function that changes its formula gets a variable of its own, the same for equal ones, from the inside out. What is
identical in these variables is identical, and no point has to be looked at for it.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

from ..numbers.arithmetic import written_fraction
from ..numbers.reals import PIECEWISE
from ..read import tree
from ..read.tree import Node, rebuild

#: Functions whose formula may be another one in every part of the line; powers with a fraction are others.
BREAKING = PIECEWISE | {"sqrt", "arcsin", "arccos", "arctan", "arccot", "arctanh"}
_LIMIT = 16  # pieces that are compared

Same = Callable[[Node, Node], bool]


def is_breaking(node: Node) -> bool:
    """Whether a node may have another formula in another part of the line."""
    if type(node) is tree.Function:
        return node.name in BREAKING
    if type(node) is not tree.Power:
        return False
    ratio = written_fraction(node.right)
    return ratio is not None and ratio.denominator > 1


def is_function(node: Node) -> bool:
    """Whether a node is worth more than sums, products and whole powers can say."""
    return (
        is_breaking(node)
        or type(node) is tree.Function
        or (type(node) is tree.Power and written_fraction(node.right) is None)
    )


def with_named_pieces(first: Node, second: Node, same: Same, every: bool) -> tuple[Node, Node] | None:
    """Both expressions with variables for their pieces, or for every function; None where there are too many.

    ``same`` compares two expressions without pieces.
    """
    names = Names(same, is_function if every else is_breaking)
    named = names.named(first), names.named(second)
    return None if len(names.known) > _LIMIT else named


class Names:
    """The pieces that were met, each with a number."""

    def __init__(self, same: Same, is_piece: Callable[[Node], bool]) -> None:
        self.same = same
        self.is_piece = is_piece
        self.known: list[tuple[str, tuple[Node, ...]]] = []

    def named(self, node: Node) -> Node:
        """The expression with a variable for every piece."""
        if len(self.known) > _LIMIT:
            return node
        if isinstance(node, tree.Function) and node.name in ("min", "ceil"):  # one of two names for the same
            inner = tuple(tree.Neg(part) for part in _flat(node))
            return tree.Neg(self.named(tree.Function({"min": "max", "ceil": "floor"}[node.name], inner)))
        if isinstance(node, tree.Function) and node.name == "max":
            node = tree.Function("max", _flat(node))
        if isinstance(node, tree.Function) and node.name == "floor":
            rest, whole = _without_whole(node.arguments[0])
            if whole:
                return tree.Sum((self.named(tree.Function("floor", (rest,))), tree.Num(Fraction(whole))))
        changed = rebuild(node, self.named)
        if not self.is_piece(changed):
            return changed
        name, arguments = _parts(changed)
        for number, (other, parts) in enumerate(self.known):
            if name == other and len(parts) == len(arguments) and _alike(name, arguments, parts, self.same):
                return tree.Sym(f"piece {number}")
        self.known.append((name, arguments))
        return tree.Sym(f"piece {len(self.known) - 1}")


def _parts(piece: Node) -> tuple[str, tuple[Node, ...]]:
    """What a piece is called, and what it depends on."""
    if isinstance(piece, tree.Function):
        return piece.name, piece.arguments
    assert isinstance(piece, tree.Power)
    ratio = written_fraction(piece.right)
    return ("power", (piece.left, piece.right)) if ratio is None else (f"power {ratio}", (piece.left,))


def _flat(node: tree.Function) -> tuple[Node, ...]:
    """The arguments, with those of the same function among them."""
    found: list[Node] = []
    for part in node.arguments:
        found += _flat(part) if isinstance(part, tree.Function) and part.name == node.name else [part]
    return tuple(dict.fromkeys(found)) if node.name in ("max", "min") else node.arguments


def _without_whole(node: Node) -> tuple[Node, int]:
    """An expression without the whole numbers that are added to it, and their sum."""
    match node:
        case tree.Num(value) if value.denominator == 1:
            return tree.Num(Fraction(0)), int(value)
        case tree.Neg(inner):
            rest, whole = _without_whole(inner)
            return (tree.Neg(rest), -whole) if whole else (node, 0)
        case tree.Sum(parts):
            split = [_without_whole(part) for part in parts]
            total = sum(whole for _, whole in split)
            return (tree.Sum(tuple(rest for rest, _ in split)), total) if total else (node, 0)
    return node, 0


def _alike(name: str, one: tuple[Node, ...], other: tuple[Node, ...], same: Same) -> bool:
    if name == "abs":
        return same(one[0], other[0]) or same(one[0], tree.Neg(other[0]))
    if name != "max":
        return all(same(a, b) for a, b in zip(one, other, strict=True))
    left = list(other)
    for part in one:
        if (match := next((k for k, candidate in enumerate(left) if same(part, candidate)), None)) is None:
            return False
        del left[match]
    return True
