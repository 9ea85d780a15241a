"""Early refutations: an estimate is never further off than it says, and letters in a row have nothing in common."""

from __future__ import annotations

from decimal import Decimal, localcontext
from fractions import Fraction
from itertools import permutations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from s2r_rewards.answers import CheckPolicy, check
from s2r_rewards.answers.algebra.equality import clearly_apart, equal
from s2r_rewards.answers.numbers import balls
from s2r_rewards.answers.numbers.arithmetic import Residues
from s2r_rewards.answers.numbers.balls import context
from s2r_rewards.answers.numbers.estimates import ERROR, estimate
from s2r_rewards.answers.numbers.exact import exact_value
from s2r_rewards.answers.read import tree
from s2r_rewards.answers.read.reader import read

NUMBERS = st.one_of(
    st.integers(0, 60).map(Fraction),
    st.fractions(0, 99, max_denominator=1000),
    st.integers(0, 10**19).map(Fraction),
    st.integers(1, 10**40).map(lambda n: Fraction(1, n)),
).map(tree.Num)
LEAVES = st.one_of(
    NUMBERS,
    st.sampled_from((tree.Const("pi"), tree.Const("i"))),
    NUMBERS.map(lambda n: tree.Function("sqrt", (n,))),
    st.integers(0, 20).map(lambda n: tree.Function("factorial", (tree.Num(Fraction(n)),))),
)
PRIME = (1 << 61) - 1
PARTS = st.lists(LEAVES, min_size=2, max_size=3).map(tuple)


def _larger(inner):
    several = st.lists(inner, min_size=2, max_size=3).map(tuple)
    return st.one_of(
        several.map(tree.Sum),
        several.map(tree.Product),
        inner.map(tree.Neg),
        st.builds(tree.Quotient, inner, st.one_of(LEAVES, PARTS.map(tree.Product))),
        st.builds(tree.Power, st.one_of(LEAVES, inner), st.integers(-31, 31).map(lambda n: tree.Num(Fraction(n)))),
        st.builds(tree.Power, LEAVES, st.integers(0, 31).map(lambda n: tree.Neg(tree.Num(Fraction(n))))),
    )


CONSTANTS = st.recursive(LEAVES, _larger, max_leaves=20)


@given(CONSTANTS)
@settings(max_examples=200)
def test_an_estimate_is_of_what_is_held_exactly_and_no_further_off_than_said(node):
    if (found := estimate(node)) is None:
        return
    held = exact_value(node)
    assert held is not None
    with localcontext(context(400)):
        value = [Decimal(0), Decimal(0)]
        for (radicand, power, imaginary), part in held.items():
            size = Decimal(part.numerator) / part.denominator * Decimal(radicand).sqrt()
            value[imaginary] += size * balls.pi().value ** power
        about = complex(found[0])
        off = [abs(exact - Decimal(part)) for exact, part in zip(value, (about.real, about.imag), strict=True)]
        assert max(off) <= Decimal(found[1]) * Decimal(ERROR) / 100


@given(CONSTANTS, CONSTANTS, st.sampled_from([1, 4, 6]), st.sampled_from([1, 3, 15]), st.integers(0, 3))
@settings(max_examples=150)
def test_what_is_clearly_apart_is_equal_under_no_policy(gold, answer, places, digits, rounding):
    policy = CheckPolicy(rounded_places=places, machine_digits=digits)
    if rounding and (about := estimate(gold)) is not None:  # an answer, or a gold, that is the other one, rounded
        rounded = tree.Num(Fraction(f"{abs(about[0]):.{places}f}" if rounding > 1 else f"{abs(about[0]):.16g}"))
        gold, answer = (gold, rounded) if rounding == 2 else (rounded, gold)
    apart = clearly_apart(gold, answer, policy)
    assert apart is None or equal(gold, answer, policy) == apart


@pytest.mark.parametrize(
    ("gold", "answer", "policy"),
    [
        ("0.333333", "1/3", CheckPolicy()),
        ("\\sqrt{2}", "1.414213562373095", CheckPolicy()),
        ("100", "103", CheckPolicy(relative_tolerance=0.05)),
        ("0.3", "0.34", CheckPolicy(rounded_places=1)),
        ("0.00000012346", "1.234558 \\times 10^{-7}", CheckPolicy()),
        ("\\frac{10^{17}+1}{10^{17}}", "1+\\frac{1}{10^{17}}", CheckPolicy()),
    ],
)
def test_close_values_are_left_to_the_exact_way(gold, answer, policy):
    assert clearly_apart(read(gold), read(answer), policy) is None
    assert check(gold, answer, policy)


@pytest.mark.parametrize(
    ("gold", "answer"),
    [
        ("2.88e-19", "2.97 \\times 10^{-19}"),
        ("4e33", "4 \\times 10^{28}"),
        ("0.00000012346", "1.236 \\times 10^{-7}"),
        ("1-12i", "-4-5i+i(7+5i)"),
        ("-93.0+42.0i", "-93.31+42.0i"),
        ("-1-\\sqrt{3}", "-1-\\sqrt{3}i"),
        ("902", "5! \\cdot 5!"),
    ],
)
def test_what_is_clearly_apart(gold, answer):
    for one, other in ((gold, answer), (answer, gold)):
        apart = clearly_apart(read(one), read(other), CheckPolicy())
        assert apart is not None
        assert apart == equal(read(one), read(other), CheckPolicy())


@pytest.mark.parametrize(
    "text",
    [
        "x",
        "x+1",
        "\\sqrt{x}",
        "e",
        "\\frac{1}{1+\\sqrt{2}}",
        "2^{31}",
        "(2^2)^2",
        "50\\%",
        "1/0",
        "0^0",
        "123456789012345678^{29}",
        "19!",
        "2" * 300,
    ],
)
def test_what_is_not_simple_has_no_estimate(text):
    assert estimate(read(text)) is None


@pytest.mark.parametrize("letters", ["abcd", "defg", "pqrs", "tuvw", ("x_1", "x_2", "x_3", "x_4")])
def test_letters_in_a_row_have_nothing_in_common(letters):
    """Their squares are no arithmetic progression of any order, whatever the seed: q + 3s is not 3p + r."""
    for seed in range(200):
        values = [Residues(seed, PRIME).variable(letter) for letter in letters]
        for a, b, c, d in permutations(values):
            assert (a - 3 * b + 3 * c - d) % PRIME
            assert (a - b + c - d) % PRIME
