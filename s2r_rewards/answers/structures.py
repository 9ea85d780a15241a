"""Tier ``structure``: tuples, sets, lists of answers, intervals, matrices, ±, equations, ratios.

Containers are compared element by element. Order matters in tuples and matrices and is free in sets and in
lists of several answers (``order`` in the policy). ``x =``, ``f(x) =`` and ``x in`` in front of a value are
notation; an equation without a name in front is equal to its multiples. Caveat: open and closed ends
differ, and a missing or an extra answer is wrong.
"""

from __future__ import annotations

from .equations import (
    compare_relations,
    exact_part,
    is_equation,
    named_apart,
    named_value,
    rounded_part,
)
from .expressions import Outcome, as_number
from .policy import CheckPolicy
from .reader import Node
from .realsets import real_set, same_set
from .units import compatible
from .wrappers import compare_values, unwrap

_LISTS = ("list", "set")
_SETS = ("union", "cap", "setminus", "rel")
_CONTAINERS = (*_LISTS, *_SETS, "group", "matrix", "ratio")
_MATCHING_LIMIT = 40


def compare(gold: Node, answer: Node, policy: CheckPolicy) -> Outcome:
    """Whether two trees mean the same answer."""
    if gold == answer:
        return Outcome(True, "structure" if gold[0] in _CONTAINERS else "expression", "read as the same")
    rounded = rounded_part(answer)
    if rounded is not None:
        exactly = compare(gold, exact_part(answer), policy)
        return exactly if exactly.equal else compare(gold, rounded, policy)
    gold, answer = (_without_domain(_spread(exact_part(node))) for node in (gold, answer))
    if gold[0] == "rel" or answer[0] == "rel":
        outcome = _with_relation(gold, answer, policy)
        if outcome is not None:
            return outcome
    if gold[0] in (*_SETS, "const") or answer[0] in (*_SETS, "const") or _inequalities(gold, answer):
        first, second = real_set(gold), real_set(answer)
        if first is not None and second is not None:
            same = same_set(first, second)
            return Outcome(same, "structure", "same set of numbers" if same else "different sets of numbers")
    if gold[0] in _LISTS or answer[0] in _LISTS:
        return _lists(gold, answer, policy)
    if "matrix" in (gold[0], answer[0]):
        return _ordered(_rows(gold), _rows(answer), policy, "matrix")
    if gold[0] == "group" or answer[0] == "group":
        return _groups(gold, answer, policy)
    if any(node[0] == "unit" and node[1][0] in ("ratio", "group", "list") for node in (gold, answer)):
        return _with_units(gold, answer, policy)
    if gold[0] == "ratio" or answer[0] == "ratio":
        return _ratios(gold, answer, policy)
    if "based" in (gold[0], answer[0]):
        return _based(gold, answer, policy)
    if any(node[0] in _SETS for node in (gold, answer)):
        return Outcome(False, "structure", "different kinds of answer")
    return compare_values(gold, answer, policy)


def _with_units(gold: Node, answer: Node, policy: CheckPolicy) -> Outcome:
    """A unit behind a time, a ratio or a tuple: ``5:45 p.m.``"""
    g, a = unwrap(gold), unwrap(answer)
    if (g.unit and a.unit and not compatible(g.unit, a.unit)) or policy.units == "strict":
        return Outcome(False, "structure", "different units")
    return compare(g.core, a.core, policy)


def _with_relation(gold: Node, answer: Node, policy: CheckPolicy) -> Outcome | None:
    if is_equation(gold) and is_equation(answer):
        return compare_relations(gold, answer, policy, compare)
    for one, other in ((gold, answer), (answer, gold)):
        if is_equation(one) and (other[0] != "rel" or not is_equation(other)):
            value = named_value(one, policy, one is answer, compare)
            if value is None:
                return Outcome(False, "structure", "an equation and a value")
            return compare(value, other, policy) if one is gold else compare(other, value, policy)
        if one[0] == "rel" and one[2] == ("in",) and other[0] != "rel":
            return compare(one[1][1], other, policy) if one is gold else compare(other, one[1][1], policy)
    return None


def _inequalities(gold: Node, answer: Node) -> bool:
    return any(n[0] == "list" and all(i[0] == "rel" and i[2] != ("=",) for i in n[1]) for n in (gold, answer))


def _spread(node: Node) -> Node:
    """``a ± b`` as the list of its two values, and lists that contain such as one flat list."""
    if node[0] in _LISTS:
        flat: list[Node] = []
        for item in node[1]:
            spread = _spread(item)
            flat.extend(spread[1] if spread[0] == "list" and item[0] != "list" else (item,))
        return (node[0], tuple(flat), *node[2:])
    if _has_sign(node, 40):
        return ("list", (_signed(node, 1), _signed(node, -1)), ",")
    return node


def _has_sign(node: Node, depth: int) -> bool:
    if node[0] in ("pm", "mp"):
        return True
    return depth > 0 and any(
        _has_sign(child, depth - 1)
        for child in node[1:]
        if isinstance(child, tuple) and child and child[0] != "list"
    )


def _signed(node: Node, sign: int) -> Node:
    if node[0] in ("pm", "mp"):
        left, right = _signed(node[1], sign), _signed(node[2], sign)
        return ("add", left, right if (node[0] == "pm") == (sign > 0) else ("neg", right))
    return tuple(_signed(child, sign) if isinstance(child, tuple) else child for child in node)


