"""Tier ``symbolic``: integrals, sums, products and limits, in a worker process with a limit of time and memory.

Caveat: only whole formulas go there, and only where the libraries are installed; prose around them keeps them out.
"""

from __future__ import annotations

import re

from ..policy import CheckPolicy
from ..workers.backends import available

_NOTATION = re.compile(r"\\(?:int|iint|oint|sum|prod|lim)(?![A-Za-z])")
_MAX_LENGTH = 500
_PROSE = re.compile(r"[A-Za-z]{4}|[\"?]|[A-Za-z]{2,} [A-Za-z]{2,}")
_COMMAND = re.compile(r"\\[A-Za-z]+")


def needs_algebra(gold: str, answer: str, policy: CheckPolicy) -> bool:
    """Whether only computer algebra can read one of the two, and it is there."""
    if policy.symbolic == "never" or policy.kind != "math" or ("\\" not in answer and "\\" not in gold):
        return False
    if max(len(gold), len(answer)) > _MAX_LENGTH or not (_NOTATION.search(answer) or _NOTATION.search(gold)):
        return False
    return _is_formula(gold) and _is_formula(answer) and available("symbolic")


def _is_formula(text: str) -> bool:
    """Whether a text is one piece of mathematics: closed braces and no prose around it."""
    return text.count("{") == text.count("}") and not _PROSE.search(_COMMAND.sub("", text))
