"""The verdicts that a verification speaks, tier by tier."""

from __future__ import annotations

import re
from collections.abc import Iterable

from s2r_rewards.grammar import VerdictTier
from s2r_rewards.seeking import SHORT, find


def spoken(tier: VerdictTier, text: str, start: int, stop: int) -> Iterable[re.Match[str]]:
    """What ``re.finditer(tier.pattern, text, start, stop)`` gives, by the tier's anchors where it has some."""
    if not tier.anchors:
        return tier.compiled.finditer(text, start, stop)
    hits: list[int] = []
    seek = str.find if stop - start < SHORT else find
    for anchor in tier.anchors:
        hit = seek(text, anchor, start, stop)
        while hit >= 0:
            hits.append(hit)
            hit = seek(text, anchor, hit + 1, stop)
    if len(hits) > 1:
        hits.sort()
    found: list[re.Match[str]] = []
    pattern, reach, at = tier.compiled, tier.reach, start
    for hit in hits:
        if hit < at:
            continue
        if reach:
            # One character more than a match can have, so that a word's end is seen where it is.
            match = pattern.search(text, max(at, hit - reach), min(stop, hit + tier.longest + 1))
        else:
            match = pattern.match(text, hit, stop)
        if match and match.start() <= hit:
            found.append(match)
            at = match.end()
    return found
