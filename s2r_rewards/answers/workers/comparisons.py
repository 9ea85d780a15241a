"""Other people's readings of one pair, as worker processes run them: ``(request) -> reply``, both JSON objects.

The reply is ``{"equal": true, false or null, "why": …}``; null: a side could not be read. None of the libraries is handed
Python to evaluate: the text goes through their LaTeX grammars.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from ..read.spelling import with_braces

GOLD_UNREADABLE = "the gold answer cannot be read"
Comparison = Callable[[str, str], tuple[bool | None, str]]
Request = dict[str, Any]
_DELIMITERS = ("$", "\\(", "\\[", "\\boxed")


def math_verify(gold: str, answer: str) -> tuple[bool | None, str]:
    """math-verify's own reading of both sides, as mathematics for a parser that looks for ``$...$``."""
    from math_verify import parse, verify

    texts = (text if any(mark in text for mark in _DELIMITERS) else f"${text}$" for text in (gold, answer))
    first, second = (parse(text, parsing_timeout=None) for text in texts)
    if not first:
        return None, GOLD_UNREADABLE
    if not second:
        return False, "math-verify cannot read the answer"
    return bool(verify(first, second, timeout_seconds=None)), "math-verify"


def latex2sympy2(gold: str, answer: str) -> tuple[bool | None, str]:
    """Equal to sympy, as far as it can tell."""
    try:
        first = _sympy(gold)
    except Exception:
        return None, GOLD_UNREADABLE
    second = _sympy(answer)
    if first == second:
        return True, "same expression"
    return _said(getattr(first, "equals", lambda _: None)(second))


def symbolic(gold: str, answer: str) -> tuple[bool | None, str]:
    """Both sides must be read as a whole; unevaluated integrals, sums and limits are worked out."""
    first, second = _sympy(gold), _sympy(answer)
    if first == second:
        return True, "same expression"
    difference = (first - second).doit()
    return (True, "the difference vanishes") if difference == 0 else _said(difference.equals(0))


def _said(equal: object) -> tuple[bool, str]:
    return (False, "undecided") if equal is None else (bool(equal), "sympy's equals")


def _sympy(text: str) -> Any:
    from latex2sympy2_extended import latex2sympy

    return latex2sympy(with_braces(text.strip().strip("$")))


def compare(comparison: Comparison, request: Request) -> Request:
    """The reply to one request; what a parser raises is a fact about the text, not about the worker."""
    try:
        equal, why = comparison(request["gold"], request["answer"])
    except MemoryError:
        return {"timeout": "over the memory limit"}
    except RecursionError:
        return {"equal": None, "why": "nested too deeply"}
    except Exception as error:
        return {"equal": None, "why": f"{type(error).__name__}: {str(error)[:200]}"}
    return {"equal": equal, "why": why}


ask_math_verify = partial(compare, math_verify)
ask_latex2sympy2 = partial(compare, latex2sympy2)
ask_symbolic = partial(compare, symbolic)
