"""Character spans → token spans, from the token ids that were generated, in linear time.

Text is never re-encoded: offsets come from decoding the ids one after the other.  ``offsets[t]`` is the
number of characters that are complete before token t.  An action begins with the token that carries the first
byte of its first character: where a token straddles a boundary (``" Wait"``), it belongs to the action that it
opens, since emitting it is the decision to begin that action.
"""

from __future__ import annotations

import codecs
import struct
from array import array
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from s2r_rewards.tokens.table import token_table
from s2r_rewards.trajectory import Span

_EXPECTED = (
    "; expected a transformers tokenizer or a tokenizers.Tokenizer, whose decode(ids, skip_special_tokens=…) gives text. "
    "Wrap yours in a class with such a method, or load the model's own with transformers.AutoTokenizer"
)


class UnsupportedTokenizer(TypeError):
    """What was given as a tokenizer cannot decode token ids; the message names what was found and the way out."""


def decode_with_offsets(
    token_ids: Sequence[int], tokenizer: Any, skip_special_tokens: bool = False
) -> tuple[str, np.ndarray]:
    """The text of the ids, and where each token begins in it.

    Args:
        token_ids: T ids, without the prompt; a list, a numpy array or a 1-D tensor.
        tokenizer: a transformers tokenizer or a ``tokenizers.Tokenizer``. Byte-level BPE and
            sentencepiece-style ones are decoded byte-exactly, any other through its own ``decode``.
        skip_special_tokens: give special tokens no characters, as ``decode(skip_special_tokens=True)`` does.

    Returns:
        (text, offsets): ``offsets`` is int64 [T + 1]; token t covers ``text[offsets[t]:offsets[t + 1]]``.

    Raises:
        UnsupportedTokenizer: it has no ``decode`` of token ids in the sense of transformers.
    """
    table = token_table(tokenizer, skip_special_tokens)
    if table is None:
        if not callable(getattr(tokenizer, "decode", None)):
            raise UnsupportedTokenizer(f"found {type(tokenizer).__name__} without a method `decode`{_EXPECTED}")
        return _decode_in_windows(_listed(token_ids), tokenizer, skip_special_tokens)
    ids = _array(token_ids)
    raw, bounds = table.join(ids)
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        runs = [i in table.byte_ids for i in ids.tolist()] if table.byte_ids else None
        text, counts = _decode_bytes([raw[a:b] for a, b in pairwise(bounds.tolist())], runs)
        offsets = _offsets(np.asarray(counts, dtype=np.int64))
    else:
        offsets = bounds if len(text) == len(raw) else _in_characters(raw, bounds, table.lengths(ids))
    if table.strips_first_space and text.startswith(" "):
        text = text[1:]
        np.maximum(offsets - 1, 0, out=offsets)
    return text, offsets


def spans_from_offsets(offsets: np.ndarray, char_spans: Sequence[Span]) -> tuple[Span, ...]:
    """Token spans [first, end) of character spans, given :func:`decode_with_offsets`'s offsets [T + 1].

    Spans that tile the text give spans that tile the tokens.  An action that has no token of its own (another
    action's token swallowed it) gets an empty span.
    """
    if not char_spans:
        return ()
    total, length = len(offsets) - 1, int(offsets[-1])
    bounds = np.array([at for span in char_spans for at in span], dtype=np.int64)
    carries = offsets[1:].searchsorted(bounds, side="right")  # the token that completes the character
    begins = offsets[:-1].searchsorted(bounds, side="left")  # the first of several tokens that make it up
    found = np.minimum(carries, begins).tolist()
    # A zero-width last span (an `end` that is not in the text) owns the trailing tokens without characters;
    # any other span that reaches the end of the text does so in tokens, too.
    ends = [total if span[1] >= length else end for span, end in zip(char_spans, found[1::2], strict=True)]
    if len(ends) > 1 and char_spans[-1][0] == char_spans[-1][1] >= length:
        ends[-2] = found[-2]
    return tuple(zip(found[::2], ends, strict=True))


def token_spans(
    token_ids: Sequence[int], tokenizer: Any, char_spans: Sequence[Span], skip_special_tokens: bool = False
) -> tuple[Span, ...]:
    """Token spans [first, end) of character spans into the decoded text.

    Args:
        token_ids: T generated ids, without the prompt.
        tokenizer: the tokenizer that decodes them.
        char_spans: [start, end) into ``decode_with_offsets(token_ids, tokenizer)[0]``, e.g.
            ``[(a.start, a.end) for a in trajectory.actions]``.

    Returns:
        One [first, end) per character span; they tile ``range(T)`` if the character spans tile the text.
    """
    _, offsets = decode_with_offsets(token_ids, tokenizer, skip_special_tokens)
    return spans_from_offsets(offsets, char_spans)


def _offsets(lengths: np.ndarray) -> np.ndarray:
    """Characters of each token [T] → characters before each and after the last, [T + 1]."""
    offsets = np.zeros(len(lengths) + 1, dtype=np.int64)
    np.cumsum(lengths, out=offsets[1:])
    return offsets


