"""The case tables: every tier meets the same few questions."""

from __future__ import annotations

from s2r_rewards.answers import check, check_response

VERDICTS = {"same": "correct", "different": "incorrect", "malformed": "malformed", "ungradable": "ungradable"}


def test_own_case(own_pair):
    _, group, gold, answer = own_pair
    result = check(gold, answer)
    assert result.verdict == VERDICTS[group], result
    assert result.tier
    assert result.reason


def test_own_cases_are_symmetric(symmetric_pair):
    _, group, gold, answer = symmetric_pair
    assert check(answer, gold).verdict == VERDICTS[group]


def test_real_case(real_case):
    ask = check if real_case["mode"] == "answer" else check_response
    result = ask(real_case["gold"], real_case["pred"])
    assert bool(result) == real_case["expected"], result


def test_the_real_cases_name_source_and_licence(real_case):
    assert real_case["source"]
    assert real_case["license"].startswith(("MIT", "Apache-2.0"))
