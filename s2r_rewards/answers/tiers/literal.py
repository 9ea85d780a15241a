"""Tier ``literal``: Python values (CRUXEval), compared as values and types; nothing is ever evaluated.

``ast.literal_eval`` builds literals only; length and bracket depth are bounded before it sees the text,
because the parser itself can exhaust the stack. Caveat: inside containers ``1`` and ``1.0`` are equal as in
Python, except where a literal is asked for (``kind="literal"``); ``(1, 2)`` and ``[1, 2]`` differ.
"""

import ast
import warnings
from itertools import accumulate

from ..result import Outcome, judged

_MAX_LENGTH = 5_000
_MAX_DEPTH = 40
_FIRST = frozenset("TFNb'\"[({")


def looks_like_literal(text: str) -> bool:
    """Whether a gold answer is Python rather than mathematics: quoted strings, a dict, True/False/None."""
    text = text.strip()
    if text[:1] not in _FIRST:
        return False
    if text in ("True", "False", "None", "[]", "()", "{}"):
        return True
    return (
        (text[0] in "'\"" and text[-1] == text[0] and len(text) > 1)
        or (
            text[0] in "'\"[({"
            and ("'" in text or '"' in text)
            and "\\" not in text.replace("\\n", "").replace("\\'", "")
        )
        or (text[0] == "{" and ":" in text and "\\" not in text)
        or (text[:2] == "b'" and text[-1] == "'")
    )


def python_value(text: str) -> tuple[object] | None:
    """The value in a one-tuple, or None when the text is not a bounded Python literal."""
    text = text.strip()
    depths = accumulate((character in "([{") - (character in ")]}") for character in text)
    if len(text) > _MAX_LENGTH or max(depths, default=0) > _MAX_DEPTH or text.count("-") + text.count("+") > 500:
        return None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return (ast.literal_eval(text),)
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return None


def same_value(left: object, right: object, typed: bool) -> bool:
    """Equality of nested values; ``True`` is never ``1``, and ``1`` is ``1.0`` only where types do not count."""
    if typed and type(left) is not type(right):
        return False
    if isinstance(left, bool) != isinstance(right, bool) or isinstance(left, str) != isinstance(right, str):
        return False
    if isinstance(left, list | tuple) and type(left) is type(right):
        return len(left) == len(right) and all(
            same_value(one, other, typed) for one, other in zip(left, right, strict=True)
        )
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(same_value(left[key], right[key], typed) for key in left)
    return type(left) in (int, float) and left == right if isinstance(right, int | float) else left == right


def compare_literals(gold: str, answer: str, only: bool = False) -> Outcome | None:
    """Decide when the gold answer is a Python literal; None when it is not.

    ``only``: nothing but a literal is asked for, so a number is one, types count, and quotes may not be missing.
    """
    if only:
        gold, answer = gold.strip().strip("`"), answer.strip().strip("`")
    elif not looks_like_literal(gold):
        return None
    left, right = python_value(gold), python_value(answer)
    if left is None:
        return None
    if right is not None:
        same = same_value(left[0], right[0], only)
        return judged(same, "literal", "same Python value", "different Python values")
    if only:
        return Outcome(None, "literal", "the answer is not a Python literal")
    if isinstance(left[0], str) and left[0] == answer.strip() and len(answer) < _MAX_LENGTH:
        return Outcome(True, "literal", "same string without its quotes")
    if gold.strip() in ("True", "False", "None") or "\\" in answer:
        return None
    return Outcome(False, "literal", "the answer is not a Python literal")
