"""Properties: a gold answer equals itself in every rendering; a changed digit is never correct."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from s2r_rewards.answers import check

INTEGERS = st.integers(-(10**12), 10**12)
FRACTIONS = st.builds(Fraction, st.integers(-999, 999), st.integers(1, 999))
WRAPPINGS = [
    "{}",
    "${}$",
    "\\({}\\)",
    "\\boxed{{{}}}",
    " {} ",
    "{}.",
    "**{}**",
    "$$ {} $$",
    "\\left({}\\right)",
    "x = {}",
]


def renderings(value: Fraction) -> list[str]:
    """The ways in which people write a rational number."""
    sign, top, below = "-" if value < 0 else "", abs(value.numerator), value.denominator
    forms = [f"{sign}{top}/{below}", f"{sign}\\frac{{{top}}}{{{below}}}", f"\\dfrac{{{sign}{top}}}{{{below}}}"]
    if below == 1:
        forms += [f"{sign}{top}", f"{sign}{top}.0", f"{sign}{top:,}", f"{sign}{top:,}".replace(",", "{,}")]
    if not (below & (below - 1)) and below <= 64:
        forms.append(f"{float(value)!r}" if abs(value) < 10**6 else f"{sign}{top}/{below}")
    if top > below > 1:
        forms.append(f"{sign}{top // below}\\frac{{{top % below}}}{{{below}}}")
    return forms


@given(st.one_of(INTEGERS.map(Fraction), FRACTIONS), st.sampled_from(WRAPPINGS))
def test_a_number_equals_itself_in_every_rendering(value, wrapping):
    for gold in renderings(value):
        for answer in renderings(value):
            if "," in answer and "(" in wrapping and ",0" not in answer:
                continue  # (2,500) is a pair
            assert check(gold, wrapping.format(answer)), (gold, wrapping.format(answer))


@given(st.one_of(INTEGERS.map(Fraction), FRACTIONS), st.one_of(INTEGERS.map(Fraction), FRACTIONS))
def test_different_numbers_are_never_equal(first, second):
    assume(first != second)
    for gold in renderings(first):
        for answer in renderings(second):
            assert not check(gold, answer), (gold, answer)


TEMPLATES = [
    "{}x^2+{}x-{}", "({}, {}, {})", "\\{{{}, {}, {}\\}}", "{}, {}, {}", "\\frac{{{}+\\sqrt{{{}}}}}{{{}}}", "x > {}{}{}",
    "[{}, {}{})", "{}\\pi + {}e^{{{}}}", "{}\\sin({}x) + {}", "\\begin{{pmatrix}} {} & {} \\\\ {} & 7 \\end{{pmatrix}}",
    "{}:{}{}", "{}{}.{}", "y = {}x + {}.{}", "{}^{{{}}} + {}", "{}{}{}\\text{{ cm}}", "{}{}{}\\%", "{},{}00,{}00",
]  # fmt: skip
DIGITS = st.tuples(*[st.integers(2, 9)] * 3)


@pytest.mark.parametrize("template", TEMPLATES)
@given(digits=DIGITS, where=st.integers(0, 2), step=st.integers(1, 7))
@settings(max_examples=25)
def test_a_changed_digit_is_never_correct(template, digits, where, step):
    digit = (digits[where] - 2 + step) % 8 + 2
    changed = (*digits[:where], digit, *digits[where + 1 :])
    if template[:2] == "\\{" or template == "{}, {}, {}":
        assume(sorted(changed) != sorted(digits) and set(changed) != set(digits))
    if template == "{}:{}{}":
        assume(Fraction(digits[0], digits[1] * 10 + digits[2]) != Fraction(changed[0], changed[1] * 10 + changed[2]))
    if template == "{}^{{{}}} + {}":  # 2^4 = 4^2
        assume(digits[0] ** digits[1] + digits[2] != changed[0] ** changed[1] + changed[2])
    if "sqrt" in template:  # (2 + sqrt 4)/2 = (3 + sqrt 9)/3
        assume(abs((digits[0] + digits[1] ** 0.5) / digits[2] - (changed[0] + changed[1] ** 0.5) / changed[2]) > 1e-9)
    gold, answer = template.format(*digits), template.format(*changed)
    assert check(gold, gold)
    assert check(gold, f"${gold}$")
    assert not check(gold, answer), (gold, answer)


@given(st.lists(st.integers(-50, 50), min_size=2, max_size=6, unique=True), st.randoms())
def test_order_is_free_in_sets_and_lists_and_kept_in_tuples(numbers, random):
    shuffled = random.sample(numbers, len(numbers))
    gold, answer = ", ".join(map(str, numbers)), ", ".join(map(str, shuffled))
    assert check(gold, answer)
    assert check(f"\\{{{gold}\\}}", f"\\{{{answer}\\}}")
    assert bool(check(f"({gold})", f"({answer})")) == (numbers == shuffled)
    assert not check(gold, gold + ", 51")
    assert not check(gold, ", ".join(map(str, numbers[:-1])))


COEFFICIENTS = st.lists(st.integers(-(10**24), 10**24), min_size=2, max_size=6)


@given(COEFFICIENTS, st.integers(0, 5), st.sampled_from([-1, 1]))
def test_the_last_digit_of_a_long_coefficient_counts(coefficients, where, step):
    def write(numbers):
        return " + ".join(f"{c}*x**{k}" for k, c in enumerate(numbers)).replace("+ -", "- ")

    wrong = list(coefficients)
    wrong[where % len(wrong)] += step
    assert check(write(coefficients), write(coefficients)[::1] + " + 0")
    assert not check(write(coefficients), write(wrong))


@given(st.text(max_size=60), st.text(max_size=60))
@settings(max_examples=300)
def test_any_text_is_answered(gold, answer):
    assert check(gold, answer).verdict in ("correct", "incorrect", "malformed", "ungradable")


SOUP = st.lists(
    st.sampled_from(
        [
            "\\frac",
            "{",
            "}",
            "(",
            ")",
            "[",
            "]",
            "1",
            "2",
            "0",
            "x",
            ",",
            ";",
            "=",
            "<",
            "^",
            "_",
            "-",
            "+",
            "/",
            "*",
            "!",
            "%",
            "|",
            "\\sqrt",
            "\\pm",
            "\\pi",
            "\\infty",
            "\\cup",
            ":",
            "e",
            "i",
            "\\sin",
            "\\text{or}",
            "\\{",
            "\\}",
            "\\circ",
            "$",
            ".",
            "\\ln",
            "\\le",
            "'",
            "\\begin{pmatrix}",
            "\\end{pmatrix}",
            "&",
            "\\\\",
            "\\text{cm}",
            "and",
        ]
    ),
    max_size=14,
).map(" ".join)


@given(SOUP, SOUP)
@settings(max_examples=600)
def test_any_mathematics_is_answered(gold, answer):
    assert check(gold, answer).verdict in ("correct", "incorrect", "malformed", "ungradable")
