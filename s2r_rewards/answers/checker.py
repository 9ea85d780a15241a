"""The golden-answer checker: tiers in order, the first that can decide decides.

==============  ============================================================================================
tier            decides
==============  ============================================================================================
``string``      the same text, raw or in canonical spelling; empty and oversized input
``number``      plain numbers and constants, in exact arithmetic; percent, degrees, units, bases
``choice``      a gold answer that is one choice letter
``literal``     a gold answer that is a Python value
``structure``   containers, equations, inequalities, ratios
``expression``  everything else that the reader can read: exact, modular or by numeric probing
``text``        answers in words
``symbolic``    the remainder that only computer algebra can read, in a killable worker, when installed
==============  ============================================================================================
"""

from __future__ import annotations

import re

from .backend import Backend, available, delegate
from .canonical import canonical, spaced_number
from .exact import Undefined
from .expressions import Outcome
from .extraction import Fallback, extract_answer
from .lexer import Unreadable
from .literals import compare_literals
from .numbers import plain_number
from .policy import DEFAULT_POLICY, CheckPolicy
from .reader import Node, read
from .result import CheckResult
from .structures import compare
from .text import compare_choices, compare_texts, split_choice, value_in_sentence

#: Changes whenever a verdict can change; part of every cache key.
CHECKER_VERSION = "1"

_WORDS_ONLY = re.compile(r"[A-Za-z][A-Za-z .,'-]*[A-Za-z.]")
_SYMBOLIC = re.compile(r"\\(?:int|iint|oint|sum|prod|lim)(?![A-Za-z])")
_SYMBOLIC_LENGTH = 500
_PROSE = re.compile(r"[A-Za-z]{4}|[\"?]|[A-Za-z]{2,} [A-Za-z]{2,}")
_COMMAND = re.compile(r"\\[A-Za-z]+")


def check(
    gold: str,
    answer: str | None,
    policy: CheckPolicy = DEFAULT_POLICY,
    backend: Backend = "s2r",
    start_limit: float = 0.35,
) -> CheckResult:
    """Is ``answer`` equal in value to ``gold`` under ``policy``? Never raises, whatever the text.

    ``backend`` picks another checker behind the same interface (``"math_verify"``, ``"latex2sympy2"``); it runs in a
    worker process that is killed past ``policy.time_limit``. ``start_limit`` bounds the wait for a symbolic worker
    that is still starting (seconds); past it, this one check is a ``timeout``.
    """
    if not isinstance(gold, str) or not gold.strip():
        return CheckResult("ungradable", "string", "the gold answer is empty")
    if not isinstance(answer, str) or not answer.strip():
        return CheckResult("malformed", "string", "the answer is empty")
    if gold == answer:
        return CheckResult("correct", "string", "same text")
    if len(gold) > policy.max_length:
        return CheckResult(
            "ungradable", "string", f"the gold answer is longer than {policy.max_length} characters"
        )
    if len(answer) > policy.max_length:
        return CheckResult("malformed", "string", f"longer than {policy.max_length} characters")
    if backend != "s2r":
        return delegate(gold, answer, policy, backend)
    outcome = _plain(gold, answer, policy) or _decide(gold, answer, policy)
    if not outcome.equal and (result := _ask_symbolic(gold, answer, policy, start_limit)) is not None:
        return result
    return CheckResult("correct" if outcome.equal else "incorrect", outcome.how, outcome.why)


def _plain(gold: str, answer: str, policy: CheckPolicy) -> Outcome | None:
    """Decide two plain numbers; None when a side is none, or when they might still be equal."""
    first, second = plain_number(gold), plain_number(answer)
    if first is None or second is None:
        return None
    if first == second:
        return Outcome(True, "number", "same exact value")
    return Outcome(False, "number", "different exact values") if _differ(gold, answer, policy) else None


def _ask_symbolic(gold: str, answer: str, policy: CheckPolicy, start_limit: float) -> CheckResult | None:
    """The symbolic tier, for the few notations that only computer algebra can read."""
    if not needs_worker(gold, answer, policy, "s2r"):
        return None
    return delegate(gold, answer, policy, "symbolic", start_limit)


