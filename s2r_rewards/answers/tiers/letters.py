r"""Letters that may be others: integration constants, whole numbers of periods, unit vectors.

``x^2 + C`` is ``x^2 + c`` and ``2k\pi`` is ``2n\pi``: such letters stand for any number, so their name means nothing. A
letter is only renamed where the answer has one that the gold has not, and the other way round.
"""

from collections.abc import Iterator
from fractions import Fraction

from ..algebra.exact import as_number
from ..read import tree
from ..read.tree import Node, descendants, functions, rebuild, variables

_CONSTANTS = frozenset(("C", "c", "K", "k", "C_0", "C_1", "c_0", "c_1", "const"))
_WHOLE = frozenset("knmlNj")
_HATS = ("hati", "hatj", "hatk")
_ZERO, _ONE = tree.Num(Fraction(0)), tree.Num(Fraction(1))


def replaced(node: Node, name: str, by: Node) -> Node:
    """The tree with something else for a variable."""
    if isinstance(node, tree.Sym):
        return by if node.name == name else node
    return rebuild(node, lambda child: replaced(child, name, by))


def renamings(gold: Node, answer: Node) -> Iterator[Node]:
    """The answer with its free letter named as the gold's, where such a letter may have any name."""
    ours, theirs = variables(gold), variables(answer)
    mine, other = ours - theirs, theirs - ours
    if len(mine) == len(other) == 1:
        (wanted,), (found,) = mine, other
        if _is_free(gold, wanted) and _is_free(answer, found):
            yield replaced(answer, found, tree.Sym(wanted))
    elif not mine and not other and {"C_1", "C_2"} <= ours:
        swapped = replaced(replaced(answer, "C_1", tree.Sym("C_0")), "C_2", tree.Sym("C_1"))
        yield replaced(swapped, "C_0", tree.Sym("C_2"))


def _is_free(node: Node, name: str) -> bool:
    """Whether a letter is a constant that is added, one of a solution, or counts periods."""
    parts = descendants(node)
    if name in _WHOLE and any(
        part in (tree.Const("pi"), tree.Sym("mathbbZ")) or isinstance(part, tree.Degree) for part in parts
    ):
        return True
    if name not in _CONSTANTS:
        return False
    sums = [part for part in parts if isinstance(part, tree.Sum)]
    added = any(term in (tree.Sym(name), tree.Neg(tree.Sym(name))) for part in sums for term in part.parts)
    return added or (name[0] in "Cc" and (bool(functions(node)) or _has_powers_of_e(parts)))


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
