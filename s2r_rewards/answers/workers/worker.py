"""The worker process: reads one JSON request a line, answers one JSON reply a line, until its input ends.

Started as ``python -m s2r_rewards.answers.workers.worker MEMORY_BYTES COMPARISON``, so it never imports the parent's
``__main__``, and it imports neither torch nor a training framework. It dies with its parent, and past its memory limit.
Each comparison is ``(gold, answer) -> (equal, why)``; ``equal`` is None when a side could not be read. None of the
libraries is handed Python to evaluate: the text goes through their LaTeX grammars.
"""

import contextlib
import json
import logging
import os
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

from .backends import GOLD_UNREADABLE

Comparison = Callable[[str, str], tuple[bool | None, str]]
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

    return latex2sympy(text.strip().strip("$"))


def limit_memory(size: int) -> None:
    """Bound the address space; a platform without resource limits goes without."""
    try:
        import resource
    except ImportError:
        return
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    soft = size if hard == resource.RLIM_INFINITY else min(size, hard)
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


def die_with(parent: int) -> None:
    """Exit when the parent is gone, even if somebody else holds the other end of the pipe."""
    while os.getppid() == parent:
        time.sleep(1.0)
    os._exit(0)


def answer(compare: Comparison, request: dict[str, str]) -> dict[str, Any]:
    """One reply: ``equal`` is true, false or null (could not be read), ``why`` explains; or ``timeout`` and why."""
    try:
        equal, why = compare(request["gold"], request["answer"])
    except MemoryError:
        return {"timeout": "over the memory limit"}
    except RecursionError:
        return {"equal": None, "why": "nested too deeply"}
    except Exception as error:  # a parser's own failure is a fact about the text, not about the worker
        return {"equal": None, "why": f"{type(error).__name__}: {str(error)[:200]}"}
    return {"equal": equal, "why": why}


def main() -> None:
    """Start up, say so, and serve standard input; a request that ran out of memory is the last."""
    limit_memory(int(sys.argv[1]))
    threading.Thread(target=die_with, args=(os.getppid(),), daemon=True).start()
    replies = os.fdopen(os.dup(1), "w", encoding="utf-8", buffering=1)
    os.dup2(2, 1)  # whatever a library prints must not look like a reply
    logging.disable(logging.ERROR)
    compare = {function.__name__: function for function in (math_verify, latex2sympy2, symbolic)}[sys.argv[2]]
    compare("1", "2")  # so that the libraries' start-up does not count against the first check
    print(json.dumps({"ready": True}), file=replies)
    for line in sys.stdin:
        reply = answer(compare, json.loads(line))
        print(json.dumps(reply), file=replies)
        if "timeout" in reply:
            os._exit(1)


if __name__ == "__main__":
    main()
