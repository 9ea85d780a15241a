"""What travels through verl beside a sample: the record of a scored response, and where its actions stand.

verl carries ``reward_extra_info`` from the reward worker to the agent loop and to the trainer; lists of unequal length
raise there and equal ones are averaged, a text passes untouched. Spans and advantages travel as one number per action;
the tokens' values are made of them where the loss is computed, never on the driver.
"""

from __future__ import annotations

import gc
import json
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor

from s2r_rewards.adapter import TokenTurn
from s2r_rewards.scored import ScoredRollout
from s2r_rewards.tensors import spread
from s2r_rewards.trajectory import Span

FIELD = "s2r_scored"
SPANS = "s2r_spans"
"""Per sample [2A] int32: first token and end of each of its A actions, in turn."""
ADVANTAGES = "s2r_advantages"
"""Per sample [≤ A] float32: an advantage for each of its actions (the end token's may be missing)."""
TURNS = "s2r_turns"
"""In a conversation's ``extra_fields``, as JSON text: where the model's turns stand, what each was asked for, and the
attempt that stood in the prompt, if any."""
ACTION_IDS = "s2r_action_ids"
"""[T] long per sample: 1 + the index of the token's action, 0 for none. Made where the loss is computed."""


def turns_info(turns: Sequence[TokenTurn], given: str | None) -> dict[str, Any]:
    """What :data:`TURNS` holds."""
    return {"turns": [[turn.first, turn.end, turn.asked] for turn in turns], "given": given}


def turns_of(extra_fields: Any) -> tuple[list[TokenTurn] | None, str | None]:
    """(turns, given attempt) of an output's ``extra_fields``; (None, None) of a response in one turn."""
    text = extra_fields.get(TURNS) if isinstance(extra_fields, Mapping) else None
    if not text:
        return None, None
    info = json.loads(text)
    return [TokenTurn(*turn) for turn in info["turns"]], info["given"]


def reward_info(scored: ScoredRollout) -> dict[str, float | str]:
    """What verl keeps beside a reward; ``acc`` is its headline in validation."""
    return {"acc": float(scored.outcome > 0), FIELD: scored.wire()}


def record_of(extra_fields: Any) -> ScoredRollout | None:
    """The record in a sample's ``extra_fields``, None where no reward of ours was computed."""
    info = extra_fields.get("reward_extra_info") if isinstance(extra_fields, Mapping) else None
    text = (info or {}).get(FIELD)
    return ScoredRollout.loads(text) if text else None


_rest = threading.Lock()
_resting, _searching = 0, True


@contextmanager
def at_rest() -> Iterator[None]:
    """The search for cycles waits: records are trees, those of a batch hundreds of thousands of objects, and looking
    through them takes as long as reading them. As a decorator, until the function and its records are gone."""
    global _resting, _searching
    with _rest:  # threads may rest at once: the first one notes what was, the last one puts it back
        if not _resting:
            _searching = gc.isenabled()
            gc.disable()
        _resting += 1
    try:
        yield
    finally:
        with _rest:
            _resting -= 1
            if not _resting and _searching:
                gc.enable()


@at_rest()
def read_records(extra_fields: Iterable[Any]) -> list[ScoredRollout | None]:
    """The records of a batch."""
    return [record_of(fields) for fields in extra_fields]


def pack(spans: Sequence[Span]) -> Tensor:
    """Spans as verl's store takes them: one tensor, never empty."""
    return torch.tensor([place for span in spans for place in span] or [0, 0], dtype=torch.int32)


def unpack(packed: Tensor) -> list[Span]:
    """The spans again."""
    places = packed.tolist()
    return list(zip(places[::2], places[1::2], strict=True))


def jagged(rows: Sequence[Sequence[float]]) -> Tensor:
    """[B, j] nested float32, one row a sample; an empty row becomes one 0, since verl's store keeps no empty ones."""
    full = [row or (0.0,) for row in rows]
    offsets = torch.tensor([0, *(len(row) for row in full)]).cumsum(0)
    return torch.nested.nested_tensor_from_jagged(torch.tensor([v for row in full for v in row]), offsets)


def rows_of(data: Any, name: str) -> list[list[Any]] | None:
    """A nested field as lists, None where no sample has it."""
    return [row.tolist() for row in data[name].unbind()] if name in data else None


def spans_of(data: Any, lengths: Sequence[int]) -> list[list[Span]]:
    """The spans of a batch's actions; samples of a foreign agent loop are one action each."""
    if SPANS not in data:
        return [[(0, length)] for length in lengths]
    return [unpack(row) for row in data[SPANS].unbind()]


def action_ids(spans: Sequence[Sequence[Span]], mask: Tensor) -> Tensor:
    """[B, T] long: 1 + the index of each token's action, 0 for none and outside of ``mask`` [B, T]."""
    ids = spread([range(1, len(row) + 1) for row in spans], spans, mask.shape[1], dtype=torch.long)
    return ids.to(mask.device) * mask.long()
