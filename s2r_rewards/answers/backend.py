"""Hand a check to another checker in a worker process, and turn its reply into a typed result."""

from __future__ import annotations

from typing import Literal

from .policy import CheckPolicy
from .result import CheckResult

Backend = Literal["s2r", "math_verify", "latex2sympy2"]


def available(name: str) -> bool:
    """Whether the libraries of a backend are installed."""
    from .backends import NEEDS
    from .pool import installed

    return installed(NEEDS[name])


def delegate(
    gold: str, answer: str, policy: CheckPolicy, name: str, start_limit: float = 20.0
) -> CheckResult:
    """Run backend ``name`` on one pair. Raises ``ImportError`` when its libraries are missing."""
    from .backends import BACKENDS, GOLD_UNREADABLE, NEEDS
    from .pool import pool_for

    if name not in BACKENDS:
        raise ValueError(f"unknown backend {name!r}; expected one of 's2r', {', '.join(map(repr, BACKENDS))}")
    if not available(name):
        raise ImportError(f"backend {name!r} needs {NEEDS[name]}: pip install 's2r-rewards[symbolic]'")
    reply = pool_for(name).call(gold, answer, policy.time_limit, start_limit)
    if "timeout" in reply:
        return CheckResult("timeout", name, reply["timeout"])
    if reply["equal"] is None:
        return CheckResult(
            "ungradable" if reply["why"] == GOLD_UNREADABLE else "incorrect", name, reply["why"]
        )
    return CheckResult("correct" if reply["equal"] else "incorrect", name, reply["why"])
