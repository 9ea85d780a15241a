r"""Other people's checkers behind our interface: asked through a worker process, run inside it.

Each comparison is ``(gold, answer) -> (equal, why)``; ``equal`` is None when a side could not be read.

``math_verify``   math-verify's ``parse`` and ``verify``
``latex2sympy2``  latex2sympy2_extended (or latex2sympy2) and sympy's ``equals``
``symbolic``      the symbolic tier: latex2sympy2_extended and sympy, for integrals, sums, products and limits

None of them is handed Python to evaluate: the text goes through their LaTeX grammars.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any, Literal

from ..policy import CheckPolicy
from ..result import CheckResult

Backend = Literal["s2r", "math_verify", "latex2sympy2"]
GOLD_UNREADABLE = "the gold answer cannot be read"
_DELIMITERS = ("$", "\\(", "\\[", "\\boxed")


def _marked(text: str) -> str:
    """The text as mathematics for a parser that looks for ``$...$``."""
    return text if any(mark in text for mark in _DELIMITERS) else f"${text}$"


def math_verify(gold: str, answer: str) -> tuple[bool | None, str]:
    """math-verify's own reading of both sides."""
    from math_verify import parse, verify

    first = parse(_marked(gold), parsing_timeout=None)
    second = parse(_marked(answer), parsing_timeout=None)
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


COMPARISONS: dict[str, Callable[[str, str], tuple[bool | None, str]]] = {
    "math_verify": math_verify,
    "latex2sympy2": latex2sympy2,
    "symbolic": symbolic,
}
#: The module that a comparison needs.
NEEDS = {"math_verify": "math_verify", "latex2sympy2": "latex2sympy2_extended", "symbolic": "latex2sympy2_extended"}


def warm_up(name: str) -> None:
    """Import a comparison's libraries and run it once, so that its start-up does not count against the first check."""
    import logging

    logging.disable(logging.ERROR)
    COMPARISONS[name]("1", "2")


@cache
def installed(module: str) -> bool:
    """Whether a module can be imported, without importing it."""
    import importlib.util

    try:
        return importlib.util.find_spec(module) is not None
    except (ImportError, ValueError):
        return False


def available(name: str) -> bool:
    """Whether the libraries of a comparison are installed."""
    return installed(NEEDS[name])


def delegate(gold: str, answer: str, policy: CheckPolicy, name: str, start_limit: float = 20.0) -> CheckResult:
    """Compare one pair in a worker process.

    Raises:
        ValueError: there is no such backend.
        ImportError: its libraries are missing.
    """
    if name not in COMPARISONS:
        known = ", ".join(map(repr, COMPARISONS))
        raise ValueError(f"unknown backend {name!r}; expected one of 's2r', {known}")
    if not available(name):
        raise ImportError(f"backend {name!r} needs {NEEDS[name]}: pip install 's2r-rewards[symbolic]'")
    from .pool import pool_for

    reply = pool_for(name).call(gold, answer, policy.time_limit, start_limit)
    if "timeout" in reply:
        return CheckResult("timeout", name, reply["timeout"])
    if reply["equal"] is None and reply["why"] == GOLD_UNREADABLE:
        return CheckResult("ungradable", name, reply["why"])
    return CheckResult("correct" if reply["equal"] else "incorrect", name, reply["why"])
