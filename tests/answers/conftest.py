"""Case tables of the golden-answer checker, and clean pools."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

from s2r_rewards.answers.workers import pool

settings.register_profile("answers", deadline=None)  # timing belongs in benchmarks/
settings.load_profile("answers")
HERE = Path(__file__).parent


def rows(name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (HERE / name).read_text(encoding="utf-8").splitlines()]


def own_pairs() -> list[tuple[str, str, str, str]]:
    """(tier, group, gold, answer)"""
    table = json.loads((HERE / "cases.json").read_text(encoding="utf-8"))
    return [(tier, group, *pair) for tier, groups in table.items() for group in groups for pair in groups[group]]


# The question is asked from the gold answer's side: these say more on one side than on the other.
ONE_WAY = {
    "The answer is D", "Option C", "B) 25", "101_2", "4210_5", "0.9166666667", "0.333333", "0.0333333", "11_2",
    "0.99999999999999999999", "0.5\\%", "x_1 + x_2 = 2", "Yes, it does", "The maximum value is 105.", "2\\sqrt{3} \\approx 3.46",
}  # fmt: skip


def symmetric_pairs() -> list[tuple[str, str, str, str]]:
    return [pair for pair in own_pairs() if pair[1] in ("same", "different") and not ONE_WAY & set(pair[2:])]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    for fixture, pairs in (("own_pair", own_pairs), ("symmetric_pair", symmetric_pairs)):
        if fixture in metafunc.fixturenames:
            table = pairs()
            metafunc.parametrize(fixture, table, ids=[f"{t}-{g}-{i}" for i, (t, g, *_) in enumerate(table)])
    for fixture, name in (("real_case", "real_cases.jsonl"), ("hostile_case", "hostile_cases.jsonl")):
        if fixture in metafunc.fixturenames:
            table = rows(name)
            metafunc.parametrize(fixture, table, ids=[row["id"] for row in table])


@pytest.fixture
def fresh_pools():
    """No worker from before, none left behind."""
    pool.close_pools()
    yield
    pool.close_pools()
