"""The last guard: a typed result for whatever our own code raises, counted, logged once; and none at all in tests."""

from __future__ import annotations

import logging

import pytest
from hypothesis import given
from hypothesis import strategies as st

from s2r_rewards import judge, parse
from s2r_rewards.answers import FAILURES, check, check_many, check_response, extract_answer
from s2r_rewards.answers.extract import Extraction


def boom(*_, **__):
    raise RecursionError("deep")


@pytest.fixture
def broken(monkeypatch):
    """Every part behind a face raises."""
    for name in ("answers.checker.compare_plain", "answers.extract._last_box", "parsing._markers"):
        monkeypatch.setattr(f"s2r_rewards.{name}", boom)
    before = FAILURES.copy()
    yield
    FAILURES.clear()
    FAILURES.update(before)


FACES = {
    "the checker": lambda: check("1", "2"),
    "the extraction": lambda: extract_answer("\\boxed{2}"),
    "the parser": lambda: parse("so \\boxed{2}"),
}


@pytest.mark.parametrize("name", FACES)
def test_tests_see_every_error(name, broken):
    with pytest.raises(RecursionError):
        FACES[name]()


@pytest.mark.parametrize("name", FACES)
def test_a_failure_is_typed_counted_and_logged_once(name, broken, monkeypatch, caplog):
    monkeypatch.setenv("S2R_GUARD", "on")
    FAILURES.pop((name, "RecursionError"), None)
    with caplog.at_level(logging.WARNING):
        results = [FACES[name]() for _ in range(3)]
    assert FAILURES[name, "RecursionError"] == 3
    assert [record.getMessage().startswith(f"{name} failed on") for record in caplog.records] == [True]
    assert caplog.records[0].exc_info
    assert results[0] == results[2]


def test_what_each_face_then_says(broken, monkeypatch):
    monkeypatch.setenv("S2R_GUARD", "on")
    assert check("1", "2").verdict == "ungradable"
    assert check(["1", "2"], "3").verdict == "ungradable"
    assert [one.verdict for one in check_many([("1", "2"), ("3", "3")], cache=None)] == ["ungradable", "correct"]
    assert check_response("1", "\\boxed{1}").verdict == "malformed"
    assert extract_answer("\\boxed{2}") == Extraction(None)
    for finished in (True, False, None):
        trajectory = parse("so \\boxed{2}", finished=finished)
        assert [a.kind for a in trajectory.actions] == ["solve", "end"][: 1 + bool(finished)]
        assert trajectory.codes == ("missing_answer",)
        assert trajectory.ended is finished
        assert [c.verdict for c in judge(trajectory, "2").checks] == ["malformed"]


def test_a_caller_s_own_mistakes_are_no_business_of_the_guard(monkeypatch):
    monkeypatch.setenv("S2R_GUARD", "on")
    with pytest.raises(ValueError, match="unknown backend"):
        check("1", "2", backend="sympy")
    with pytest.raises(ValueError, match="unknown backend"):
        check_many([("1", "2")], backend="sympy")
    with pytest.raises(TypeError, match="expected the decoded response"):
        parse(None)
    with pytest.raises(ValueError, match="grammar"):
        parse("x", grammar="nonsense")


@pytest.mark.parametrize("gold", [None, 5, 0.5, [], [None], (), {"gold": "1"}, "", "\ud800", b"1"])
@pytest.mark.parametrize("answer", [None, "", "1", "\ud800", "\x00", 5])
def test_whatever_the_types_the_result_is_typed(gold, answer):
    assert check(gold, answer).verdict in {"correct", "incorrect", "ungradable", "malformed"}


PIECES = [*"fx01(){}[]\\^_,.=<>!|&$%~+-*/ ", "\\boxed{", "\\frac", "\\int_", "\ud800"]
HOSTILE = st.lists(st.sampled_from(PIECES), max_size=25).map("".join)


@given(HOSTILE, HOSTILE)
def test_any_two_texts(gold, answer):
    check(gold, answer)
    check_response(gold, answer)
    judge(parse(answer), gold)
