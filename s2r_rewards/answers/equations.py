"""Equations: a name in front of a value, chains of equal values, and curves up to a constant factor."""

from __future__ import annotations

from collections.abc import Callable

from .exact import Undefined
from .expressions import Outcome, decimal_places, variables
from .modular import PRIME, NotRational, value_mod
from .policy import CheckPolicy
from .probing import number, sample
from .reader import Node

Compare = Callable[[Node, Node, CheckPolicy], Outcome]
_LETTERS: tuple[Node, ...] = (("const", "i"), ("const", "e"))
_SIMPLE_NAMES = ("sym", "call", "fn", "div", "mul", "ratio", "group", "const", "union", "cap")


def is_equation(node: Node) -> bool:
    return node[0] == "rel" and all(op in "=~" for op in node[2])


def named_apart(items: tuple[Node, ...]) -> bool:
    """Whether every item names a quantity of its own: ``a = 2, b = 3``, but not ``x = 2, x = 3`` or ``x_1, x_2``."""
    names = [item[1][0] for item in items if item[0] == "rel" and item[2] == ("=",) and is_name(item[1][0])]
    bases = {name[1].partition("_")[0] if name[0] == "sym" else name for name in names}
    return len(names) == len(items) > 1 and len(bases) == len(items)


def rounded_part(node: Node) -> Node | None:
    """The ``0.33`` of ``x = 1/3 \\approx 0.33`` where it is a decimal that the exact part rounds to, else None."""
    if node[0] != "rel" or node[2][-1:] != ("~",) or len(node[1]) < 2:
        return None
    exact, rounded = node[1][-2], node[1][-1]
    places = decimal_places(rounded)
    if not places or variables(exact):
        return None
    try:
        off = abs(number(exact, {}) - number(rounded, {}))
    except Undefined:
        return None
    return rounded if off <= 0.5000001 * 10.0**-places else None


def exact_part(node: Node) -> Node:
    """``x = 1/3 \\approx 0.33`` as ``x = 1/3``: what is exact stands in front of the first sign of rounding."""
    if node[0] != "rel" or "~" not in node[2]:
        return node
    exact = node[2].index("~")
    if exact == 0:
        return node[1][0] if not is_name(node[1][0]) else node
    return ("rel", node[1][: exact + 1], node[2][:exact])


def is_name(node: Node) -> bool:
    """Whether a left-hand side only names a quantity: variables without any number of its own."""
    return node in _LETTERS or (bool(variables(node)) and not _has_number(node))


def _has_number(node: Node) -> bool:
    if node[0] == "num":
        return True
    if node[0] == "call":
        return False
    return any(_has_number(child) for child in node[1:] if isinstance(child, tuple) and child)


def named_value(node: Node, policy: CheckPolicy, lenient: bool, compare: Compare) -> Node | None:
    """The value in ``x = 3`` or ``x = 1 + 2 = 3``; None when the equation does not name one value.

    ``lenient`` also accepts a sum of names in front (``x_1 + x_2 = 2``).
    """
    sides = node[1]
    if len(sides) == 2 and is_name(sides[1]) and not variables(sides[0]):
        sides = (sides[1], sides[0])
    first = sides[0]
    if is_name(first) and (lenient or first[0] in _SIMPLE_NAMES):
        rest = sides[1:]
    elif all(not variables(side) for side in sides):
        rest = sides
    else:
        return None
    if any(not compare(rest[-1], side, policy).equal for side in rest[:-1]):
        return None
    return rest[-1]


def compare_relations(gold: Node, answer: Node, policy: CheckPolicy, compare: Compare) -> Outcome:
    """Two equations: the same name with equal values, or the same curve."""
    g, a = gold[1], answer[1]
    if len(g) == 2 and len(a) == 2:
        if is_name(g[0]) and is_name(a[0]) and (g[0] == a[0] or _same_role(g[0], a[0])):
            outcome = compare(g[1], a[1], policy)
            if outcome.equal:
                return outcome
        elif not variables(g[1]) and not variables(a[1]) and g[0][0] == a[0][0] == "sym":
            return Outcome(False, "structure", "values of different variables")
        same = same_curve(g, a)
        if not same:
            g, a = (tuple(without_arguments(side) for side in sides) for sides in (g, a))
            same = (g, a) != (gold[1], answer[1]) and same_curve(g, a)
        return Outcome(same, "structure", "same equation" if same else "different equations")
    first, second = named_value(gold, policy, False, compare), named_value(answer, policy, True, compare)
    if first is None or second is None:
        return Outcome(False, "structure", "different equations")
    return compare(first, second, policy)


def _same_role(first: Node, second: Node) -> bool:
    """``f(x)`` and ``g(x)`` or ``y`` name the same thing; ``x`` and ``y`` do not."""
    calls = [node[0] == "call" for node in (first, second)]
    if all(calls):
        return first[2] == second[2]
    return any(calls) and ("sym", "y") in (first, second)


def without_arguments(node: Node) -> Node:
    """``x(t)`` as ``x``: the argument of an unknown function is only notation."""
    if node[0] == "call" and node[2] in (("sym", "t"), ("sym", "x"), ("sym", "n"), ("sym", "s")):
        return ("sym", node[1])
    return tuple(without_arguments(child) if isinstance(child, tuple) else child for child in node)


def same_curve(gold: tuple[Node, ...], answer: tuple[Node, ...]) -> bool:
    """Whether ``lhs - rhs`` of one equation is a constant multiple of the other's."""
    left, right = (("add", sides[0], ("neg", sides[1])) for sides in (gold, answer))
    if not variables(left) or variables(left) != variables(right):
        return False
    try:
        ratios = [value_mod(left, k) * pow(value_mod(right, k), PRIME - 2, PRIME) % PRIME for k in (0, 1)]
        return ratios[0] == ratios[1] != 0
    except NotRational:
        pass
    found: list[complex] = []
    for which in range(5):
        point = {name: sample(name, which, False) for name in variables(left)}
        try:
            a, b = number(left, point), number(right, point)
        except (Undefined, KeyError):
            continue
        if a == 0 or b == 0:
            return False
        found.append(a / b)
    return len(found) >= 3 and all(abs(x - found[0]) <= 1e-9 * abs(found[0]) for x in found)
