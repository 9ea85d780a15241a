"""Constants in double precision with bounds: what is proven apart differs to any number of digits."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from s2r_rewards.answers import check
from s2r_rewards.answers.algebra.identity import _at, same_constant
from s2r_rewards.answers.numbers.enclosures import compared
from s2r_rewards.answers.numbers.reals import Reals
from s2r_rewards.answers.read import tree
from s2r_rewards.answers.read.reader import read

NUMBERS = st.one_of(
    st.integers(0, 9).map(Fraction), st.fractions(0, 9, max_denominator=9), st.sampled_from((10**40, 10**-99, 10**-200))
).map(lambda value: tree.Num(Fraction(value)))
NAMES = ("sqrt", "ln", "exp", "sin", "cos", "tan", "arctan", "arcsin", "arccos", "abs", "cosh", "arctanh", "floor")
EXPONENTS = st.sampled_from(
    (Fraction(1, 2), Fraction(1, 3), Fraction(2, 3), Fraction(-1, 3), Fraction(2), Fraction(-3))
)


def _larger(inner):
    several = st.lists(inner, min_size=2, max_size=3).map(tuple)
    return st.one_of(
        several.map(tree.Sum),
        several.map(tree.Product),
        inner.map(tree.Neg),
        st.builds(tree.Quotient, inner, inner),
        st.builds(tree.Power, inner, EXPONENTS.map(tree.Num)),
        st.builds(lambda name, node: tree.Function(name, (node,)), st.sampled_from(NAMES), inner),
    )


CONSTANTS = st.recursive(
    st.one_of(NUMBERS, st.sampled_from((tree.Const("pi"), tree.Const("e")))), _larger, max_leaves=8
)


@given(CONSTANTS, CONSTANTS, st.integers(0, 2))
@settings(max_examples=300)
def test_what_is_apart_differs_and_what_is_close_has_a_value(first, second, kind):
    if kind:  # two ways to write the same, or nearly the same
        again = tree.Quotient(tree.Product((first, second)), second)
        first, second = (again, first) if kind == 1 else (tree.Sum((again, tree.Num(Fraction(1, 10**12)))), first)
    found = compared(first, second)
    if found == "apart":
        assert _at(first, second, {}, Reals) in ("differ", "hidden", "beyond")
    if found == "close":
        assert _at(first, second, {}, Reals) not in ("one", "none")


@pytest.mark.parametrize("text", ["\\sin(\\sqrt{-1})", "\\arctan(\\frac{1}{1-1})", "\\cos(\\ln(-2))"])
def test_a_function_with_bounds_of_what_has_no_value_is_not_close_to_anything(text):
    assert compared(read(text), read("-0.5")) is None


@pytest.mark.parametrize(
    ("gold", "answer"),
    [("\\ln\\sqrt{3}", "\\ln(5/4)"), ("36.0", "5+\\sqrt[3]{25}"), ("\\arctan(1/2)", "0.4"), ("e^{2}", "7.3890560989")],
)
def test_apart(gold, answer):
    assert compared(read(gold), read(answer)) == "apart"
    assert check(gold, answer).verdict == "incorrect"


@pytest.mark.parametrize(
    ("gold", "answer", "equal"),
    [
        ("\\frac32-\\frac12e^{-1}", "1.5-0.5/e", True),
        ("\\log_2 e", "\\frac{1}{\\ln 2}", True),
        ("(-8)^{1/3} + e", "e - 2", True),
        ("e^{\\pi\\sqrt{163}}", "262537412640768744", False),
    ],
)
def test_close(gold, answer, equal):
    assert compared(read(gold), read(answer)) == "close"
    assert same_constant(read(gold), read(answer)) is equal


@pytest.mark.parametrize(
    "text",
    ["\\ln(-1)", "\\sqrt{\\sqrt{2}\\sqrt{2}-2}", "\\tan(\\pi/2)", "\\ln 0 - \\ln 0", "e + i", "e^{1000}", "1/(e-e)",
     "10^{-200} \\cdot 10^{-200} \\cdot 10^{300} \\cdot 10^{300}", "\\infty", "(e-3)^{1/2}", "100!"],
)  # fmt: skip
def test_nothing_is_said_where_a_value_is_missing_complex_or_out_of_range(text):
    assert compared(read(text), read("5")) is None
