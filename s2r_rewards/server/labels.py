"""What a framework hands over, cleaned up: the golden answer out of a label, the response out of a query."""

from __future__ import annotations

import json
from typing import Any

#: A shorter overlap of a prompt's end with a query's beginning may be chance.
MIN_OVERLAP = 16


class LabelError(ValueError):
    """A label from which no golden answer can be read; the message says what was found and expected."""


def gold_of(label: Any) -> str:
    """The golden answer of a data set's label: text, a number, or an object (or its JSON text) with ``gold``.

    Raises:
        LabelError: nothing of the kind.
    """
    record = _record(label)
    if record is not None:
        label = record.get("gold")
    if isinstance(label, (int, float)) and not isinstance(label, bool):
        return str(label)
    if not isinstance(label, str) or not label.strip():
        found = "an empty text" if isinstance(label, str) else type(label).__name__
        raise LabelError(
            f"label: found {found}; expected the golden answer as text, or an object with `gold`"
        )
    return label


def level_of(label: Any) -> str | None:
    """The difficulty level that a label names beside its golden answer, if it does."""
    record = _record(label) or {}
    level = record.get("level")
    return str(level) if isinstance(level, (int, str)) and str(level).strip() else None


def _record(label: Any) -> dict[str, Any] | None:
    """The object of a label that is one, or the JSON text of one with ``gold``."""
    if not isinstance(label, str):
        return label if isinstance(label, dict) else None
    if not label.lstrip().startswith("{"):
        return None
    try:
        value = json.loads(label)
    except ValueError:
        return None  # a set such as {1, 2}
    return value if isinstance(value, dict) and "gold" in value else None


def response_of(query: str, prompt: str) -> str | None:
    """The response in ``query`` = decode(prompt + response); None where the prompt cannot be found.

    A prompt that was too long is cut at its left before generation, so its longest end that opens the query
    counts too. Decoding may also normalise the prompt's beginning: then its end is searched for.
    """
    if query.startswith(prompt):
        return query[len(prompt) :]
    overlap = _overlap(prompt, query)
    if overlap >= MIN_OVERLAP:
        return query[overlap:]
    tail = prompt[-max(MIN_OVERLAP, min(4 * MIN_OVERLAP, len(prompt) // 2)) :]
    if len(tail) < MIN_OVERLAP:
        return None
    at = query.find(
        tail, max(0, len(prompt) - len(tail) - MIN_OVERLAP)
    )  # not an earlier turn that ends alike
    at = query.find(tail) if at < 0 else at
    return query[at + len(tail) :] if at >= 0 else None


def _overlap(text: str, start: str) -> int:
    """Length of the longest end of ``text`` that ``start`` begins with, in linear time (Knuth–Morris–Pratt)."""
    start = start[: len(text)]
    if not start:
        return 0
    border = [0] * len(start)
    length = 0
    for i in range(1, len(start)):
        while length and start[i] != start[length]:
            length = border[length - 1]
        length += start[i] == start[length]
        border[i] = length
    length = 0
    for character in text:
        while length and (length == len(start) or character != start[length]):
            length = border[length - 1]
        length += character == start[length]
    return length
