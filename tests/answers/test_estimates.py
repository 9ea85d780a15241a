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
from s2r_rewards.answers.numbers.arithmetic import PRIME, Residues
from s2r_rewards.answers.numbers.balls import context
from s2r_rewards.answers.numbers.estimates import ERROR, estimate
from s2r_rewards.answers.numbers.exact import exact_value
from s2r_rewards.answers.read import tree
from s2r_rewards.answers.read.reader import read

NUMBERS = st.one_of(
    st.integers(0, 60).map(Fraction),
    st.fractions(0, 99, max_denominator=1000),
    st.integers(0, 10**19).map(Fraction),
    st.integers(1, 10**17).map(lambda n: Fraction(1, n)),
).map(tree.Num)
LEAVES = st.one_of(NUMBERS, st.just(tree.Const("pi")), NUMBERS.map(lambda n: tree.Function("sqrt", (n,))))
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
        value = sum(
            (Decimal(part.numerator) / part.denominator * Decimal(radicand).sqrt() * balls.pi().value ** power)
            for (radicand, power, _), part in held.items()
        )
        assert abs(value - Decimal(found[0])) <= Decimal(found[1]) * Decimal(ERROR) / 100


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
        ("\\frac{10^{17}+1}{10^{17}}", "1+\\frac{1}{10^{17}}", CheckPolicy()),
    ],
)
def test_close_values_are_left_to_the_exact_way(gold, answer, policy):
    assert clearly_apart(read(gold), read(answer), policy) is None
    assert check(gold, answer, policy)


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
    ],
)
def test_what_is_not_simple_has_no_estimate(text):
    assert estimate(read(text)) is None


@pytest.mark.parametrize("letters", ["abcd", "defg", "pqrs", "tuvw", ("x_1", "x_2", "x_3", "x_4")])
def test_letters_in_a_row_have_nothing_in_common(letters):
    """Their squares are no arithmetic progression of any order, whatever the seed: q + 3s is not 3p + r."""
    for seed in range(200):
        values = [Residues(seed).variable(letter) for letter in letters]
        for a, b, c, d in permutations(values):
            assert (a - 3 * b + 3 * c - d) % PRIME
            assert (a - b + c - d) % PRIME
