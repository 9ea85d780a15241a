r"""Golden answers and levels out of whatever a data set calls a label.

| a label | its golden answer |
|---|---|
| text or number | itself |
| a worked solution | its last ``\boxed{…}``, what follows ``####`` in its last line, or "the answer is …" |
| a list (or its JSON text, of texts) | any of its members is accepted |
| an object (or its JSON text) | what its field ``gold``, ``answer``, ``ground_truth``, … holds |
| the same with ``kind`` "choice", "word" or "literal" | the same, word for word, as a :class:`~s2r_rewards.answers.TypedGold` |
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Sequence
from typing import Any

from .batch import check_many
from .extract import extract_answer
from .gold import KINDS, BatchChecker, Gold, TypedGold, accepted, gold_of_kind
from .policy import AnswerKind

#: Where an object keeps its golden answer; the first that it has counts.
GOLD_FIELDS = ("gold", "answer", "final_answer", "ground_truth", "expected_answer", "target", "solution")
_EXPECTED = "expected the golden answer as text, a list of accepted answers, or an object with `gold`"
#: Text with more words than this, and more than one sentence, is a worked solution and no answer.
_LONGEST_ANSWER = 20
_SHORTEST_SENTENCE = 3
_MARKED = re.compile(r"\\f?box|####|nswer")
_MATHEMATICS = re.compile(r"\$[^$]*\$|\\[A-Za-z]+(?:\{[^{}]*\})*")
_SENTENCE_END = re.compile(r"[.!?:]\s+[A-Z\\$]|\n\s*\S")
_SHOWN = 5
#: Share of a column's golden answers that may be unusable; such rows earn the failing reward, and are counted.
TOLERATED = 0.1


class LabelError(ValueError):
    """A label from which no golden answer can be read; the message says what was found and expected."""


def gold_of(label: Any, kind: AnswerKind = "math") -> Gold:
    """The golden answer of a label of any shape in the table above; a tuple where several are accepted.

    It is a `TypedGold` where the label names a kind that is not mathematics, and then its texts are taken as they are.

    Args:
        kind: what a label that names no kind is, by the policy of a run.

    Raises:
        LabelError: nothing of the kind.
    """
    if isinstance(label, TypedGold):
        return label
    record = _record(label)
    if record is not None:
        if not any(name in record for name in GOLD_FIELDS):
            raise LabelError(f"label: found an object with {sorted(map(str, record))[:8]}; {_EXPECTED}")
        label = next((record[name] for name in GOLD_FIELDS if record.get(name) is not None), None)
        named = record.get("kind") or kind
        if named == "math" != kind and not isinstance(label, dict):  # the row knows better than the run
            return TypedGold(accepted(gold_of(label)), "math")
        kind = named
        if isinstance(label, dict):
            return gold_of(label, kind)
    if kind != "math":
        return _of_kind(label, kind)
    if hasattr(label, "tolist"):  # numpy: what parquet readers make of numbers and lists
        label = label.tolist()
    if isinstance(label, str) and label.lstrip().startswith('["'):
        label = _listed(label)
    if isinstance(label, (list, tuple)) and label:
        return tuple(_text(answer) for answer in label)
    return _text(label)


def _of_kind(label: Any, kind: Any) -> Gold:
    """A choice, a word or a literal: nothing is read into its text."""
    if kind not in KINDS:
        raise LabelError(f"label: found kind {kind!r}; expected one of {', '.join(KINDS)}, or none for mathematics")
    if hasattr(label, "tolist"):
        label = label.tolist()
    several = label if isinstance(label, (list, tuple)) else [label]
    texts = [str(one) if isinstance(one, (bool, int, float)) else one for one in several]
    if not texts or not all(isinstance(one, str) and one.strip() for one in texts):
        raise LabelError(f"label: found {label!r} as a {kind}; expected its text, or a list of accepted texts")
    return gold_of_kind(texts[0] if len(texts) == 1 else texts, kind)


def _text(label: Any) -> str:
    """One answer."""
    if hasattr(label, "tolist"):
        label = label.tolist()
    if isinstance(label, (int, float)) and not isinstance(label, bool):
        if not math.isfinite(label):
            raise LabelError(f"label: found {label!r}; expected the golden answer as a finite number or as text")
        return str(label)
    if not isinstance(label, str) or not label.strip():
        found = "an empty text" if isinstance(label, str) else type(label).__name__
        raise LabelError(f"label: found {found}; {_EXPECTED}")
    return _answer_in(label)


def _answer_in(text: str) -> str:
    """The answer that a worked solution marks; other text as it is."""
    long = _is_prose(text)
    if _MARKED.search(text):
        found = extract_answer(text)
        several = found.distinct > 1 and not long  # "\boxed{1} and \boxed{2}" is one answer with two parts
        if found.answer and found.how in ("boxed", "tag", "hashes", "phrase") and not several:
            return found.answer
    if long:
        shown = " ".join(text.split())
        raise LabelError(
            f"label: found a whole solution that marks no answer ({shown[:40]}…); expected the answer alone, or one in "
            "\\boxed{…}, behind #### or behind 'the answer is'"
        )
    return text


def _is_prose(text: str) -> bool:
    """Whether a text reasons (sentences about numbers) rather than answers; a quoted text or a literal is an answer."""
    text = text.strip()
    if text[:1] in "'\"[({" or " " not in text:
        return False
    words = len(re.findall(r"[A-Za-z]{2,}", _MATHEMATICS.sub(" ", text[:4000])))
    if words > _LONGEST_ANSWER:
        return bool(_SENTENCE_END.search(text))
    return words >= _SHORTEST_SENTENCE and text.endswith(".") and bool(re.search(r"[\d$\\]", text))


def level_of(label: Any) -> str | None:
    """The difficulty level that a label names beside its golden answer, if it does."""
    record = _record(label) or {}
    level = record.get("level")
    return str(level) if isinstance(level, (int, str)) and str(level).strip() else None


def attempt_of(label: Any) -> str | None:
    """The attempt that a label brings along to be verified, if it does (a verification prompt of a mixed batch)."""
    attempt = (_record(label) or {}).get("attempt")
    return attempt if isinstance(attempt, str) and attempt.strip() else None


def _record(label: Any) -> dict[str, Any] | None:
    """The object of a label that is one, or the JSON text of one with a golden answer."""
    if not isinstance(label, str):
        return label if isinstance(label, dict) else None
    if not label.lstrip().startswith("{"):
        return None
    value = _json(label)  # None: a set such as {1, 2}
    return value if isinstance(value, dict) and any(name in value for name in GOLD_FIELDS) else None


def _listed(label: str) -> Any:
    """The texts of a JSON list of texts; anything else as it is."""
    value = _json(label)
    return value if isinstance(value, list) and all(isinstance(one, str) for one in value) else label


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def ungradable(
    labels: Iterable[Any], checker: BatchChecker | None = None, kind: AnswerKind = "math"
) -> list[tuple[int, str]]:
    """(row from 1, why) for every label that no response could ever satisfy: unreadable, or not even equal to itself.

    Args:
        checker: the batch checker of the run; default the library's.
        kind: what its policy takes labels for that name no kind.
    """
    bad: dict[int, str] = {}
    pairs: list[tuple[Gold, str]] = []
    rows: list[int] = []
    for row, label in enumerate(labels, 1):
        try:
            gold = gold_of(label, kind)
        except LabelError as error:
            bad[row] = str(error)
            continue
        for one in accepted(gold):
            pairs.append((gold, one))
            rows.append(row)
    results = (checker or check_many)(pairs)
    right = {row for row, result in zip(rows, results, strict=True) if result}
    for row, (gold, _), result in zip(rows, pairs, results, strict=True):
        if row not in right:
            bad[row] = f"label: {gold!r} is {result.verdict} as an answer to itself ({result.reason or result.tier})"
    return sorted(bad.items())


def told(bad: Sequence[tuple[int, str]], rows: int, where: str) -> str:
    """One line that names a column's rows without a usable golden answer."""
    numbers = ", ".join(str(row) for row, _ in bad[:_SHOWN]) + (", …" if len(bad) > _SHOWN else "")
    return (
        f"{where}: {len(bad)} of {rows} golden answers cannot be graded (rows {numbers}); row {bad[0][0]}: {bad[0][1]}"
    )
