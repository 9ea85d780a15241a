"""The syntax tree: what is read, and the walks that every kind of node must be handled in."""

from __future__ import annotations

from fractions import Fraction
from typing import get_args

import pytest

from s2r_rewards.answers.numbers.arithmetic import Undefined
from s2r_rewards.answers.numbers.exact import exact_value
from s2r_rewards.answers.numbers.floats import number
from s2r_rewards.answers.read import tree
from s2r_rewards.answers.read.reader import read
from s2r_rewards.answers.read.tree import children, contains, descendants, facts, functions, rebuild, variables

ONE, TWO, X, Y = tree.Num(Fraction(1)), tree.Num(Fraction(2)), tree.Sym("x"), tree.Sym("y")
EVERY_NODE = {
    tree.Num: ONE,
    tree.Sym: X,
    tree.Const: tree.Const("pi"),
    tree.Sum: tree.Sum((X, ONE)),
    tree.Product: tree.Product((TWO, X)),
    tree.Neg: tree.Neg(X),
    tree.Quotient: tree.Quotient(ONE, X),
    tree.Power: tree.Power(X, TWO),
    tree.Function: tree.Function("sin", (X,)),
    tree.Call: tree.Call("f", X),
    tree.Percent: tree.Percent(X),
    tree.Degree: tree.Degree(X),
    tree.Unit: tree.Unit(X, "cm"),
    tree.Based: tree.Based(Fraction(101), "2"),
    tree.PlusMinus: tree.PlusMinus(ONE, X, True),
    tree.Relation: tree.Relation((X, ONE), ("=",)),
    tree.Ratio: tree.Ratio((X, TWO)),
    tree.SetOperation: tree.SetOperation("cup", X, Y),
    tree.Group: tree.Group("(", "]", (X, TWO)),
    tree.Set: tree.Set((X, TWO)),
    tree.List: tree.List((X, TWO), "or"),
    tree.Matrix: tree.Matrix(((X, ONE), (TWO, Y))),
}
TEXTS = {
    "x+1": EVERY_NODE[tree.Sum],
    "2x": EVERY_NODE[tree.Product],
    "\\frac{1}{x}": EVERY_NODE[tree.Quotient],
    "x^2": EVERY_NODE[tree.Power],
    "\\sin x": EVERY_NODE[tree.Function],
    "f(x)": EVERY_NODE[tree.Call],
    "x\\%": EVERY_NODE[tree.Percent],
    "x^\\circ": EVERY_NODE[tree.Degree],
    "x^{\\circ}": EVERY_NODE[tree.Degree],
    "x\\text{ cm}": EVERY_NODE[tree.Unit],
    "101_2": EVERY_NODE[tree.Based],
    "1 \\pm x": EVERY_NODE[tree.PlusMinus],
    "x = 1": EVERY_NODE[tree.Relation],
    "x : 2": EVERY_NODE[tree.Ratio],
    "x \\cup y": EVERY_NODE[tree.SetOperation],
    "(x, 2]": EVERY_NODE[tree.Group],
    "\\{x, 2\\}": EVERY_NODE[tree.Set],
    "x or 2": EVERY_NODE[tree.List],
    "\\begin{pmatrix} x & 1 \\\\ 2 & y \\end{pmatrix}": EVERY_NODE[tree.Matrix],
    "\\{x : x > 1\\}": tree.Relation((X, ONE), (">",)),
    "\\{x \\in \\mathbb{R} : x > 1\\}": tree.Relation((X, ONE), (">",)),
    "\\{x \\in y : x > 1\\}": tree.List((tree.Relation((X, ONE), (">",)), tree.Relation((X, Y), ("in",))), "and"),
    "1\\frac12": tree.Num(Fraction(3, 2)),
    "-1\\frac12\\%": tree.Percent(tree.Neg(tree.Num(Fraction(3, 2)))),
}


@pytest.mark.parametrize("text", TEXTS)
def test_reading(text):
    assert read(text) == TEXTS[text]


def test_the_table_has_every_node():
    assert set(EVERY_NODE) == {kind for part in get_args(tree.Node) for kind in (get_args(part) or (part,))}


@pytest.mark.parametrize("node", EVERY_NODE.values(), ids=lambda node: type(node).__name__)
def test_every_walk_handles_every_node(node):
    assert rebuild(node, lambda child: child) == node
    assert type(rebuild(node, lambda child: Y)) is type(node)
    assert children(rebuild(node, lambda child: Y)) == (Y,) * len(children(node))
    assert descendants(node)[0] is node
    assert ("x" in variables(node)) == (node == X or X in children(node))
    for value in (exact_value, lambda node: number(node, {"x": 2.0, "y": 3.0})):
        try:
            value(node)
        except Undefined:
            assert isinstance(node, tree.Container | tree.Based | tree.PlusMinus | tree.Call)


def test_nodes_of_different_kinds_differ():
    assert tree.Neg(X) != tree.Percent(X)
    assert tree.Sum((X, Y)) != tree.Product((X, Y))
    assert tree.Sym("e") != tree.Const("e")
    with pytest.raises(AttributeError):
        X.name = "y"
    with pytest.raises(AttributeError):
        tree.Neg(X).inner = Y


def test_walks_go_everywhere_but_where_they_are_told_not_to():
    node = read("f(x) = \\frac{\\sin a}{b^c}, (g, h)")
    assert variables(node) == {"f", "x", "a", "b", "c", "g", "h"}
    assert functions(node) == {"sin"}
    assert Y not in descendants(read("x(y) + 1"), without=(tree.Call,))


def test_what_occurs_in_a_tree_is_found_once_and_never_compared():
    node, same = read("f(x) + \\sin \\pi"), read("f(x) + \\sin \\pi")
    found = facts(node)
    assert (found.variables, found.functions, found.constants) == ({"f", "x"}, {"sin"}, {"pi"})
    assert facts(node) is found
    assert node == same
    assert (hash(node), repr(node)) == (hash(same), repr(same))
    for kind in EVERY_NODE:
        assert contains(node, kind) == (kind in (tree.Sum, tree.Call, tree.Sym, tree.Function, tree.Const))
        assert contains(EVERY_NODE[kind], kind)


@pytest.mark.parametrize(
    ("text", "items"), [("1,625", 2), ("1,625,300", 3), ("2, 1,625", 3), ("(1,625)", 2), ("1,25", 2)]
)
def test_thousands_are_numbers_apart_where_that_is_asked_for(text, items):
    node = read(text, grouped=False)
    assert len(node.items) == items
