"""Golden answers and levels out of whatever a data set calls a label."""

from __future__ import annotations

import json
from typing import Any

from s2r_rewards.judging import Gold


class LabelError(ValueError):
    """A label from which no golden answer can be read; the message says what was found and expected."""


def gold_of(label: Any) -> Gold:
    """The golden answer of a label: text, a number, several accepted ones, or an object (or its JSON text) with ``gold``.

    Raises:
        LabelError: nothing of the kind.
    """
    record = _record(label)
    if record is not None:
        label = record.get("gold")
    if hasattr(label, "tolist"):  # numpy: what parquet readers make of numbers and lists
        label = label.tolist()
    if isinstance(label, (list, tuple)) and label:
        return tuple(_text(answer) for answer in label)
    return _text(label)


def _text(label: Any) -> str:
    if isinstance(label, (int, float)) and not isinstance(label, bool):
        return str(label)
    if not isinstance(label, str) or not label.strip():
        found = "an empty text" if isinstance(label, str) else type(label).__name__
        raise LabelError(
            f"label: found {found}; expected the golden answer as text, a list of accepted answers, or an object "
            "with `gold`"
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
