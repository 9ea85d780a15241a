"""Equal by form: what is proven without a value of any function, and what is not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from s2r_rewards.answers import check
from s2r_rewards.answers.numbers.floats import looks
from s2r_rewards.answers.numbers.formal import same_form
from s2r_rewards.answers.read.reader import read

SAME = [
    ("\\frac{e^{-2t}}{15}", "\\frac{1}{15}e^{-2t}"),
    ("e^{-(s+1)}", "e^{-s} e^{-1}"),
    ("e^{2it}", "(e^{it})^2"),
    ("\\frac{C}{e^{2t}}", "C e^{-2t}"),
    ("\\frac{4A}{3+3i} e^{it}", "\\frac{2A}{3}(1-i) e^{it}"),
    ("\\sin(2x) \\ln y", "\\ln(y) \\cdot \\sin(x+x)"),
    ("2^{x+y}", "2^x \\cdot 2^y"),
    ("\\frac{\\sqrt{x}}{\\sqrt{x} \\sqrt{y}}", "\\frac{1}{\\sqrt{y}}"),
    ("e \\cdot e^{x}", "e^{x+1}"),
    ("\\sin(2x)", "2\\sin(x)\\cos(x)"),
    ("\\sin^2 x + \\cos^2 x", "1"),
    ("\\tan^2(y)+1", "\\sec^2(y)"),
    ("\\cot x", "\\frac{\\csc x}{\\sec x}"),
    ("\\cos(a+b)", "\\cos a \\cos b - \\sin a \\sin b"),
    ("e^{ix}", "\\cos x + i \\sin x"),
    ("\\sin(ix)", "i \\sinh x"),
    ("\\cosh(2x)", "1 + 2\\sinh^2 x"),
    ("\\tanh x \\coth x", "1"),
]
#: Different, or equal by more than their form: nothing may be said of either.
NOT_BY_FORM = [
    ("e^{-2t}", "e^{2t}"),
    ("e^{x}", "e^{x} + e^{-60}"),
    ("\\sin(2x)", "2\\sin(x)"),
    ("\\cos(a+b)", "\\cos a \\cos b + \\sin a \\sin b"),
    ("\\sin^2 x - \\cos^2 x", "1"),
    ("e^{-ix}", "\\cos x + i \\sin x"),
    ("e^{i\\pi}", "-1"),
    ("(x^2)^{1/2}", "x"),
    ("2^{x}", "3^{x}"),
    ("\\ln(xy)", "\\ln x + \\ln y"),
    ("\\frac{x}{y-y}", "\\frac{x}{y-y}"),
]


@pytest.mark.parametrize(("one", "other"), SAME)
def test_equal_by_form(one, other):
    assert same_form(read(one), read(other))
    assert check(one, other)


@pytest.mark.parametrize(("one", "other"), NOT_BY_FORM)
def test_nothing_is_said_of_the_rest(one, other):
    assert not same_form(read(one), read(other))


@given(st.integers(-9, 9), st.integers(-9, 9), st.integers(1, 9), st.integers(1, 9))
def test_powers_of_e_multiply(a, b, c, d):
    """e^{(ax + b)/c} times e^{dx/c} is e^{((a + d)x + b)/c}; with another whole coefficient it is not."""
    product = read(f"e^{{(({a})x+({b}))/{c}}} \\cdot e^{{{d}x/{c}}}")
    assert same_form(product, read(f"e^{{(({a + d})x+({b}))/{c}}}"))
    assert not same_form(product, read(f"e^{{(({a + d + 1})x+({b}))/{c}}}"))


def test_a_proof_by_form_needs_a_value_somewhere():
    """Where no plain point has a value of both, the form decides nothing by itself."""
    assert set(looks(read("x"), read("x + 0 \\cdot \\ln(0)"), ["x"])) == {"unseen"}
    assert set(looks(read("e^{2x}"), read("e^x e^x"), ["x"])) == {"alike"}
    assert set(looks(read("e^{2x}"), read("e^x"), ["x"])) == {"different"}
