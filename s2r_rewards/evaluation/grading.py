"""Graders of the benchmarks' answers: mathematics by V_golden, and three plain ones for the cross-domain sets.

Every grader takes (gold, answer) and returns a typed CheckResult; none runs model output.
"""

import ast
import re
from collections.abc import Sequence

from s2r_rewards.answers import CheckResult, check_many
from s2r_rewards.judging import BatchChecker

MAX_LITERAL = 10_000
MAX_BRACKETS = 60
_SAME_WORD = {"unknown": "uncertain", "undetermined": "uncertain"}
_YES_NO = {"true": "yes", "false": "no"}


def grade_word(gold: str, answer: str) -> CheckResult:
    """True/False/Uncertain and Yes/No, in any case and wrapping; the words of the gold's own scale."""
    ours, theirs = _word(gold), _word(answer)
    if ours in ("yes", "no"):
        theirs = _YES_NO.get(theirs, theirs)
    elif ours in ("true", "false", "uncertain"):
        back = {v: k for k, v in _YES_NO.items()}
        theirs = back.get(theirs, _SAME_WORD.get(theirs, theirs))
    return _result(ours == theirs, "word", f"{theirs!r} against {ours!r}")


def grade_choice(gold: str, answer: str) -> CheckResult:
    """A letter, alone or before the text of its option: ``C``, ``(C)``, ``C. 12 m``."""
    text = _unwrapped(answer)
    match = re.match(r"\(?([A-Za-z])(?:\)|[.:]|$)", text)
    if match is None:
        return CheckResult("malformed", "choice", "no letter of an option")
    letter = match.group(1).upper()
    return _result(letter == gold.strip().upper(), "choice", f"{letter} against {gold.strip().upper()}")


def grade_literal(gold: str, answer: str) -> CheckResult:
    """Equal Python literals of the same type; parsed, never evaluated."""
    expected, found = _literal(gold), _literal(answer)
    if expected is None:
        return CheckResult("ungradable", "literal", "the golden answer is no Python literal")
    if found is None:
        return CheckResult("malformed", "literal", "the answer is no Python literal")
    same = type(expected[0]) is type(found[0]) and expected[0] == found[0]
    return _result(same, "literal", "equal values" if same else "different values")


_GRADERS = {"word": grade_word, "choice": grade_choice, "literal": grade_literal}
KINDS = ("math", *_GRADERS)


def checker_of(kind: str, workers: int = 1) -> BatchChecker:
    """The batch checker for one kind of answers."""
    if kind == "math":
        return lambda pairs: check_many(pairs, workers=workers)
    if kind not in _GRADERS:
        raise ValueError(f"kind of answers is {kind!r}; expected one of {KINDS}")
    grade = _GRADERS[kind]

    def check_all(pairs: Sequence[tuple[str, str]]) -> list[CheckResult]:
        return [grade(gold, answer) for gold, answer in pairs]

    return check_all


def _result(same: bool, tier: str, reason: str) -> CheckResult:
    return CheckResult("correct" if same else "incorrect", tier, reason[:200])


def _unwrapped(text: str) -> str:
    text = re.sub(r"\\(?:text|mathrm|textbf|mathbf|texttt)\s{0,4}\{([^{}]{0,2000})\}", r"\1", text.strip())
    return text.strip().strip("$`*").strip()


def _word(text: str) -> str:
    return _unwrapped(text).strip(" .!\"'").lower()


def _literal(text: str) -> tuple[object] | None:
    """(value,) of a literal, or None. Bounds come first: the parser's stack must not see hostile nesting."""
    text = text.strip().strip("`").strip()
    if len(text) > MAX_LITERAL or sum(text.count(c) for c in "([{-+~") > MAX_BRACKETS:
        return None
    try:
        return (ast.literal_eval(text),)
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return None
