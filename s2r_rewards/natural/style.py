"""Whether a verification solves the problem again or confirms the answer from another side (table 6 of the paper).

*Problem-solving* derives the answer once more, by the same or another method, and compares. *Confirmative* looks at it
without solving again: substitution, bounds, special cases, the inverse operation, units, a known fact.
"""

from __future__ import annotations

import json
import re
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

Style = Literal["confirmative", "problem-solving"]

_READ = 6000  # characters of a verification that are read, from both ends


@lru_cache(maxsize=1)
def _table() -> dict[str, list[tuple[int, Any]]]:
    raw = json.loads(Path(__file__).with_name("style.json").read_text(encoding="utf-8"))
    words = {k: [(w, re.compile(p, re.IGNORECASE)) for w, p in raw[k]] for k in ("problem-solving", "confirmative")}
    return {**words, "short": [(length, weight) for length, weight in raw["short"]]}


def style_score(text: str) -> int:
    """Weight of the signs that the problem is solved again, less that of the signs of a confirmation."""
    table = _table()
    piece = text.strip()
    if len(piece) > _READ:
        piece = piece[: _READ // 2] + "\n" + piece[-_READ // 2 :]
    score: int = next(weight for length, weight in table["short"] if len(piece) <= length)
    score += sum(weight for weight, pattern in table["problem-solving"] if pattern.search(piece))
    return score - sum(int(weight) for weight, pattern in table["confirmative"] if pattern.search(piece))


def verification_style(text: str) -> Style:
    """``"problem-solving"`` or ``"confirmative"``: the style of one verification, from its wording (``style.json``).

    A rule, not a judge: it agrees with labels of verifications by thirteen models about four times in five.
    """
    return "problem-solving" if style_score(text) > 0 else "confirmative"
