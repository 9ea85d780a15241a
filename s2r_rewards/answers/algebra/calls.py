"""Values of unknown functions: ``f(x + 1)`` and ``f(1 + x)`` are the same unknown, ``f(1)`` and ``f(2)`` are two."""

from __future__ import annotations

from ..numbers.arithmetic import Undefined, same_rational
from ..read import tree
from ..read.tree import Node, contains, rebuild, variables
from .identity import same_constant, same_function

_LIMIT = 12  # arguments that are compared as functions; beyond it they must be written alike


def with_named_calls(first: Node, second: Node) -> tuple[Node, Node]:
    """Both expressions with a variable of its own for every value of an unknown function."""
    if not contains(first, tree.Call) and not contains(second, tree.Call):
        return first, second
    known: list[tuple[str, Node]] = []
    return _renamed(first, known), _renamed(second, known)


def _renamed(node: Node, known: list[tuple[str, Node]]) -> Node:
    if not contains(node, tree.Call):
        return node
    changed = rebuild(node, lambda child: _renamed(child, known))
    if not isinstance(changed, tree.Call):
        return changed
    for number, (name, argument) in enumerate(known):
        if name == changed.name and _same(argument, changed.argument, len(known)):
            return tree.Sym(f"{name}({number})")
    known.append((changed.name, changed.argument))
    return tree.Sym(f"{changed.name}({len(known) - 1})")


def _same(first: Node, second: Node, count: int) -> bool:
    if first == second:
        return True
    parts = [node.items if isinstance(node, tree.Group) else (node,) for node in (first, second)]
    if count > _LIMIT or len(parts[0]) != len(parts[1]):
        return False
    return all(_same_part(one, other) for one, other in zip(*parts, strict=True))


def _same_part(first: Node, second: Node) -> bool:
    names = variables(first) | variables(second)
    if any(isinstance(node, tree.Container) for node in (first, second)):
        return False
    try:
        found = same_rational(first, second)
        if found is None:
            found = same_function(first, second, names) if names else same_constant(first, second)
    except Undefined:
        return False
    return found is True
