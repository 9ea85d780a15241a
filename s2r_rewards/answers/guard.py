"""The last guard: whatever our own code raises on a text becomes a typed result, counted, its cause logged once.

A training run must not end because of one answer; and a bug must not hide behind that. So each face of the library
(``check``, ``check_many``, ``extract_answer``, ``parse``) is guarded here and nowhere deeper, ``FAILURES`` says how often
that was needed, and ``S2R_GUARD=off`` in the environment, as in this library's own tests, lets every error through.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from .result import note_failure

P = ParamSpec("P")
T = TypeVar("T")


def switched_on() -> bool:
    """Whether errors are caught."""
    return os.environ.get("S2R_GUARD", "on").lower() != "off"


def guarded(name: str, otherwise: Callable[..., T]) -> Callable[[Callable[P, T]], Callable[P, T]]:
    """Decorate a function of texts that never raises.

    Args:
        name: what failed, for the count and the log.
        otherwise: called with the error and the function's arguments, gives the typed result.
    """

    def decorate(function: Callable[P, T]) -> Callable[P, T]:
        @functools.wraps(function)
        def call(*args: P.args, **kwargs: P.kwargs) -> T:
            try:
                return function(*args, **kwargs)
            except Exception as error:
                if not switched_on():
                    raise
                note_failure(name, error, args)
                return otherwise(error, *args, **kwargs)

        return call

    return decorate
