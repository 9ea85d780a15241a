"""What became of a check that raised: a typed result, counted, and logged once with its cause."""

from __future__ import annotations

from collections import Counter

from .result import CheckResult

#: How often which checker failed, and by which error, since the process started.
FAILURES: Counter[tuple[str, str]] = Counter()


def failed(checker: str, error: Exception, gold: object, answer: object) -> CheckResult:
    """``ungradable``, with the error as its reason."""
    import logging

    kind = type(error).__name__
    FAILURES[checker, kind] += 1
    if FAILURES[checker, kind] == 1:
        logging.getLogger(__name__).warning(
            "%s failed on gold %.200r, answer %.200r; the check is ungradable, further ones are only counted",
            checker,
            gold,
            answer,
            exc_info=error,
        )
    return CheckResult("ungradable", "checker", f"{checker} failed: {kind}: {str(error)[:200]}")
