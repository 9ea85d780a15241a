"""Balls of real numbers: values known to many digits lie inside, exact stays exact, and nothing vanishes unseen."""

from __future__ import annotations

from decimal import Decimal, localcontext
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from s2r_rewards.answers.numbers import balls
from s2r_rewards.answers.numbers.balls import Ball, MoreDigits, context, rational
from s2r_rewards.answers.numbers.reals import FUNCTIONS

#: To 60 digits, from tables.
KNOWN = [
    ("sin", "1", "0.841470984807896506652502321630298999622563060798371065672752"),
    ("cos", "1", "0.540302305868139717400936607442976603732310420617922227670097"),
    ("arctan", "1", "0.785398163397448309615660845819875721049292349843776455243736"),
    ("exp", "1", "2.718281828459045235360287471352662497757247093699959574966967"),
    ("ln", "2", "0.693147180559945309417232121458176568075500134360255254120680"),
    ("sqrt", "2", "1.414213562373095048801688724209698078569671875376948073176679"),
    ("tanh", "1", "0.761594155955764888119458282604793590412768597257936551596810"),
]


@pytest.mark.parametrize(("name", "argument", "value"), KNOWN)
@pytest.mark.parametrize("digits", [30, 50])
def test_known_values_lie_inside(name, argument, value, digits):
    with localcontext(context(digits)):
        found = FUNCTIONS[name](Ball(Decimal(argument)))
        assert abs(found.value - Decimal(value)) <= found.error
        assert found.error < abs(found.value).scaleb(6 - digits)


FRACTIONS = st.builds(Fraction, st.integers(-(10**6), 10**6), st.integers(1, 10**6))


@given(FRACTIONS, FRACTIONS)
def test_the_exact_value_lies_inside(first, second):
    with localcontext(context(40)):
        one, other = rational(first), rational(second)
        pairs = [(one + other, first + second), (one - other, first - second), (one * other, first * second)]
        if second:
            pairs.append((one / other, first / second))
        for ball, exact in pairs:
            assert abs(Fraction(ball.value) - exact) <= Fraction(ball.error)


def test_what_is_exact_stays_exact_after_something_that_is_not():
    with localcontext(context(50)):
        balls.cos(Ball(Decimal(2)))
        three = Ball(Decimal(3)) * Ball(Decimal(1)) + Ball(Decimal(0))
        assert (three / Ball(Decimal(1))).floor().value == 3


@pytest.mark.parametrize("tiny", ["1e-60", "1e-300"])
def test_a_term_never_vanishes(tiny):
    with localcontext(context(50)), pytest.raises(MoreDigits) as asked:
        balls.sqrt(Ball(Decimal(2))) + Ball(Decimal(tiny))
    assert asked.value.digits > -Decimal(tiny).adjusted()
    with localcontext(context(asked.value.digits + 2)):
        root = balls.sqrt(Ball(Decimal(2)))
        assert not (root + Ball(Decimal(tiny))).agrees(root)


def test_a_minus_sign_and_an_absolute_value_do_not_round():
    """A point of more digits than the context has: |x - 1| and |1 - x| are equal at it."""
    point = Decimal("0.9993899582775027656822430799365974962711334228515625")
    with localcontext(context(50)):
        assert (-Ball(point)).value == -Fraction(point)
        assert abs(-Ball(point)).value == Fraction(point)
        assert (Ball(point) + Ball(Decimal(-1))).agrees(-(Ball(Decimal(1)) + -Ball(point)))