def _lists(gold: Node, answer: Node, policy: CheckPolicy) -> Outcome:
    left, right = _members(gold), _members(answer)
    if left is None or right is None:
        single = left if left is not None else right
        if single is not None and len(single) == 1 and "set" in (gold[0], answer[0]):
            return (
                compare(single[0], answer, policy) if left is not None else compare(gold, single[0], policy)
            )
        return Outcome(False, "structure", "one answer and several")
    if len(left) != len(right):
        return Outcome(False, "structure", f"{len(left)} answers and {len(right)}")
    if named_apart(left) or named_apart(right):
        return _named(left, right, policy)
    if "group" in (gold[0], answer[0]) and not _one_tuple(gold, answer):
        return Outcome(False, "structure", "a tuple or interval and several answers")
    ordered = policy.order == "strict" or (policy.order == "notation" and "group" in (gold[0], answer[0]))
    if ordered:
        return _ordered(left, right, policy, "list")
    return _unordered(left, right, policy)


def _one_tuple(gold: Node, answer: Node) -> bool:
    """Whether a tuple may stand for a bare list: ``(3, 2)`` for ``3, 2``, but not ``[1, 2]`` for ``1`` and ``2``."""
    group, other = (gold, answer) if gold[0] == "group" else (answer, gold)
    brackets = (group[1], group[2])
    return other[0] == "list" and other[2] == "," and (brackets == ("(", ")") or len(group[3]) > 2)


def _without_domain(node: Node) -> Node:
    """Without ``k \\in \\mathbb{Z}`` beside an answer: it explains a letter."""
    if node[0] != "list":
        return node
    kept = tuple(
        item for item in node[1] if not (item[0] == "rel" and item[2] == ("in",) and _is_domain(item))
    )
    if not kept or len(kept) == len(node[1]):
        return node
    return kept[0] if len(kept) == 1 else ("list", kept, *node[2:])


def _is_domain(node: Node) -> bool:
    return node[1][1][0] == "sym" and node[1][1][1].startswith("mathbb")


def _named(left: tuple[Node, ...], right: tuple[Node, ...], policy: CheckPolicy) -> Outcome:
    """Answers for different quantities: by name where both name them, otherwise in order."""
    if named_apart(left) and named_apart(right):
        names = [item[1][0] for item in right]
        if set(names) != {item[1][0] for item in left}:
            return Outcome(False, "structure", "answers for different quantities")
        right = tuple(right[names.index(item[1][0])] for item in left)
    return _ordered(left, right, policy, "list")


def _members(node: Node) -> tuple[Node, ...] | None:
    if node[0] in _LISTS:
        return node[1]
    if node[0] == "group" and len(node[3]) > 1 and (node[1], node[2]) in (("(", ")"), ("[", "]")):
        return node[3]
    return None


def _ordered(
    left: tuple[Node, ...] | None, right: tuple[Node, ...] | None, policy: CheckPolicy, what: str
) -> Outcome:
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
        return Outcome(same, "structure", "same numbers" if same else "different numbers")
    rest = list(right)
    for item in left:
        index = next((i for i, other in enumerate(rest) if compare(item, other, policy).equal), None)
        if index is None:
            return Outcome(False, "structure", "an answer has no partner")
        rest.pop(index)
    return Outcome(True, "structure", "same answers")


def _groups(gold: Node, answer: Node, policy: CheckPolicy) -> Outcome:
    if gold[0] != answer[0]:
        single = gold if gold[0] == "group" else answer
        if len(single[3]) == 1:
            return (
                compare(gold[3][0], answer, policy) if single is gold else compare(gold, answer[3][0], policy)
            )
        return Outcome(False, "structure", "a container and a value")
    if gold[1:3] != answer[1:3] and len(gold[3]) == 2:
        return Outcome(False, "structure", "different brackets")
    if policy.order == "free" and len(gold[3]) == len(answer[3]):
        return _unordered(gold[3], answer[3], policy)
    return _ordered(gold[3], answer[3], policy, "tuple")


def _rows(node: Node) -> tuple[Node, ...] | None:
    """The rows of a matrix as tuples; a single column or row as one flat tuple."""
    if node[0] == "matrix":
        rows = node[1]
        if len(rows[0]) == 1:
            return tuple(row[0] for row in rows)
        if len(rows) == 1:
            return rows[0]
        return tuple(("group", "[", "]", row) for row in rows)
    return _members(node)


def _ratios(gold: Node, answer: Node, policy: CheckPolicy) -> Outcome:
    if gold[0] == answer[0]:
        left, right = gold[1:], answer[1:]
        outcome = _ordered(left, right, policy, "ratio")
        if outcome.equal or len(left) != len(right) or len(left) != 2:
            return outcome
        zero = any(as_number(part) == 0 for part in (*left, *right))
        return outcome if zero else compare(("div", *left), ("div", *right), policy)
    one = gold if gold[0] == "ratio" else answer
    if len(one) != 3:
        return Outcome(False, "structure", "a ratio of several and a value")
    value: Node = ("div", one[1], one[2])
    return compare(value, answer, policy) if one is gold else compare(gold, value, policy)


def _based(gold: Node, answer: Node, policy: CheckPolicy) -> Outcome:
    """Numbers with a base: as written when both carry one, by digits when only the gold answer does."""
    if gold[0] == answer[0]:
        same = gold[1:] == answer[1:]
        return Outcome(same, "number", "same digits and base" if same else "different digits or bases")
    if gold[0] == "based":
        same = as_number(answer) == gold[1]
        return Outcome(same, "number", "same digits, the base left out" if same else "different digits")
    digits, base = str(answer[1]), answer[2]
    if not (
        digits.isdigit()
        and base.isdigit()
        and 2 <= int(base) <= 10
        and all(int(d) < int(base) for d in digits)
    ):
        return Outcome(False, "number", "not a number in its base")
    return compare(gold, ("num", answer[1].__class__(int(digits, int(base)))), policy)
