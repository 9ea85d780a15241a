"""A response that was generated in several turns: its text from its tokens, and its spans back in the whole sequence."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from s2r_rewards.tokens import decode_with_offsets
from s2r_rewards.trajectory import ActionKind, Span


@dataclass(frozen=True, slots=True)
class TokenTurn:
    """Tokens ``[first, end)`` of a response that are one turn of the model; between turns stand the user's."""

    first: int
    end: int
    asked: ActionKind | None = None
    """What the turn was asked for; None: the first turn, or one that goes on."""


@dataclass(frozen=True, slots=True)
class ReadTurns:
    """The model's turns as texts, and where their tokens stand."""

    turns: tuple[tuple[str, ActionKind | None], ...]
    offsets: np.ndarray
    """int64 [t + 1] of the model's own t tokens, as of :func:`s2r_rewards.tokens.decode_with_offsets`."""
    places: np.ndarray
    """int64 [t]: each token's place in the response."""

    def in_response(self, spans: Sequence[Span]) -> tuple[Span, ...]:
        """Spans over the model's own tokens → spans over the response. The user's tokens between two actions are in
        neither; those inside of one action are masked, so that nothing of theirs is trained."""
        found = []
        for first, end in spans:
            if first < end:
                found.append((int(self.places[first]), int(self.places[end - 1]) + 1))
            else:
                behind = int(self.places[-1]) + 1 if len(self.places) else 0
                at = int(self.places[first]) if first < len(self.places) else behind
                found.append((at, at))
        return tuple(found)


def read_turns(ids: Sequence[int], turns: Sequence[TokenTurn], tokenizer: Any, given: str | None = None) -> ReadTurns:
    """Each turn decoded by itself, so that nothing of the user's is in the text.

    Args:
        ids: the whole response, turns of the user included.
        given: an attempt that stood in the prompt; it becomes the first turn, without tokens.

    Raises:
        ValueError: turns that overlap or lie outside of the response.
    """
    at = 0
    for turn in turns:
        if not at <= turn.first <= turn.end <= len(ids):
            raise ValueError(f"turn [{turn.first}, {turn.end}) of {len(ids)} tokens; expected turns in order, apart")
        at = turn.end
    texts: list[tuple[str, ActionKind | None]] = []
    offsets, places = [np.zeros(1, dtype=np.int64)], [np.zeros(0, dtype=np.int64)]
    length = 0
    if given is not None:
        texts.append((given, None))
        length = len(given)
        offsets[0] += length
    for turn in turns:
        text, own = decode_with_offsets(ids[turn.first : turn.end], tokenizer)
        texts.append((text, turn.asked))
        offsets.append(own[1:] + length)
        places.append(np.arange(turn.first, turn.end, dtype=np.int64))
        length += len(text)
    return ReadTurns(tuple(texts), np.concatenate(offsets), np.concatenate(places))
