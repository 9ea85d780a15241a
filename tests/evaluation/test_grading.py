"""The kinds of answers that benchmarks have are policies of the one checker."""

import json
from pathlib import Path

import pytest

from s2r_rewards.answers import CheckPolicy, batch_checker, check
from s2r_rewards.evaluation.benchmarks import BENCHMARKS

CASES = json.loads((Path(__file__).parent / "grading.json").read_text())
HOSTILE = ["(" * 5000, "[" * 300 + "]" * 300, "-" * 4000 + "1", "9" * 9999, "1" * 20000, "\x00", "~" * 4000 + "1"]


@pytest.mark.parametrize(("kind", "gold", "answer", "verdict"), CASES)
def test_kinds_of_answers(kind, gold, answer, verdict):
    result = check(gold, answer, CheckPolicy(kind=kind))
    assert result.verdict == verdict, result
    assert batch_checker(policy=f"kind={kind}")([(gold, answer)]) == [result]


@pytest.mark.parametrize("hostile", HOSTILE)
@pytest.mark.parametrize(("kind", "gold"), [("word", "Yes"), ("choice", "C"), ("literal", "1")])
def test_hostile_answers_get_a_verdict(kind, gold, hostile):
    assert check(gold, hostile, CheckPolicy(kind=kind)).verdict in ("incorrect", "malformed")
    assert not check(hostile, gold, CheckPolicy(kind=kind))


def test_every_benchmark_names_a_policy():
    assert {b.kind for b in BENCHMARKS.values()} == {"math", "word", "choice", "literal"}
    assert all(CheckPolicy(kind=b.kind) for b in BENCHMARKS.values())


def test_unknown_kinds_are_refused():
    with pytest.raises(ValueError, match="kind='music': expected one of math, choice, word, literal"):
        batch_checker(policy="kind=music")
