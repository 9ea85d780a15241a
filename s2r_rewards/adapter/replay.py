"""Offline RL: stored rollouts, one a row of a trainer's data set, as the token ids and actions of a response."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

from s2r_rewards.rollouts import Rollout
from s2r_rewards.rollouts.records import RecordError, read_records
from s2r_rewards.scored import ScoredAction, ScoredRollout
from s2r_rewards.tokens import token_spans


def read_stored(payload: Any, level: str, path: str = "<row>", line: int = 0, field: str = "label") -> Rollout:
    """The scored rollout in a row (``s2r_rewards.datasets.formats.replay_text``), with advantages of that level.

    Raises:
        RecordError: names what is missing, of the wrong type or not finite.
    """
    try:
        record = json.loads(payload) if isinstance(payload, str) else payload
    except ValueError:
        record = None
    if not isinstance(record, dict):
        problem = "expected the JSON text of a stored rollout, as `s2r data offline --openrlhf` writes it"
        raise RecordError(path, line, field, problem)
    if "actions" in record:
        record = _of_former_release(record)
    try:
        rollout = Rollout.from_record(record)
    except RecordError as error:
        raise RecordError(path, line, f"{field}.{error.field}", error.problem) from None
    scored = rollout.s2r
    if scored is None:
        raise RecordError(path, line, f"{field}.s2r", "found nothing; write the file with `s2r data offline`")
    if level == "outcome":
        needed = [("outcome_advantage", scored.outcome_advantage)]
    else:
        names = ("start", "end", "reward", "advantage")
        needed = [(name, getattr(action, name)) for action in scored.scored for name in names]
    for name, value in needed:
        if not isinstance(value, (int, float)) or not math.isfinite(value):
            raise RecordError(path, line, f"{field}.s2r.{name}", f"found {value!r}; expected a number")
    return rollout


def _of_former_release(record: dict[str, Any]) -> dict[str, Any]:
    """Rows for verl held the actions beside the response, without what V_golden said of them."""
    unknown = {"check": {"verdict": "ungradable", "tier": "stored"}}
    actions = [action | (unknown if action["kind"] == "solve" else {}) for action in record["actions"]]
    return {"prompt": "", "gold": "", **record, "s2r": {**record, "actions": actions}}


def in_tokens(rollout: Rollout, tokenizer: Any, longest: int | None = None) -> tuple[list[int], ScoredRollout]:
    """(the response's T token ids with the end token, the record of its actions in these tokens, ``end`` where one is left for it).

    Args:
        longest: T at most.
    """
    assert rollout.s2r is not None  # read_stored saw to it
    ids = list(tokenizer.encode(rollout.response, add_special_tokens=False))
    if rollout.finished is not False and ids[-1:] != [tokenizer.eos_token_id]:
        ids.append(tokenizer.eos_token_id)
    ids = ids[:longest]
    scored = rollout.s2r.scored
    spans = token_spans(ids, tokenizer, [(a.start, a.end) for a in scored])
    actions = tuple(replace(a, tokens=span) for a, span in zip(scored, spans, strict=True))
    if actions and spans[-1][1] < len(ids):
        where = len(rollout.response)
        actions = (*actions, ScoredAction("end", where, where, tokens=(spans[-1][1], len(ids))))
    return ids, replace(rollout.s2r, actions=actions)


def check_file(path: str | Path, level: str, column: str = "label") -> int:
    """Reads a whole replay data set before a GPU is taken; the number of its rows.

    Raises:
        RecordError: the first bad row, naming file, line and field.
    """
    rows = 0
    for line, record in read_records(path):
        read_stored(record.get(column), level, str(path), line)
        rows += 1
    if not rows:
        raise RecordError(str(path), 0, column, "the file holds no row")
    return rows
