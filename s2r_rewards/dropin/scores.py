"""What the drop-ins share: golden answers out of whatever a project's data set holds."""

from __future__ import annotations

from typing import Any

from s2r_rewards.answers import extract_answer


def gold_answers(gold: Any) -> tuple[str, ...]:
    """Accepted answers out of a text (perhaps a worked solution), a number, or a list of them."""
    several = gold if isinstance(gold, (list, tuple)) else [gold]
    return tuple(_answer(one) for one in several)


def _answer(gold: Any) -> str:
    if not isinstance(gold, str):
        return "" if gold is None else str(gold)
    if "boxed" in gold or "####" in gold or "\n" in gold:
        return extract_answer(gold, fallback="math").answer or gold
    return gold
