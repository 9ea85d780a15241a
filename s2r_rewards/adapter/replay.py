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
from s2r_rewards.tokens import decode_with_offsets, end_tokens, ended, token_spans
from s2r_rewards.trajectory import Span


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

    Stored token ids are taken where they read as the response. Else it is tokenised, and its actions are followed
    where the tokenizer changes the text (Unicode normalisation).

    Args:
        longest: T at most.

    Raises:
        RecordError: the tokens read otherwise than the response, and where its actions end in them is not known.
    """
    assert rollout.s2r is not None  # read_stored saw to it
    ids, text = list(rollout.token_ids or ()), rollout.response
    scored = rollout.s2r.scored
    bounds = [(a.start, a.end) for a in scored]
    if not ids or not _reads_as(ids, text, tokenizer):
        ids = _encoded(text, tokenizer)
        if not _reads_as(ids, text, tokenizer):
            bounds = _followed(bounds, text, ids, tokenizer)
    if rollout.finished is not False and not ended(ids, end_tokens(tokenizer)):
        ids.append(tokenizer.eos_token_id)
    ids = ids[:longest]
    spans = token_spans(ids, tokenizer, bounds)
    actions = tuple(replace(a, tokens=span) for a, span in zip(scored, spans, strict=True))
    if actions and spans[-1][1] < len(ids):
        where = len(rollout.response)
        actions = (*actions, ScoredAction("end", where, where, tokens=(spans[-1][1], len(ids))))
    return ids, replace(rollout.s2r, actions=actions)


def _encoded(text: str, tokenizer: Any) -> list[int]:
    return list(tokenizer.encode(text, add_special_tokens=False))


def _reads_as(ids: list[int], text: str, tokenizer: Any) -> bool:
    """Whether the tokens are the text, with at most an end token behind it."""
    found, _ = decode_with_offsets(ids, tokenizer)
    return found == text or (found.startswith(text) and ended(ids, end_tokens(tokenizer)))


def _followed(bounds: list[Span], text: str, ids: list[int], tokenizer: Any) -> list[Span]:
    """The places in what the tokens read that belong to places in the text: as far as the text before them reads."""
    found, _ = decode_with_offsets(ids, tokenizer)
    places: dict[int, int] = {}
    for place in sorted({place for span in bounds for place in span}):
        before, _ = decode_with_offsets(_encoded(text[:place], tokenizer), tokenizer)
        if not found.startswith(before):
            raise RecordError(
                "<row>", 0, "response",
                f"tokenised again it reads otherwise around character {place} ({text[max(0, place - 20) : place]!r} and "
                f"{found[max(0, len(before) - 20) : len(before)]!r}); store its token_ids, or train with the tokenizer that wrote it",
            )  # fmt: skip
        places[place] = len(before)
    return [(places[first], places[end]) for first, end in bounds]


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
