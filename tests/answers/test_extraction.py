"""Where the final answer of an attempt stands."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from s2r_rewards.answers import extract_answer

FOUND = [
    ("so \\boxed{5}.", "5", "boxed"),
    ("\\boxed{\\frac{1}{2}}", "\\frac{1}{2}", "boxed"),
    ("\\boxed{\\{1, 2\\}}", "\\{1, 2\\}", "boxed"),
    ("\\boxed{\\boxed{42}}", "42", "boxed"),
    ("\\fbox{7}", "7", "boxed"),
    ("\\boxed 9 $", "9", "boxed"),
    ("\\boxed{ 42 }", "42", "boxed"),
    ("\\boxed{42} and then \\boxed{}", "42", "boxed"),
    ("I think \\boxed{5}. Wait, no: \\boxed{6}", "6", "boxed"),
    ("\\boxed{1} ... \\boxed{2", "1", "boxed"),
    ("4 + 4 = 8\n#### 1,008", "1,008", "hashes"),
    ("Final Answer: The final answer is $10$. I hope it is correct.", "10", "phrase"),
    ("The answer is 3.5.", "3.5", "phrase"),
    ("the answer is: **12**", "12", "phrase"),
    ("Answer: \\(x+1\\)", "x+1", "phrase"),
    ("one\ntwo\nA: 36000", "36000", "phrase"),
    ("<answer> 7 </answer>", "7", "tag"),
    ("Therefore, the answer is correct.", None, "none"),
    ("Therefore, the answer is incorrect.", None, "none"),
    ("the answer is 4. Therefore, the answer is correct.", "4", "phrase"),
    ("So we get $\\boxed{42", None, "unclosed"),
    ("I am not sure.", None, "none"),
    ("", None, "none"),
    ("\\boxed{}", None, "none"),
    ("FINAL ANSWER: 10", "10", "phrase"),
    ("The correct option is B)", "B)", "phrase"),
    ("so the right choice is **(c)**.", "(c)", "phrase"),
    ("Option: D", "D", "phrase"),
    ("Hence $x=5$ is the final answer.", "x=5", "phrase"),
    ("Thus, (B) is the correct answer.", "(B)", "phrase"),
    ("5 is not the answer.", None, "none"),
    ("If 5 is the answer, then 6 is not.", None, "none"),
    ("The best option is a parabola.", None, "none"),
    ("Option B: 5 is wrong", None, "none"),
    ("The final answer is The final answer is ", "The final answer is", "phrase"),
]


@pytest.mark.parametrize(("text", "answer", "how"), FOUND)
def test_found(text, answer, how):
    found = extract_answer(text)
    assert (found.answer, found.how) == (answer, how)
    if answer is not None:
        assert text[found.start : found.end] == answer


FALLBACKS = [
    ("We find that $x \\lt 3$.", "math", "x \\lt 3"),
    ("$1,000.99", "math", "$1,000.99"),
    ("so the total is 12.", "math", "12"),
    ("there are 12 of them", "math", None),
    ("there are 12 of them", "number", "12"),
    ("there are 12 of them", "none", None),
    ("x = 42 is wrong. I give up.", "math", None),
]


@pytest.mark.parametrize(("text", "fallback", "answer"), FALLBACKS)
def test_fallbacks(text, fallback, answer):
    assert extract_answer(text, fallback=fallback).answer == answer


def test_boxes_are_counted_and_a_hedge_joins_nothing():
    found = extract_answer("\\boxed{5} or \\boxed{6} or \\boxed{ 6 }")
    assert (found.answer, found.boxes, found.distinct) == ("6", 3, 2)


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("so \\boxed{1} and \\boxed{2}.", "\\boxed{1} and \\boxed{2}"),
        ("$\\boxed{1}$, $\\boxed{2}$ and $\\boxed{3}$", "\\boxed{1}$, $\\boxed{2}$ and $\\boxed{3}"),
        ("\\boxed{0}. Later \\boxed{1}, \\boxed{2}", "\\boxed{1}, \\boxed{2}"),
        ("first \\boxed{1}. Then \\boxed{2}", "2"),
        ("\\boxed{4}\\boxed{5}", "5"),
        ("\\boxed{5}, \\boxed{5}", "5"),
        ("x=\\boxed{3} and y=\\boxed{4}", "4"),
    ],
)
def test_boxes_joined_by_commas_and_and_are_one_answer(text, answer):
    found = extract_answer(text)
    assert found.answer == answer
    assert text[found.start : found.end] == answer


def test_only_the_span_counts():
    text = "\\boxed{1} Wait, let me recheck. \\boxed{2} Let me try again. \\boxed{3}"
    cut = text.index("Wait"), text.index("Let")
    found = extract_answer(text, *cut)
    assert found.answer == "2"
    assert text[found.start : found.end] == "2"
    assert extract_answer(text, 0, cut[0]).answer == "1"


@example("$ $\n1")
@example("\\boxed{\\boxed{ }}")
@given(st.text(alphabet="\\boxed{}$ 12,.answer is:#A\n()[]", max_size=200))
def test_any_text_gives_offsets_of_its_answer(text):
    for fallback in ("none", "math", "number"):
        found = extract_answer(text, fallback=fallback)
        if found.answer is not None:
            assert text[found.start : found.end] == found.answer
            assert found.answer.strip()


@given(
    st.text(alphabet="abc12 $\\{}", max_size=60).filter(lambda s: s.count("{") == s.count("}") == 0 and "\\" not in s)
)
def test_a_box_gives_back_what_it_holds(inside):
    found = extract_answer("so \\boxed{" + inside + "} it is")
    assert (found.answer or "") == inside.strip()
