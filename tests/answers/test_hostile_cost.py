"""What an answer may cost: hundreds of huge powers, factorials or unions stay within bounds of work, not of time."""

from __future__ import annotations

import time

import pytest

from s2r_rewards.answers import check
from s2r_rewards.answers.numbers.arithmetic import Undefined
from s2r_rewards.answers.numbers.exact import MAX_BITS, exact_value
from s2r_rewards.answers.read.reader import read

HUGE = {
    "fractions": "+".join(f"1/3^{{{9000 + k}}}" for k in range(600)),
    "factorials": "*".join(["3000!"] * 1500),
    "powers": "+".join(f"{k}^{{9999}}" for k in range(2, 900)),
    "roots": "*".join(f"(1+\\sqrt{{{k}}})" for k in range(2, 600)),
}


@pytest.mark.parametrize("name", HUGE)
def test_the_whole_cost_is_metered(name):
    assert exact_value(read(HUGE[name])) is None


@pytest.mark.parametrize("text", ["2^{10000000}", "10^{99999}", "4000!", "\\binom{10000}{5000}", "(1+\\sqrt2)^{65}"])
def test_too_large_is_not_evaluated(text):
    assert exact_value(read(text)) is None


def test_large_within_bounds_is_exact():
    (value,) = exact_value(read("2004!")).values()
    assert value.numerator.bit_length() < MAX_BITS
    assert exact_value(read("2^{10000}-1")) != exact_value(read("2^{10000}+1"))


@pytest.mark.parametrize("text", ["1/0", "\\frac{1}{1-1}", "0^{-1}", "0^0", "\\log_2 0", "\\frac{1}{\\sqrt2-\\sqrt2}"])
def test_what_has_no_value_says_so(text):
    with pytest.raises(Undefined):
        exact_value(read(text))


@pytest.mark.parametrize(
    ("gold", "answer"),
    [
        ("\\lfloor e^{x} \\rfloor", "|\\lfloor e^{x} \\rfloor|"),
        ("\\lfloor e^{e^{x}} \\rfloor", "\\lceil e^{e^{x}} \\rceil"),
        ("\\lfloor 10^{n^5} \\rfloor", "10^{n^5}+1"),
        ("\\lfloor x^{1000000} \\rfloor", "\\max(x^{1000000}, 1)"),
    ],
)
def test_a_huge_value_is_never_written_out(gold, answer):
    """Seconds of CPU time, with room for a busy machine: unbounded, each took minutes."""
    before = time.process_time()
    check(gold, answer)
    assert time.process_time() - before < 5
