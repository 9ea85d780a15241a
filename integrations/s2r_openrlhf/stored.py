"""Stored rollouts as labels of a prompt data set (``s2r_rewards.datasets.formats.openrlhf_replay``)."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

from s2r_rewards.records import RecordError, read_records
from s2r_rewards.rollouts import Rollout
from s2r_rewards.scored import ScoredRollout


def read_stored(
    label: Any, path: str = "<label>", line: int = 0, level: str = "process"
) -> tuple[Rollout, ScoredRollout]:
    """The stored rollout out of a row's label, and its record with the advantages of that level.

    Raises:
        RecordError: names what is missing, of the wrong type or not finite.
    """
    try:
        record = json.loads(label) if isinstance(label, str) else label
    except ValueError:
        record = None
    if not isinstance(record, dict):
        problem = "expected the JSON text of a stored rollout, as `s2r data offline --openrlhf` writes it"
        raise RecordError(path, line, "label", problem)
    try:
        rollout = Rollout.from_record(record)
    except RecordError as error:
        raise RecordError(path, line, f"label.{error.field}", error.problem) from None
    scored = rollout.s2r
    if scored is None:
        raise RecordError(path, line, "label.s2r", "found nothing; write the file with `s2r data offline`")
    if level == "outcome":
        needed = [("outcome_advantage", scored.outcome_advantage)]
    else:
        names = ("start", "end", "reward", "advantage")
        needed = [(name, getattr(action, name)) for action in scored.scored for name in names]
    for name, value in needed:
        if not isinstance(value, (int, float)) or not math.isfinite(value):
            raise RecordError(path, line, f"label.s2r.{name}", f"found {value!r}; expected a number")
    return rollout, scored


def check_file(path: str | Path, level: str, label_key: str = "label") -> int:
    """Reads a whole replay data set before a GPU is taken; the number of its rows.

    Raises:
        RecordError: the first bad row, naming file, line and field.
    """
    rows = 0
    for line, record in read_records(path):
        read_stored(record.get(label_key), str(path), line, level)
        rows += 1
    if not rows:
        raise RecordError(str(path), 0, label_key, "the file holds no row")
    return rows
