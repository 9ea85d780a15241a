"""Intervals hold every value, and lines find every place where an expression changes its formula."""

from __future__ import annotations

import math
from decimal import Decimal, localcontext

import pytest
from hypothesis import given
from hypothesis import strategies as st

from s2r_rewards.answers.algebra.changes import Line, Work
from s2r_rewards.answers.algebra.criticals import criticals
from s2r_rewards.answers.algebra.pieces import with_named_pieces
from s2r_rewards.answers.numbers.arithmetic import Undefined, same_rational
from s2r_rewards.answers.numbers.balls import Ball, Hidden, context, sign
from s2r_rewards.answers.numbers.floats import Floats
from s2r_rewards.answers.numbers.intervals import Interval, along
from s2r_rewards.answers.numbers.rationals import compared
from s2r_rewards.answers.read.reader import read

EXPRESSIONS = [
    "x", "-x+3", "x^2-4", "x^3-x", "x^{-1}", "\\frac{x-1}{x+2}", "\\sqrt{x+1}", "\\sqrt[3]{x-2}", "\\sqrt[4]{x^2}",
    "e^{-x}", "\\ln(x+5)", "\\sin(3x)", "\\cos(x^2)", "\\tan(x)", "\\arctan(\\frac1x)", "\\arcsin(x/9)", "|x-1|",
    "\\lfloor x/3\\rfloor", "\\lceil -x\\rceil", "\\max(x,2-x,y)", "\\min(x^2,y)", "\\tanh(5x)", "\\cosh(x)-x",
    "\\sinh(x)", "\\log_2(x+20)", "x^y", "2^x", "xy-y^2", "\\sec(x)", "\\coth(x)", "\\frac{|x|}{x}",
]  # fmt: skip


@given(
    st.sampled_from(EXPRESSIONS), st.floats(-30, 30), st.floats(0, 1), st.floats(1e-9, 20), st.sampled_from([0.5, 2, 3])
)
def test_an_interval_holds_every_value_on_it(text, low, where, width, y):
    node = read(text)
    high = low + width
    x = min(max(low + where * width, low), high)
    try:
        value = complex(Floats({"x": x, "y": y}).value(node))
    except (Undefined, ArithmeticError, ValueError):
        return
    if value.imag or not math.isfinite(value.real):
        return
    found = along(node, "x", {"y": Interval(y, y)})(Interval(low, high))
    slack = 1e-9 * max(1, abs(value.real))
    assert found.low - slack <= value.real <= found.high + slack


@pytest.mark.parametrize(
    ("text", "places"),
    [
        ("\\max(1000,\\frac{2y}{y-4})", [4, 2000 / 499]),
        ("\\frac{1}{(y-20)^2}", [20]),
        ("|y^3-8|", [2]),
        ("\\sqrt{\\ln(7+y)\\cdot\\ln(7+y)}", [-7, -6]),
        ("\\lfloor\\frac{1}{1+(y-40)^2}\\rfloor", [40]),
        ("\\min(e^y,10^6)", [math.log(1e6)]),
        ("\\sqrt[4]{(y+10000)^4}", [-10000]),
        ("\\lceil\\ln y\\rceil", [0, 1, math.e, math.exp(-1), math.exp(2)]),
        ("\\tan(y)", [math.pi / 2, -math.pi / 2, 3 * math.pi / 2]),
        ("\\max(x,y)", [3]),
    ],
)
def test_changes_of_a_formula_are_found(text, places):
    line = Line("y", {"x": 3.0}, Work(10**6))
    found = [change for part in criticals(read(text)) for change in line.changes(part, 160)]
    for place in places:
        assert any(abs(change - place) <= 1e-6 * max(1, abs(place)) for change in found), (place, found)


def test_work_on_a_line_is_bounded():
    node = read("+".join(f"|\\sin({k}y^2)-0.1|" for k in range(1, 40)))
    work = Work(1_000)
    line = Line("y", {}, work)
    for part in criticals(node):
        line.changes(part, 10_000)
    assert -1_000 < work.left <= 0


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("\\max(a,b)+1", "1+\\max(b,a)", True),
        ("\\max(a,b,c)", "\\max(c,\\max(b,a))", True),
        ("\\min(a,b)", "-\\max(-b,-a)", True),
        ("|a-b|", "|b-a|", True),
        ("\\lfloor a+3\\rfloor", "3+\\lfloor a\\rfloor", True),
        ("\\lceil a\\rceil", "-\\lfloor -a\\rfloor", True),
        ("\\max(a,b)", "\\max(a,c)", False),
        ("\\lfloor a\\rfloor", "\\lceil a\\rceil", False),
        ("|a+b|", "|b-a|", False),
    ],
)
def test_equal_pieces_have_one_name(one, other, same):
    named = with_named_pieces(read(one), read(other), lambda a, b: same_rational(a, b) is True, every=False)
    assert named is not None
    assert same_rational(*named) is same


def test_what_an_error_hides_is_no_lack_of_a_value():
    around_zero = Ball(Decimal(0), Decimal("1e-40"))
    with localcontext(context(50)):
        for hidden in (lambda: sign(around_zero), around_zero.floor, lambda: Ball(Decimal(1)) / around_zero):
            with pytest.raises(Hidden):
                hidden()
        with pytest.raises(Hidden):  # at once: the bounds have a million digits
            Ball(Decimal(1), Decimal("1e1000000")).floor()


def test_jumps_are_compared_exactly():
    floor, shifted = read("\\lfloor\\frac{x}{3}\\rfloor"), read("\\lfloor x\\cdot\\frac13\\rfloor")
    assert compared(floor, shifted, {"x": Decimal(6)}) == "agree"
    assert compared(floor, read("\\lceil\\frac{x}{3}\\rceil-1"), {"x": Decimal(6)}) == "differ"
    assert compared(floor, read("\\lfloor\\frac{x}{3}\\rfloor+\\frac{0}{x-6}"), {"x": Decimal(6)}) == "one"
    assert compared(floor, read("\\sin x"), {"x": Decimal(6)}) is None