def _in_characters(raw: bytes, bounds: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """Byte offsets into valid UTF-8 [T + 1] → the number of characters that are complete before each."""
    if int(lengths.min()) >= 0:
        return _offsets(lengths)
    # A character straddles tokens. Before byte n, as many are complete as began there, less the one that n is inside of.
    inside = np.zeros(len(raw) + 1, dtype=bool)
    np.less(np.frombuffer(raw, dtype=np.int8), -64, out=inside[:-1])  # bytes 0b10xxxxxx
    before = np.zeros(len(raw) + 1, dtype=np.int64)
    np.cumsum(inside[:-1], out=before[1:])
    found: np.ndarray = bounds - before[bounds] - inside[bounds]
    return found


def _listed(token_ids: Sequence[int]) -> list[int]:
    return token_ids.tolist() if hasattr(token_ids, "tolist") else list(token_ids)


def _array(token_ids: Sequence[int]) -> np.ndarray:
    """Ids as int64 [T]; ``struct`` reads a list twice as fast as numpy does."""
    if hasattr(token_ids, "tolist"):
        return np.asarray(token_ids, dtype=np.int64)
    try:
        return np.frombuffer(struct.pack(f"{len(token_ids)}q", *token_ids), dtype=np.int64)
    except struct.error:  # says what is wrong in its own words
        return np.frombuffer(array("q", token_ids), dtype=np.int64)


def _decode_bytes(pieces: Sequence[bytes], byte_ids: Sequence[bool] | None = None) -> tuple[str, list[int]]:
    """Decodes byte pieces one by one; invalid bytes become U+FFFD, as tokenizers do it.

    ``byte_ids``: which pieces are bytes by their number. A run of those that is no valid UTF-8 as a whole becomes one
    U+FFFD a byte, whatever characters are in it. (Pieces without bytes, as skipped special tokens, end no run.)
    """
    if byte_ids is not None:
        return _decode_runs(pieces, byte_ids)
    decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
    parts = [decoder.decode(piece) for piece in pieces]
    tail = decoder.decode(b"", final=True)
    lengths = [len(part) for part in parts]
    if tail:
        lengths[-1] += len(tail)
    return "".join(parts) + tail, lengths


def _decode_runs(pieces: Sequence[bytes], byte_ids: Sequence[bool]) -> tuple[str, list[int]]:
    parts = [""] * len(pieces)
    run: list[int] = []

    def flush() -> None:
        raw = b"".join(pieces[t] for t in run)
        try:
            raw.decode("utf-8")
        except UnicodeDecodeError:
            for t in run:
                parts[t] = "\ufffd"
        else:
            decoder = codecs.getincrementaldecoder("utf-8")()
            for t in run:
                parts[t] = decoder.decode(pieces[t])
        run.clear()

    for t, (piece, is_byte) in enumerate(zip(pieces, byte_ids, strict=True)):
        if is_byte:
            run.append(t)
        elif piece:
            flush()
            parts[t] = piece.decode("utf-8", errors="replace")
    flush()
    return "".join(parts), [len(part) for part in parts]


def _decode_in_windows(ids: list[int], tokenizer: Any, skip_special_tokens: bool) -> tuple[str, np.ndarray]:
    """Any tokenizer: decode a short window twice, with and without the new token; the difference is its text.

    The window reaches back to the last token that completed a character, so joins that depend on the
    neighbour (spaces between words, ``##`` pieces) come out as in the whole.
    """
    longest = 16  # a window of undecodable tokens is flushed, so that the pass stays linear

    def decode(window: list[int]) -> str:
        try:
            text = tokenizer.decode(window, skip_special_tokens=skip_special_tokens)
        except (TypeError, AttributeError) as error:
            raise UnsupportedTokenizer(f"{type(tokenizer).__name__}.decode failed: {error}{_EXPECTED}") from error
        if not isinstance(text, str):
            found = f"{type(tokenizer).__name__}.decode gave {type(text).__name__}"
            raise UnsupportedTokenizer(f"{found}{_EXPECTED}")
        return text

    parts: list[str] = []
    offsets = np.zeros(len(ids) + 1, dtype=np.int64)
    prefix = read = count = 0
    for t in range(len(ids)):
        before = decode(ids[prefix:read])
        after = decode(ids[prefix : t + 1])
        if len(after) > len(before) and (not after.endswith("\ufffd") or t - prefix >= longest):
            parts.append(after[len(before) :])
            count += len(parts[-1])
            prefix, read = read, t + 1
        elif t - prefix >= longest:
            prefix = read = t + 1
        offsets[t + 1] = count
    if read < len(ids):
        rest = decode(ids[prefix:])[len(decode(ids[prefix:read])) :]
        parts.append(rest)
        offsets[len(ids)] = count + len(rest)
    return "".join(parts), offsets
