"""A pair that differs is read another way only where a sign of such a reading occurs: nowhere else would one say more."""

from __future__ import annotations

import json
from itertools import chain
from pathlib import Path

from s2r_rewards.answers import CheckPolicy, checker
from s2r_rewards.answers.read.canonical import canonical
from s2r_rewards.answers.tiers.choice import split_choice
from s2r_rewards.answers.tiers.clock import compare_dates

HERE = Path(__file__).parent


def texts(found: object) -> list[str]:
    """Every text in a table of cases."""
    if isinstance(found, str):
        return [found] if len(found) < 200 else []
    inside = found.values() if isinstance(found, dict) else found if isinstance(found, list) else []
    return [text for one in inside for text in texts(one)]


def test_no_reading_is_missed():
    files = chain((HERE / "families").glob("*.json"), [HERE / "cases.json"])
    found = sorted({canonical(text) for file in files for text in texts(json.loads(file.read_text(encoding="utf-8")))})
    shifted = [*found[7:], *found[:7]]
    pairs = [(one, two) for one, two in zip(found, shifted, strict=True) if not checker._may_mean_else(one, two)]
    assert len(pairs) > 500
    for gold, answer in pairs:
        assert checker._respelled(gold, answer) is None, (gold, answer)
        chosen = split_choice(answer)
        assert not (chosen and chosen[1]), answer
        assert not list(checker._said_otherwise(gold, answer, CheckPolicy())), (gold, answer)
        assert compare_dates(gold, answer) is None, (gold, answer)
