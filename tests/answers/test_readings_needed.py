"""A pair that differs is read another way only where a sign of such a reading occurs: nowhere else would one say more."""

from __future__ import annotations

import json
from itertools import chain
from pathlib import Path
from random import Random

from s2r_rewards.answers import CheckPolicy, checker
from s2r_rewards.answers.read.canonical import canonical, rewritten, strip_delimiters
from s2r_rewards.answers.tiers.choice import split_choice
from s2r_rewards.answers.tiers.clock import compare_dates

HERE = Path(__file__).parent
FRAGMENTS = (
    *"^_{}Cx()[],oms'gjA/$.;~5<>|\"\\", " ", "10", "five", "Ten", "integer", "whole number", "min(", "max", "gcd(", "lcm",
    "<|im_end|>", "{,}", "km/h", "in/s", " m", "½", "×", "1", r"\\", r"\text{", r"\frac ", r"\tfrac12", r"\circ", r"\mu ", r"\Omega",
    r"\,", r"\left(", r"\right)", r"\dots", r"\hat{j}", r"\mathbf{j}", r"\choose", r"\in Z", r"\mathbb{Z}", r"\times", r"\SI",
    r"\vec{a}", r"\prime", r"\AA", r"\boxed{", "^{10}C_3",
)  # fmt: skip


def texts(found: object) -> list[str]:
    """Every text in a table of cases."""
    if isinstance(found, str):
        return [found] if len(found) < 200 else []
    inside = found.values() if isinstance(found, dict) else found if isinstance(found, list) else []
    return [text for one in inside for text in texts(one)]


def all_texts() -> list[str]:
    files = chain((HERE / "families").glob("*.json"), [HERE / "cases.json"])
    return sorted({text for file in files for text in texts(json.loads(file.read_text(encoding="utf-8")))})


def test_nothing_unusual_is_missed():
    """Where ``canonical`` sees nothing to rewrite, rewriting does nothing."""
    rng, changed = Random(5), 0
    for text in all_texts() * 20:
        for _ in range(rng.randrange(4)):
            at = rng.randrange(len(text) + 1)
            text = text[:at] + rng.choice(FRAGMENTS) + text[at + rng.randrange(2) :]
        stripped = strip_delimiters(text.strip())
        assert canonical(text) == " ".join(rewritten(stripped).split()), text
        changed += canonical(text) != stripped
    assert changed > 1000


def test_no_reading_is_missed():
    found = sorted(set(map(canonical, all_texts())))
    shifted = [*found[7:], *found[:7]]
    pairs = [(one, two) for one, two in zip(found, shifted, strict=True) if not checker._may_mean_else(one, two)]
    assert len(pairs) > 500
    for gold, answer in pairs:
        assert checker._respelled(gold, answer) is None, (gold, answer)
        chosen = split_choice(answer)
        assert not (chosen and chosen[1]), answer
        assert not list(checker._said_otherwise(gold, answer, CheckPolicy())), (gold, answer)
        assert compare_dates(gold, answer) is None, (gold, answer)
