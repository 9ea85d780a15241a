"""Families of answers: every pair in both directions, because equality has no direction where order means nothing."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from s2r_rewards.answers import FAILURES, CheckPolicy, check

FOLDER = Path(__file__).parent / "families"
POLICY = CheckPolicy(symbolic="never")


def pairs() -> list[tuple[str, bool, str, str]]:
    """(family, same, one, other)"""
    tables = {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in sorted(FOLDER.glob("*.json"))}
    return [
        (f"{file}: {family}", group == "same", *pair)
        for file, families in tables.items()
        for family, groups in families.items()
        for group, listed in groups.items()
        for pair in listed
    ]


@pytest.mark.parametrize(("family", "same", "one", "other"), pairs())
def test_family(family, same, one, other):
    before = FAILURES.total()
    for gold, answer in ((one, other), (other, one)):
        result = check(gold, answer, POLICY)
        assert bool(result) == same, f"{family}: {gold!r} and {answer!r}: {result}"
    assert FAILURES.total() == before


def test_a_percentage_and_a_number_have_one_reading():
    r"""No answer is right for two golds that differ, in whole numbers and percentages: 1, 100, 1 % and 100 %."""
    sizes = ["0", "1", "2", "5", "10", "50", "100", "150", "200", "1000", "10000"]
    for golds, answers in ((sizes, [f"{one}\\%" for one in sizes]), ([f"{one}\\%" for one in sizes], sizes)):
        for answer in answers:
            assert sum(bool(check(gold, answer, POLICY)) for gold in golds) <= 1, answer
