"""Every row of docs/answers.md is true, in both directions."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from s2r_rewards.answers import CheckPolicy, check

PAGE = Path(__file__).parents[2] / "docs/answers.md"
ROW = re.compile(r"\| `(.+)` \| `(.+)` \| ([=≠]) \|")
ROWS = [match.groups() for line in PAGE.read_text(encoding="utf-8").splitlines() if (match := ROW.fullmatch(line))]


def test_no_row_is_overlooked():
    assert len(ROWS) == sum(line.startswith("| `") for line in PAGE.read_text(encoding="utf-8").splitlines()) > 80


@pytest.mark.parametrize(("gold", "answer", "sign"), ROWS)
def test_row(gold, answer, sign):
    policy = CheckPolicy(symbolic="never")
    assert [bool(check(gold, answer, policy)), bool(check(answer, gold, policy))] == [sign == "="] * 2
