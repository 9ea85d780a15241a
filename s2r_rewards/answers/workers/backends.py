r"""Other people's checkers behind our interface: asked through a worker process, run inside it (see :mod:`.comparisons`).

``math_verify``   math-verify's ``parse`` and ``verify``
``latex2sympy2``  latex2sympy2_extended and sympy's ``equals``
``symbolic``      the symbolic tier: latex2sympy2_extended and sympy, for integrals, sums, products and limits

Caveat of the symbolic tier: only whole formulas go there, and only where the libraries are installed; prose around them
keeps them out.
"""

import re
from functools import cache
from typing import Literal

from ..policy import CheckPolicy
from ..result import CheckResult
from . import comparisons
from .comparisons import GOLD_UNREADABLE

Backend = Literal["s2r", "math_verify", "latex2sympy2"]
#: The module that a comparison needs.
NEEDS = {"math_verify": "math_verify", "latex2sympy2": "latex2sympy2_extended", "symbolic": "latex2sympy2_extended"}
_PLAIN = {"gold": "1", "answer": "2"}
_WARM_UP = {"symbolic": {"gold": "\\frac{1}{2}", "answer": "\\int_0^1 x dx"}}
_NOTATION = re.compile(r"\\(?:int|iint|oint|sum|prod|lim)(?![A-Za-z])")
_MAX_LENGTH = 500
_PROSE = re.compile(r"[A-Za-z]{4}|[\"?]|[A-Za-z]{2,} [A-Za-z]{2,}")
_COMMAND = re.compile(r"\\[A-Za-z]+")


@cache
def installed(module: str) -> bool:
    """Whether a module can be imported, without importing it."""
    import importlib.util

    try:
        return importlib.util.find_spec(module) is not None
    except (ImportError, ValueError):
        return False


def needs_algebra(gold: str, answer: str, policy: CheckPolicy) -> bool:
    """Whether only computer algebra can read one of the two, and it is there."""
    if ("\\" not in answer and "\\" not in gold) or policy.symbolic == "never" or policy.kind != "math":
        return False
    if not _NOTATION.search(f"{gold} {answer}") or max(len(gold), len(answer)) > _MAX_LENGTH:
        return False
    return _is_formula(gold) and _is_formula(answer) and installed(NEEDS["symbolic"])


def _is_formula(text: str) -> bool:
    """Whether a text is one piece of mathematics: closed braces and no prose around it."""
    return text.count("{") == text.count("}") and not _PROSE.search(_COMMAND.sub("", text))


def require(name: str) -> None:
    """Refuse what no answer could make work.

    Raises:
        ValueError: there is no such backend.
        ImportError: its libraries are missing.
    """
    if name not in NEEDS:
        known = ", ".join(map(repr, NEEDS))
        raise ValueError(f"unknown backend {name!r}; expected one of 's2r', {known}")
    if not installed(NEEDS[name]):
        raise ImportError(f"backend {name!r} needs {NEEDS[name]}: pip install 's2r-rewards[symbolic]'")


def delegate(gold: str, answer: str, policy: CheckPolicy, name: str) -> CheckResult:
    """Compare one pair in a worker process. Raises what :func:`require` raises."""
    require(name)
    from .pool import Task, shared_pool

    task = Task(f"{comparisons.__name__}:ask_{name}", _WARM_UP.get(name, _PLAIN))
    reply = shared_pool().call(task, {"gold": gold, "answer": answer}, policy.time_limit)
    if "timeout" in reply:
        return CheckResult("timeout", name, reply["timeout"])
    if reply["equal"] is None and reply["why"] == GOLD_UNREADABLE:
        return CheckResult("ungradable", name, reply["why"])
    return CheckResult("correct" if reply["equal"] else "incorrect", name, reply["why"])
