"""Many checks at once: de-duplicated, in order."""

from __future__ import annotations

from collections.abc import Iterable

from .checker import check
from .policy import DEFAULT_POLICY, CheckPolicy
from .result import CheckResult


def check_many(
    pairs: Iterable[tuple[str, str | None]], workers: int = 2, policy: CheckPolicy = DEFAULT_POLICY
) -> list[CheckResult]:
    """Check every ``(gold, answer)`` pair; equal pairs are checked once, results come back in order."""
    listed = list(pairs)
    known: dict[tuple[str, str | None], CheckResult] = {}
    for pair in listed:
        if pair not in known:
            known[pair] = check(*pair, policy=policy)
    return [known[pair] for pair in listed]