def needs_worker(gold: str, answer: str | None, policy: CheckPolicy, backend: Backend) -> bool:
    """Whether a check may go to a worker process."""
    if not isinstance(gold, str) or not isinstance(answer, str) or gold == answer:
        return False
    if backend != "s2r":
        return True
    if policy.symbolic == "never" or max(len(gold), len(answer)) > _SYMBOLIC_LENGTH:
        return False
    if "\\" not in answer and "\\" not in gold:
        return False
    if not (_SYMBOLIC.search(answer) or _SYMBOLIC.search(gold)):
        return False
    return _is_formula(gold) and _is_formula(answer) and available("symbolic")


def _is_formula(text: str) -> bool:
    """Whether a text is one piece of mathematics: closed braces and no prose around it."""
    return text.count("{") == text.count("}") and not _PROSE.search(_COMMAND.sub("", text))


def _differ(gold: str, answer: str, policy: CheckPolicy) -> bool:
    """Whether two different plain numbers certainly differ: no list, tolerance or rounding in question."""
    if policy.relative_tolerance or ("," in gold and "," in answer):
        return False
    if "/" in gold or "e" in gold or "E" in gold:
        return "." not in answer
    places = len(gold) - gold.index(".") - 1 if "." in gold else 0
    return places < policy.rounded_places or not policy.rounded_places


def _decide(gold: str, answer: str, policy: CheckPolicy) -> Outcome:
    literal = compare_literals(gold, answer)
    if literal is not None:
        return literal
    left, right = canonical(gold), canonical(answer)
    if left == right:
        return Outcome(True, "string", "same canonical text")
    if (plain := _plain(left, right, policy)) is not None:
        return plain
    choice = compare_choices(left, right)
    if choice is not None and choice.equal is not None:
        return choice
    if choice is None and (chosen := split_choice(left)) and chosen[1]:
        return _choice_with_text(chosen, right, policy)
    return _read_and_compare(left, right, policy)


def _choice_with_text(gold: tuple[str, str], answer: str, policy: CheckPolicy) -> Outcome:
    """The gold answer is ``B) 25``: the letter, the text or both are right."""
    chosen = split_choice(answer)
    if chosen is not None:
        return Outcome(
            chosen[0] == gold[0], "choice", "same letter" if chosen[0] == gold[0] else "different letters"
        )
    return _read_and_compare(gold[1], answer, policy)


def _read_and_compare(gold: str, answer: str, policy: CheckPolicy) -> Outcome:
    if _WORDS_ONLY.fullmatch(gold) and _WORDS_ONLY.fullmatch(answer) and "infin" not in gold + answer:
        return compare_texts(gold, answer, policy)
    first, second = _tree(gold, policy), _tree(answer, policy)
    if first is None or second is None:
        outcome = compare_texts(gold, answer, policy)
        if outcome.equal or first is None or (stated := value_in_sentence(answer)) is None:
            return outcome
        second = _tree(canonical(stated), policy)
        if second is None:
            return outcome
    outcome = _compare(first, second, policy)
    if outcome.equal:
        return outcome
    for which, text in ((0, gold), (1, answer)):
        if "," in text and (again := _tree(text, policy, grouped=False)) not in (
            None,
            (first, second)[which],
        ):
            other = (
                _compare(again or first, second, policy)
                if which == 0
                else _compare(first, again or second, policy)
            )
            if other.equal:
                return other
    if outcome.equal is None:
        return Outcome(False, outcome.how, outcome.why)
    return outcome


def _compare(first: Node, second: Node, policy: CheckPolicy) -> Outcome:
    try:
        return compare(first, second, policy)
    except (Undefined, OverflowError, ZeroDivisionError, ValueError) as error:
        return Outcome(False, "expression", f"undefined: {error}")
    except RecursionError:
        return Outcome(False, "expression", "nested too deeply")


def _tree(text: str, policy: CheckPolicy, grouped: bool = True) -> Node | None:
    try:
        return read(spaced_number(text) if grouped else text, policy.max_depth, policy.max_items, grouped)
    except (Unreadable, ValueError, ZeroDivisionError, RecursionError):
        return None


def check_response(
    gold: str, text: str, policy: CheckPolicy = DEFAULT_POLICY, fallback: Fallback = "math"
) -> CheckResult:
    """Extract the final answer from ``text`` (see :func:`extract_answer`), then check it."""
    return check(gold, extract_answer(text, fallback=fallback).answer, policy)
