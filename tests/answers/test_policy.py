"""get_policy, batch_checker and accepted answers: what configurations reach, and what they are refused."""

from __future__ import annotations

import logging
import pickle
import sys
import types

import pytest

from s2r_rewards.answers import (
    DEFAULT_POLICY,
    FAILURES,
    CheckPolicy,
    CheckResult,
    batch_checker,
    check,
    check_many,
    check_response,
    get_policy,
)


def same_length(gold, answer):
    return len(gold) == len(answer)


def typed(gold, answer):
    return CheckResult("correct" if gold in answer else "incorrect", "mine", "contains")


def raising(gold, answer):
    raise KeyError(answer)


def of_no_type(gold, answer):
    return 1.0


@pytest.fixture
def module(monkeypatch):
    """An importable module with the objects of this file and a policy of its own."""
    made = types.ModuleType("a_persons_module")
    made.STRICT = CheckPolicy(order="strict")
    made.raising, made.typed = raising, typed
    monkeypatch.setitem(sys.modules, "a_persons_module", made)
    return "a_persons_module"


@pytest.mark.parametrize(
    ("given", "policy"),
    [
        (None, DEFAULT_POLICY),
        ("", DEFAULT_POLICY),
        (CheckPolicy(units="ignore"), CheckPolicy(units="ignore")),
        ("order=strict,units=ignore", CheckPolicy(order="strict", units="ignore")),
        (" order = free , rounded_places=2 ", CheckPolicy(order="free", rounded_places=2)),
        ("relative_tolerance=1e-3", CheckPolicy(relative_tolerance=0.001)),
        ("letter_case=true,time_limit=2", CheckPolicy(letter_case=True, time_limit=2.0)),
        ("kind=choice", CheckPolicy(kind="choice")),
        ("a_persons_module:STRICT", CheckPolicy(order="strict")),
    ],
)
def test_policies_by_name(module, given, policy):
    assert get_policy(given) == policy


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("ordr=strict", "unknown policy parameter 'ordr=strict'; expected name=value with one of kind, order"),
        ("strict", "unknown policy parameter 'strict'"),
        ("order=any", "order='any': expected one of notation, strict, free"),
        ("rounded_places=many", "policy parameter rounded_places='many': expected int"),
        ("letter_case=yes", "policy parameter letter_case='yes': expected bool"),
        ("time_limit=-1", "time_limit=-1.0: expected a positive number of seconds"),
        ("a_persons_module:typed", "policy 'a_persons_module:typed': expected a CheckPolicy, found function"),
        ("a_persons_module:OTHER", "a_persons_module"),
        ("nowhere_to_be_found:X", "nowhere_to_be_found"),
        (7, "policy 7: expected a CheckPolicy or text, found int"),
    ],
)
def test_what_is_no_policy_is_refused(module, given, message):
    with pytest.raises(ValueError, match=message):
        get_policy(given)


def test_check_many_takes_a_policy_by_name():
    pairs = [("1, 2", "2, 1")]
    assert [bool(check_many(pairs, policy=p)[0]) for p in (None, "order=strict", CheckPolicy(order="strict"))] == [
        True, False, False,
    ]  # fmt: skip


ACCEPTED = [
    (["1/2", "50\\%"], "0.5", "correct", "number"),
    (("7", "1/2"), "0.5", "correct", "number"),
    (("7", "8"), "0.5", "incorrect", "number"),
    (("", "8"), "0.5", "incorrect", "number"),  # the first that can be graded
    (("8", ""), "0.5", "incorrect", "number"),
    (("", " "), "0.5", "ungradable", "string"),
    ((), "0.5", "ungradable", "string"),
    ((None, "1/2"), "0.5", "correct", "number"),
    (("7", "8"), "", "malformed", "string"),
]


@pytest.mark.parametrize(("gold", "answer", "verdict", "tier"), ACCEPTED)
def test_accepted_answers(gold, answer, verdict, tier):
    result = check(gold, answer)
    assert (result.verdict, result.tier) == (verdict, tier)
    assert check_many([(gold, answer), ("1", "1")], cache=None)[0] == result
    assert check_many([(gold, answer)]) == check_many([(gold, answer)]) == [result]


