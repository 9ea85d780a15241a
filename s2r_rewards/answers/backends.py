r"""Other people's checkers behind our interface; runs inside the worker process only.

Each backend is ``(gold, answer) -> (equal, why)``; ``equal`` is None when a side could not be read.

``math_verify``   math-verify's ``parse`` and ``verify``
``latex2sympy2``  latex2sympy2_extended (or latex2sympy2) and sympy's ``equals``
``symbolic``      the symbolic tier: latex2sympy2_extended and sympy, for integrals, sums, products and limits

None of them is handed Python to evaluate: the text goes through their LaTeX grammars.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

Backend = Callable[[str, str], tuple[bool | None, str]]
GOLD_UNREADABLE = "the gold answer cannot be read"
_DELIMITERS = ("$", "\\(", "\\[", "\\boxed")


def _marked(text: str) -> str:
    """The text as mathematics for a parser that looks for ``$...$``."""
    return text if any(mark in text for mark in _DELIMITERS) else f"${text}$"


def math_verify(gold: str, answer: str) -> tuple[bool | None, str]:
    from math_verify import parse, verify

    first = parse(_marked(gold), parsing_timeout=None)
    second = parse(_marked(answer), parsing_timeout=None)
    if not first:
        return None, GOLD_UNREADABLE
    if not second:
        return False, "math-verify cannot read the answer"
    return bool(verify(first, second, timeout_seconds=None)), "math-verify"


def latex2sympy2(gold: str, answer: str) -> tuple[bool | None, str]:
    try:
        first = _sympy(gold)
    except Exception:
        return None, GOLD_UNREADABLE
    second = _sympy(answer)
    if first == second:
        return True, "same expression"
    difference = getattr(first, "equals", lambda _: None)(second)
    return (False, "undecided") if difference is None else (bool(difference), "sympy's equals")


def _sympy(text: str) -> Any:
    try:
        from latex2sympy2_extended import latex2sympy
    except ImportError:
        from latex2sympy2 import latex2sympy
    return latex2sympy(text.strip().strip("$"))


def symbolic(gold: str, answer: str) -> tuple[bool | None, str]:
    """Both sides must be read as a whole; unevaluated integrals, sums and limits are worked out."""
    first, second = _sympy(gold), _sympy(answer)
    if first == second:
        return True, "same expression"
    difference = (first - second).doit()
    if difference == 0:
        return True, "the difference vanishes"
    same = difference.equals(0)
    return (False, "undecided") if same is None else (bool(same), "sympy's equals")


BACKENDS: dict[str, Backend] = {
    "math_verify": math_verify,
    "latex2sympy2": latex2sympy2,
    "symbolic": symbolic,
}
#: The distribution that a backend needs, by import name.
NEEDS = {
    "math_verify": "math_verify",
    "latex2sympy2": "latex2sympy2_extended",
    "symbolic": "latex2sympy2_extended",
}


def warm_up(name: str) -> None:
    """Import a backend and run it once, so that its start-up does not count against the first check."""
    logging.disable(logging.ERROR)
    BACKENDS[name]("1", "2")
