"""The bytes that each token of a tokenizer stands for, learned token by token as they are met."""

from __future__ import annotations

import json
import re
import threading
import weakref
from collections.abc import Callable
from typing import Any

import numpy as np

UNKNOWN = 1 << 36
"""In place of the size of a token that was never met: more bytes than any text has."""
LARGEST = 1 << 24
WORD = 16
"""Bytes that are copied at once; few tokens have more."""
_WORDS = np.dtype((np.void, WORD))
_BYTE_PIECE = re.compile(r"<0x([0-9A-Fa-f]{2})>\Z")


class TokenTable:
    """The bytes of tokens in one pool, with an index of numpy arrays by token id; learned as they are met.

    Args:
        to_bytes: id → its bytes.
        strips_first_space: the tokenizer's decoder takes the first space of a text away.
    """

    def __init__(self, to_bytes: Callable[[int], bytes], strips_first_space: bool = False) -> None:
        self._to_bytes = to_bytes
        self._lock = threading.Lock()  # reward workers are threads
        self.strips_first_space = strips_first_space
        self._starts = np.zeros(0, dtype=np.int64)
        self._sizes = np.zeros(0, dtype=np.int64)
        self._lengths = np.zeros(0, dtype=np.int64)
        self._heads = np.zeros(0, dtype=_WORDS)  # the first word of each token
        self._pool = np.zeros(1 << 12, dtype=np.uint8)
        self._used = 0
        # Ids met so far that stand for a byte by its number, as <0xE2>: the decoder reads runs of them together.
        self.byte_ids: set[int] = set()

    def join(self, ids: np.ndarray) -> tuple[bytes, np.ndarray]:
        """Of token ids, int64 [T]: their bytes, and where each begins among them, int64 [T + 1].

        Whole words are copied, one a token and in order: what a word holds beyond its token's end is overwritten by the
        next token's. A token of several words has its last ones copied before all others' first ones.
        """
        bounds = np.zeros(len(ids) + 1, dtype=np.int64)
        if not ids.size:
            return b"", bounds
        if np.maximum.reduce(ids.view(np.uint64)) >= len(self._sizes):  # a negative id is a very large one here
            self._learn(ids)
        sizes = self._sizes.take(ids)
        longest = int(np.maximum.reduce(sizes))
        if longest >= UNKNOWN:
            self._learn(ids)
            sizes = self._sizes.take(ids)
            longest = int(np.maximum.reduce(sizes))
        np.add.accumulate(sizes, out=bounds[1:])
        total = int(bounds[-1])
        joined = np.empty(total + WORD, dtype=np.uint8)
        words = _words(joined)
        if longest > WORD:
            pool, starts = _words(self._pool), self._starts.take(ids)
            for skipped in range((longest - 1) // WORD * WORD, 0, -WORD):
                long = np.flatnonzero(sizes > skipped)
                words[bounds[long] + skipped] = pool[starts[long] + skipped]
        words[bounds[:-1]] = self._heads.take(ids)
        return joined[:total].tobytes(), bounds

    def lengths(self, ids: np.ndarray) -> np.ndarray:
        """Characters of each token that was joined before, int64 [T]; −1 where its bytes are no whole characters."""
        found: np.ndarray = self._lengths.take(ids)
        return found

    def __getitem__(self, token_id: int) -> tuple[bytes, int]:
        """The bytes of one token, and its characters (−1 where the bytes are no whole characters)."""
        ids = np.array([token_id], dtype=np.int64)
        return self.join(ids)[0], int(self.lengths(ids)[0])

    def _learn(self, ids: np.ndarray) -> None:
        if int(ids.min()) < 0 or int(ids.max()) >= LARGEST:
            at = int(np.flatnonzero((ids < 0) | (ids >= LARGEST))[0])
            raise ValueError(
                f"token {at} has the id {ids[at]}; expected the ids that were generated, without padding, "
                f"0 ≤ id < {LARGEST:,}"
            )
        with self._lock:
            size = int(ids.max()) + 1
            if size > len(self._sizes):
                self._starts, self._lengths = _grown(self._starts, size), _grown(self._lengths, size)
                self._heads, self._sizes = _grown(self._heads, size), _grown(self._sizes, size, UNKNOWN)
            for token_id in np.unique(ids[self._sizes[ids] == UNKNOWN]).tolist():
                piece = self._to_bytes(token_id)
                end = self._used + len(piece)
                if end + WORD > len(self._pool):
                    self._pool = _grown(self._pool, 2 * (end + WORD))
                self._pool[self._used : end] = np.frombuffer(piece, dtype=np.uint8)
                self._starts[token_id], self._lengths[token_id] = self._used, _characters(piece)
                self._heads[token_id] = self._pool[self._used : self._used + WORD].tobytes()
                self._used = end
                # Last: whoever sees the size in another thread finds all the rest in its place.
                self._sizes[token_id] = len(piece)


def _words(pool: np.ndarray) -> np.ndarray:
    """Of bytes [N], the word that begins at each of them, [N − WORD + 1]; a view."""
    found: np.ndarray = np.ndarray((len(pool) - WORD + 1,), _WORDS, pool, 0, (1,))
    return found


def _grown(array: np.ndarray, size: int, empty: int = 0) -> np.ndarray:
    """A copy with room for ``size`` entries."""
    longer = np.zeros(max(size, len(array)), dtype=array.dtype)
    if empty:
        longer[:] = empty
    longer[: len(array)] = array
    return longer


def _characters(piece: bytes) -> int:
    try:
        return len(piece.decode("utf-8"))
    except UnicodeDecodeError:
        return -1


_tables: weakref.WeakKeyDictionary[Any, dict[bool, TokenTable | None]] = weakref.WeakKeyDictionary()


def token_table(tokenizer: Any, skip_special_tokens: bool = False) -> TokenTable | None:
    """The tokenizer's table (kept as long as the tokenizer lives); None if its bytes cannot be known."""
    try:
        kept = _tables.setdefault(tokenizer, {})
    except TypeError:  # a bare tokenizers.Tokenizer cannot be weakly referenced
        return _build(tokenizer, skip_special_tokens)
    if skip_special_tokens not in kept:
        kept[skip_special_tokens] = _build(tokenizer, skip_special_tokens)
    return kept[skip_special_tokens]


def _build(tokenizer: Any, skip_special_tokens: bool) -> TokenTable | None:
    backend = getattr(tokenizer, "backend_tokenizer", tokenizer)
    decoder = getattr(backend, "decoder", None)
    to_token = getattr(backend, "id_to_token", None) or getattr(tokenizer, "convert_ids_to_tokens", None)
    if to_token is None:
        return None
    try:
        steps = _decoder_steps(decoder)
    except Exception:  # a decoder written in Python cannot describe itself: it is asked to decode instead
        return None
    kinds = [step["type"] for step in steps]
    strips = False
    if kinds == ["ByteLevel"] or hasattr(tokenizer, "byte_decoder"):
        convert = _byte_level
    elif set(kinds) <= {"Replace", "ByteFallback", "Fuse", "Strip", "Metaspace"} and (
        "ByteFallback" in kinds or "Metaspace" in kinds
    ):
        if not all(map(_usual, steps)):
            return None
        convert = _sentencepiece
        strips = any(_strips_left(step) for step in steps)
    elif kinds == ["Fuse"]:
        convert = _literal
    else:
        return None
    to_token = _weakly(to_token, tokenizer)
    special = _added_tokens(tokenizer, backend)
    fallback = "ByteFallback" in kinds

    def to_bytes(token_id: int) -> bytes:
        if token_id in special:
            content, is_special = special[token_id]
            return b"" if is_special and skip_special_tokens else content.encode("utf-8")
        token = to_token(token_id)
        if token is None:  # ids beyond the vocabulary (padded heads) say nothing
            return b""
        byte = _BYTE_PIECE.match(token) if fallback else None
        if byte is None:
            return convert(token)
        table.byte_ids.add(token_id)
        return bytes([int(byte[1], 16)])

    table = TokenTable(to_bytes, strips)
    return table


def _weakly(method: Callable[[int], Any], owner: Any) -> Callable[[int], Any]:
    """The method without a hold on its owner: a table must not keep the (slow) tokenizer alive that it belongs to."""
    if getattr(method, "__self__", None) is not owner:
        return method
    try:
        weak = weakref.WeakMethod(method)
    except TypeError:
        return method

    def call(token_id: int) -> Any:
        found = weak()
        assert found is not None, "a token table outlived its tokenizer"
        return found(token_id)

    return call


def _decoder_steps(decoder: Any) -> list[dict[str, Any]]:
    """The decoder's own description of itself, flattened: [{"type": "ByteLevel", …}, …]."""
    if decoder is None:
        return []
    state = json.loads(decoder.__getstate__())
    steps: list[dict[str, Any]] = state["decoders"] if state.get("type") == "Sequence" else [state]
    return steps


def _usual(step: dict[str, Any]) -> bool:
    """Whether a sentencepiece-style step does what its kind usually does."""
    if step["type"] == "Replace":
        return step.get("pattern") == {"String": "▁"} and step.get("content") == " "
    if step["type"] == "Strip":
        return step.get("content", " ") == " " and step.get("start", 0) <= 1 and not step.get("stop")
    return bool(step["type"] != "Metaspace" or step.get("replacement", "▁") == "▁")


def _strips_left(step: dict[str, Any]) -> bool:
    if step["type"] == "Strip":
        return bool(step.get("content", " ") == " " and step.get("start", 0) > 0)
    return bool(step["type"] == "Metaspace" and step.get("prepend_scheme") != "never")


def _added_tokens(tokenizer: Any, backend: Any) -> dict[int, tuple[str, bool]]:
    added = getattr(tokenizer, "added_tokens_decoder", None)
    if added is None:
        added = backend.get_added_tokens_decoder() if hasattr(backend, "get_added_tokens_decoder") else {}
    return {i: (str(token.content), bool(token.special)) for i, token in added.items()}


def _byte_alphabet() -> dict[str, int]:
    """GPT-2's printable stand-ins for bytes: printable Latin-1 for itself, the others from U+0100 on."""
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = (b for b in range(256) if b not in set(printable))
    return {chr(b): b for b in printable} | {chr(0x100 + n): b for n, b in enumerate(others)}


_ALPHABET = _byte_alphabet()


def _byte_level(token: str) -> bytes:
    try:
        return bytes([_ALPHABET[c] for c in token])
    except KeyError:  # not written in the alphabet: decoders pass such tokens through as they are
        return token.encode("utf-8")


def _sentencepiece(token: str) -> bytes:
    return token.replace("▁", " ").encode("utf-8")


def _literal(token: str) -> bytes:
    return token.encode("utf-8")