def test_an_accepted_answer_in_a_response():
    assert check_response(["3", "4"], "so it is \\boxed{4}.")
    assert check([], "5").reason == "there is no accepted answer"


def test_our_checker_by_policy():
    ask = batch_checker(policy="order=strict", workers=1)
    assert [r.verdict for r in ask([("1, 2", "2, 1"), ("5", "5.0")])] == ["incorrect", "correct"]
    assert pickle.loads(pickle.dumps(ask))([("1, 2", "2, 1")])[0].verdict == "incorrect"
    assert batch_checker()([(("3", "4"), "4")])[0]


def test_a_checker_of_ones_own(module):
    seen = []

    def counting(gold, answer):
        seen.append((gold, answer))
        return gold == answer

    results = batch_checker(counting)([("1", "1"), ("1", "2"), ("1", "1"), (("3", "2"), "2")])
    assert [r.verdict for r in results] == ["correct", "incorrect", "correct", "correct"]
    assert [r.tier for r in results] == ["checker"] * 4
    assert seen == [("1", "1"), ("1", "2"), ("3", "2"), ("2", "2")]  # equal pairs once, each accepted answer
    by_name = batch_checker("a_persons_module:typed")
    assert by_name([("a", "cab")]) == [CheckResult("correct", "mine", "contains")]
    travelled = pickle.loads(pickle.dumps(batch_checker(same_length)))
    assert [bool(r) for r in travelled([("12", "ab"), ("1", "ab")])] == [True, False]


@pytest.mark.parametrize(
    ("checker", "kind", "reason"),
    [
        (raising, "KeyError", "KeyError: '9'"),
        (of_no_type, "TypeError", "expected a CheckResult or a bool, found float"),
    ],
)
def test_a_checker_that_fails_is_typed_counted_and_logged_once(checker, kind, reason, caplog):
    name = f"checker {checker.__name__}"
    FAILURES.pop((name, kind), None)
    with caplog.at_level(logging.WARNING):
        results = batch_checker(checker)([("1", "9"), ("2", "9")])
    assert [r.verdict for r in results] == ["ungradable", "ungradable"]
    assert reason in results[0].reason
    assert FAILURES[name, kind] == 2
    assert len(caplog.records) == 1


def test_a_failure_of_ours_is_typed_too(monkeypatch):
    monkeypatch.setattr("s2r_rewards.answers.checker.compare", lambda *_: [][0])
    with pytest.raises(IndexError):  # the guard is off in tests, so that it hides nothing from them
        check("x+1", "x+2")
    monkeypatch.setenv("S2R_GUARD", "on")
    FAILURES.pop(("the checker", "IndexError"), None)
    result = check("x+1", "x+2")
    assert (result.verdict, result.tier) == ("ungradable", "checker")
    assert FAILURES["the checker", "IndexError"] == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"checker": "a_persons_module:STRICT"}, "expected a function .*, found CheckPolicy"),
        ({"checker": 5}, "checker 5: expected a function"),
        ({"checker": "a_persons_module:none"}, "a_persons_module"),
        ({"checker": same_length, "policy": "order=strict"}, "decides by itself; give one of the two"),
        ({"policy": "order=any"}, "expected one of notation, strict, free"),
        ({"workers": 0}, "workers must be at least 1"),
    ],
)
def test_what_is_no_checker_is_refused(module, arguments, message):
    with pytest.raises(ValueError, match=message):
        batch_checker(**arguments)


@pytest.mark.parametrize(
    ("gold", "answer"),
    [
        ("1", "f()"),
        ("x", "x()"),
        ("g\\mp\\left(\\right)", "1"),
        ("1", "x\\approx 1, x\\approx 2"),
        ("1", "\\sin^{\\circ} x"),
    ],
)
def test_what_used_to_raise_is_wrong_without_the_guard(gold, answer):
    before = FAILURES.total()
    assert not check(gold, answer)
    assert FAILURES.total() == before
