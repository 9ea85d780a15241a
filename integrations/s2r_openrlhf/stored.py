"""Stored rollouts as labels of a prompt data set (``s2r_rewards.datasets.formats.openrlhf_replay``)."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from s2r_rewards.records import RecordError, read_records

_FIELDS: dict[str, Any] = {
    "response": str,
    "gold": (str, list),
    "finished": bool,
    "outcome": (int, float),
    "actions": list,
}
_ACTION_NUMBERS = ("start", "end", "reward", "advantage")


def read_payload(label: Any, path: str = "<label>", line: int = 0, level: str = "process") -> dict[str, Any]:
    """The stored rollout out of a row's label.

    Raises:
        RecordError: names what is missing, of the wrong type or not finite.
    """
    try:
        payload = json.loads(label) if isinstance(label, str) else label
    except ValueError:
        payload = None
    if not isinstance(payload, dict):
        problem = "expected the JSON text of a stored rollout, as `s2r data offline --openrlhf` writes it"
        raise RecordError(path, line, "label", problem)
    for name, kind in _FIELDS.items():
        if not isinstance(payload.get(name), kind):
            raise RecordError(path, line, f"label.{name}", f"found {type(payload.get(name)).__name__}")
    for name, value in _numbers(payload, level):
        if not isinstance(value, (int, float)) or not math.isfinite(value):
            raise RecordError(path, line, f"label.{name}", f"found {value!r}; expected a number")
    return payload


def _numbers(payload: Mapping[str, Any], level: str) -> Iterator[tuple[str, Any]]:
    """(field, value) of every number that replaying at this level needs."""
    if level == "outcome":
        yield "outcome_advantage", payload.get("outcome_advantage")
        return
    for action in payload["actions"]:
        for key in _ACTION_NUMBERS:
            yield key, action.get(key) if isinstance(action, dict) else None


def check_file(path: str | Path, level: str, label_key: str = "label") -> int:
    """Reads a whole replay data set before a GPU is taken; the number of its rows.

    Raises:
        RecordError: the first bad row, naming file, line and field.
    """
    rows = 0
    for line, record in read_records(path):
        read_payload(record.get(label_key), str(path), line, level)
        rows += 1
    if not rows:
        raise RecordError(str(path), 0, label_key, "the file holds no row")
    return rows
