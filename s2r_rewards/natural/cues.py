"""The wordings by which models announce checks, retries, verdicts and write-ups: ``cues.json``, compiled once.

Every pattern is looked for within a bounded window of one sentence and has bounded gaps, so that reading stays linear
in the length of the text.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

#: Characters at the beginning of a sentence in which a cue must begin.
HEAD = 240
_WORDS = re.compile(r"[a-z]+")


@dataclass(frozen=True, slots=True)
class Cues:
    """Compiled patterns by what they announce."""

    check: tuple[tuple[int, re.Pattern[str]], ...]
    """(strength, pattern): 3 announces a check, 2 stops to think, 1 only turns ("But …", "Alternatively, …")."""
    patterns: dict[str, re.Pattern[str]]
    verdict_stems: frozenset[str]
    """First five letters of every word without which no Latin sentence speaks a verdict: most sentences end here."""

    def strength(self, head: str) -> int:
        """How plainly a sentence that begins like ``head`` opens a verification; 0: not at all."""
        return next((strength for strength, pattern in self.check if pattern.search(head)), 0)

    def may_speak(self, plain: str) -> bool:
        """Whether a sentence in lower case can speak a verdict at all."""
        return not plain.isascii() or any(word[:5] in self.verdict_stems for word in _WORDS.findall(plain))

    def finds(self, kind: str, head: str) -> bool:
        """Whether a sentence that begins like ``head`` has a cue of that kind."""
        return _finds(kind, head)


@lru_cache(maxsize=1)
def cues() -> Cues:
    """The table, read and compiled at the first use."""
    table = json.loads(Path(__file__).with_name("cues.json").read_text(encoding="utf-8"))
    lead = table["lead"]

    def compiled(pattern: str) -> re.Pattern[str]:
        return re.compile(pattern.replace("{lead}", lead))

    check = tuple((strength, compiled(p)) for strength, p in sorted(table["check"], key=lambda row: -row[0]))
    joined = {
        k: compiled("|".join(f"(?:{p})" for p in v)) for k, v in table.items() if isinstance(v, list) and k != "check"
    }
    return Cues(check, joined, frozenset(table["verdict_stems"].split()))


@lru_cache(maxsize=16384)
def _finds(kind: str, head: str) -> bool:
    return cues().patterns[kind].search(head) is not None
