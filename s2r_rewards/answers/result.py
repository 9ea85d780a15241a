"""What a check says: a verdict, the tier that decided it, and why."""

from collections import Counter
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal, NamedTuple

CheckVerdict = Literal["correct", "incorrect", "ungradable", "timeout", "malformed"]

#: Every verdict a check can return.
#:
#: ``correct``     the answer equals the gold answer under the policy
#: ``incorrect``   it does not
#: ``ungradable``  the *gold* answer is empty or cannot be read, so nobody could be right; or the checker failed
#: ``timeout``     a worker process hit its limit of CPU time or memory
#: ``malformed``   there is no answer of the kind that is asked for, or it is longer than the policy allows
VERDICTS: tuple[CheckVerdict, ...] = ("correct", "incorrect", "ungradable", "timeout", "malformed")


@dataclass(frozen=True, slots=True)
class CheckResult:
    """The outcome of comparing one answer with one gold answer.

    ``bool(result)`` is true only for ``correct``, so ``if check(gold, answer):`` never rewards a timeout.
    """

    verdict: CheckVerdict
    tier: str
    reason: str = ""

    def __bool__(self) -> bool:
        return self.verdict == "correct"


class Outcome(NamedTuple):
    """What one tier says: equal, different or (None) undecided; the method that decided, and why."""

    equal: bool | None
    how: str
    why: str


@lru_cache(1024)
def judged(same: bool, how: str, what: str, otherwise: str) -> Outcome:
    """``what`` is the same, or else ``otherwise``."""
    return Outcome(same, how, what if same else otherwise)


#: How often which checker failed, and by which error, since the process started.
FAILURES: Counter[tuple[str, str]] = Counter()


def note_failure(checker: str, error: Exception, texts: tuple[object, ...]) -> None:
    """Count what raised; log the first of each kind with its cause."""
    import logging

    kind = type(error).__name__
    FAILURES[checker, kind] += 1
    if FAILURES[checker, kind] == 1:
        said = "%s failed on %.400r; its result says so, further failures of this kind are only counted"
        logging.getLogger(__name__).warning(said, checker, texts[:2], exc_info=error)


def failure(checker: str, error: Exception) -> CheckResult:
    """What becomes of a check that raised."""
    return CheckResult("ungradable", "checker", f"{checker} failed: {type(error).__name__}: {str(error)[:200]}")


def failed(checker: str, error: Exception, gold: object, answer: object) -> CheckResult:
    """What becomes of a check that raised: ``ungradable``, counted, and logged once with its cause."""
    note_failure(checker, error, (gold, answer))
    return failure(checker, error)
