"""The actions of a record as they travel: columns of numbers, since one process reads those of thousands of responses.

What arrives is what was sent, but for an action's answer, its check's reason, its baseline and its advantage.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import pairwise, repeat
from typing import Any

from s2r_rewards.answers.result import VERDICTS, CheckResult, CheckVerdict
from s2r_rewards.trajectory import ActionKind, Span, Verdict

WIRE = 2  # lives no longer than a training step

#: What an action is, what its check and what itself says, by number.
_COURSE: tuple[tuple[ActionKind, CheckVerdict | None, Verdict | None], ...] = (
    *(("solve", said, None) for said in VERDICTS),
    ("solve", None, None),
    *(("verify", None, verdict) for verdict in Verdict),
    ("verify", None, None),
    ("end", None, None),
)
_NUMBERS = {said: n for n, said in enumerate(_COURSE)}
_NOWHERE = (-1, -1)

Entry = tuple[ActionKind, int, int, CheckResult | None, Verdict | None, float | None, Span | None]
"""kind, start, end, check, verdict, reward, tokens"""


def pack(actions: Sequence[Any]) -> list[Any]:
    """[course, characters, tokens, tiers, rewards] of a record's actions."""
    checks = [a.check for a in actions]
    said = [None if check is None else check.verdict for check in checks]
    course = [_NUMBERS[a.kind, check, a.verdict] for a, check in zip(actions, said, strict=True)]
    known = any(a.tokens is not None for a in actions)
    return [
        course,
        _ends([(a.start, a.end) for a in actions]),
        _ends([a.tokens or _NOWHERE for a in actions]) if known else None,
        _if_one([check.tier for check in checks if check is not None]),
        _if_one([a.reward for a in actions]),
    ]


def unpack(packed: Sequence[Any]) -> Iterator[Entry]:
    """The actions again."""
    course, characters, tokens, tiers, rewards = packed
    count = len(course)
    tier = iter(tiers) if isinstance(tiers, list) else repeat(tiers)
    places = _spans(tokens, count) if tokens else repeat(_NOWHERE, count)
    earned = rewards if isinstance(rewards, list) else repeat(rewards, count)
    for n, (start, end), reward, place in zip(course, _spans(characters, count), earned, places, strict=True):
        kind, said, verdict = _COURSE[n]
        check = _check(said, next(tier)) if said else None
        yield kind, start, end, check, verdict, reward, place if place != _NOWHERE else None


def _ends(spans: Sequence[Span]) -> list[int]:
    """Spans that follow each other: where the first begins and each ends; any others: all their bounds, in turn."""
    if all(a[1] == b[0] for a, b in pairwise(spans)):
        return [*(span[0] for span in spans[:1]), *(span[1] for span in spans)]
    return [at for span in spans for at in span]


def _spans(ends: list[int], count: int) -> Iterator[Span]:
    return pairwise(ends) if len(ends) == count + 1 else zip(ends[::2], ends[1::2], strict=True)


def _if_one(values: list[Any]) -> Any:
    """The value alone where all are the same, to the sign of a zero; a list of none where there is none."""
    return values[0] if len(set(map(repr, values))) == 1 else values


_check = lru_cache(maxsize=256)(CheckResult)  # of few kinds, and frozen


@lru_cache(maxsize=4096)
def signs_text(signs: tuple[tuple[int, int], ...] | None) -> str | None:
    """Pairs of counts as one text, since most responses of a batch have those of a few."""
    return None if signs is None else " ".join([str(count) for pair in signs for count in pair])


@lru_cache(maxsize=4096)
def signs_of(text: str | None) -> tuple[tuple[int, int], ...] | None:
    """The pairs again."""
    counts = [int(count) for count in text.split()] if text is not None else []
    return None if text is None else tuple(zip(counts[::2], counts[1::2], strict=True))
