"""Inputs made to hang, crash, exhaust or fool: all are answered, none is believed, nothing is executed."""

from __future__ import annotations

import os
import resource
import subprocess
import sys

import pytest

from s2r_rewards.answers import VERDICTS, CheckPolicy, check, check_many, check_response, extract_answer


def test_hostile_case(hostile_case, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    ask = check if hostile_case["mode"] == "answer" else check_response
    result = ask(hostile_case["gold"], hostile_case["pred"])
    assert result.verdict in VERDICTS
    if hostile_case["expected"] is not None:
        assert bool(result) == hostile_case["expected"], result
    assert os.listdir(tmp_path) == []  # open('pwn', 'w') in an answer would have left a file


LONG = {
    "signs": "-" * 20_000 + "1",
    "braces": "{" * 20_000,
    "brackets": "[" * 20_000 + "1",
    "boxes": "\\boxed{" * 20_000,
    "fractions": "\\frac{1}{1+" * 2_000 + "1" + "}" * 2_000,
    "functions": "\\sin " * 20_000 + "x",
    "powers": "2^{" * 3_000 + "2" + "}" * 3_000,
    "digits": "9" * 100_000,
    "decimals": "0." + "3" * 100_000,
    "list": ",".join(map(str, range(20_000))),
    "sum": "x+" * 20_000 + "1",
    "quotients": "1/" * 20_000 + "7",
    "bars": "|" * 2_001 + "3",
    "relations": "1=2=" * 20_000 + "4",
    "dollars": "$" * 50_000,
    "backslashes": "\\" * 40_000,
    "tuple": "(" + "1," * 1_800 + "1)",
    "set": "\\{" + "1," * 1_800 + "2\\}",
    "literal": "[" * 4_000 + "'a'" + "]" * 4_000,
    "words": "word " * 1_900,
    "null": "5\x00" * 1_000,
    "surrogate": "\ud800" * 100,
}


@pytest.mark.parametrize("name", LONG)
@pytest.mark.parametrize("gold", ["5", "x^2+1", "(1,2)", "A", "['a']", "\\text{even}", LONG["tuple"]])
def test_long_and_deep(name, gold):
    generous = CheckPolicy(max_length=200_000, symbolic="never")
    if gold != LONG[name]:
        assert not check(gold, LONG[name], generous)
        assert not check(gold, LONG[name])
    assert check(LONG[name], gold).verdict in VERDICTS


@pytest.mark.parametrize("name", LONG)
def test_extraction_of_long_and_deep(name):
    assert extract_answer(LONG[name] + " the answer is \\boxed{7}").answer in ("7", None)
    extract_answer(LONG[name], fallback="number")


@pytest.mark.parametrize("value", [None, 5, 1.5, b"5", ["5"], object()])
def test_what_is_no_text(value):
    assert check("5", value).verdict == "malformed"
    if value != ["5"]:  # a list is a list of accepted answers
        assert check(value, "5").verdict == "ungradable"


def test_memory_stays_bounded():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    check_many([("5", text) for text in LONG.values()] + [(text, "5") for text in LONG.values()])
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 200_000  # KiB


def test_importing_is_light():
    code = "import sys, s2r_rewards.answers; print([m for m in ('torch','sympy','numpy','math_verify') if m in sys.modules])"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert out.strip() == "[]"
