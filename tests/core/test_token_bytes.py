"""The bytes of each token, out of what a tokenizer says of its own decoder; every number worked out by hand."""

import codecs
import gc
import itertools
import json
import random
import weakref
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import decoders, pre_tokenizers

from s2r_rewards.tokens import decode_with_offsets
from s2r_rewards.tokens.table import TokenTable, _byte_alphabet, token_table

BYTE_LEVEL = {"type": "ByteLevel", "add_prefix_space": True}
REPLACE = {"type": "Replace", "pattern": {"String": "▁"}, "content": " "}
FALLBACK = {"type": "ByteFallback"}
FUSE = {"type": "Fuse"}
WORDPIECE = {"type": "WordPiece", "prefix": "##", "cleanup": True}


def strip(**changes):
    return {"type": "Strip", "content": " ", "start": 1, "stop": 0, **changes}


def metaspace(**changes):
    return {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "always", "split": True, **changes}


def sequence(*steps):
    return {"type": "Sequence", "decoders": list(steps)}


class Decoder:
    def __init__(self, state):
        self.state = state

    def __getstate__(self):
        return json.dumps(self.state).encode()


class Stub:
    """As much of a ``tokenizers.Tokenizer`` as a table is built from: ids are positions in ``tokens``."""

    def __init__(self, decoder, tokens=(), added=None):
        self.decoder = None if decoder is None else Decoder(decoder)
        self.tokens = tokens
        self.added = added or {}

    def id_to_token(self, i):
        return self.tokens[i] if i < len(self.tokens) else None

    def get_added_tokens_decoder(self):
        return self.added


def added(content, special):
    return SimpleNamespace(content=content, special=special)


@pytest.mark.parametrize(
    ("decoder", "token", "expected"),
    [
        (BYTE_LEVEL, "a", (b"a", 1)),
        (BYTE_LEVEL, "Ġb", (b" b", 2)),
        (BYTE_LEVEL, "Ċ", (b"\n", 1)),
        (BYTE_LEVEL, "Ã©", (b"\xc3\xa9", 1)),  # é
        (BYTE_LEVEL, "Ã", (b"\xc3", -1)),  # half of it
        (BYTE_LEVEL, "aÃ", (b"a\xc3", -1)),
        (BYTE_LEVEL, "日", ("日".encode(), 1)),  # not written in the alphabet
        (BYTE_LEVEL, "<0x41>", (b"<0x41>", 6)),
        (sequence(REPLACE, FALLBACK, FUSE, strip()), "▁ab", (b" ab", 3)),
        (sequence(REPLACE, FALLBACK, FUSE, strip()), "<0x41>", (b"A", 1)),
        (sequence(REPLACE, FALLBACK, FUSE, strip()), "<0xc3>", (b"\xc3", -1)),
        (sequence(REPLACE, FALLBACK, FUSE, strip()), "<0x41>b", (b"<0x41>b", 7)),
        (sequence(REPLACE, FALLBACK, FUSE, strip()), "<0x41>\n", (b"<0x41>\n", 7)),
        (sequence(REPLACE, FALLBACK, FUSE, strip()), "Ġ日", ("Ġ日".encode(), 2)),
        (FALLBACK, "▁ab", (b" ab", 3)),
        (sequence(REPLACE, FALLBACK, FUSE, strip(), metaspace()), "▁ab", (b" ab", 3)),
        (metaspace(), "▁ab", (b" ab", 3)),
        (sequence(metaspace(), FUSE), "é▁", ("é ".encode(), 2)),
        (FUSE, "▁a<0x41>", ("▁a<0x41>".encode(), 8)),
    ],
)
def test_bytes_and_characters_of_a_token(decoder, token, expected):
    tokenizer = Stub(decoder, [token])
    assert token_table(tokenizer)[0] == expected


@pytest.mark.parametrize(
    "decoder",
    [
        None,
        WORDPIECE,
        REPLACE,
        strip(),
        sequence(),
        sequence(REPLACE, FUSE, strip()),
        sequence(FUSE, FUSE),
        sequence(REPLACE, FALLBACK, WORDPIECE),
        sequence(metaspace(), BYTE_LEVEL),
        sequence(strip(start=2), FALLBACK),
        sequence(FALLBACK, strip(start=0, stop=1)),
        sequence(FALLBACK, strip(content="_")),
        sequence({**REPLACE, "content": "_"}, FALLBACK),
        metaspace(replacement="_"),
    ],
)
def test_bytes_that_cannot_be_known(decoder):
    assert token_table(Stub(decoder, ["a"])) is None


@pytest.mark.parametrize(
    ("decoder", "strips"),
    [
        (BYTE_LEVEL, False),
        (FUSE, False),
        (sequence(REPLACE, FALLBACK, FUSE), False),
        (sequence(REPLACE, FALLBACK, FUSE, strip()), True),
        (sequence(FALLBACK, {"type": "Strip", "start": 1}), True),
        (sequence(FALLBACK, {"type": "Strip", "content": " "}), False),
        (metaspace(), True),
        (metaspace(prepend_scheme="first"), True),
        (metaspace(prepend_scheme="never"), False),
        ({"type": "Metaspace"}, True),
        (sequence(metaspace(), FUSE), True),
    ],
)
def test_whether_the_first_space_goes(decoder, strips):
    assert token_table(Stub(decoder)).strips_first_space is strips


def test_the_stubs_describe_themselves_as_real_decoders_do():
    real = {
        decoders.ByteLevel(): BYTE_LEVEL,
        decoders.Metaspace(): metaspace(),
        decoders.Sequence([decoders.Replace("▁", " "), decoders.Strip(" ", 1, 0)]): sequence(REPLACE, strip()),
        decoders.Sequence([decoders.ByteFallback(), decoders.Fuse()]): sequence(FALLBACK, FUSE),
        decoders.WordPiece(): WORDPIECE,
    }
    for decoder, state in real.items():
        found = json.loads(decoder.__getstate__())
        for mine, theirs in zip(state.get("decoders", [state]), found.get("decoders", [found]), strict=True):
            assert mine.items() <= theirs.items()


def test_the_byte_alphabet():
    alphabet = _byte_alphabet()
    assert set(alphabet) == set(pre_tokenizers.ByteLevel.alphabet())
    assert sorted(alphabet.values()) == list(range(256))
    # printable Latin-1 stands for itself …
    assert {c: alphabet[c] for c in "!~¡¬®ÿ"} == {"!": 0x21, "~": 0x7E, "¡": 0xA1, "¬": 0xAC, "®": 0xAE, "ÿ": 0xFF}
    # … the 68 other bytes, in order, for U+0100 and on: 0 … 0x20, 0x7F … 0xA0, 0xAD
    assert {c: alphabet[c] for c in "ĀĠġŁłŃ"} == {"Ā": 0, "Ġ": 0x20, "ġ": 0x7F, "Ł": 0x9F, "ł": 0xA0, "Ń": 0xAD}


def test_added_tokens_are_written_as_they_are():
    tokenizer = Stub(BYTE_LEVEL, ["a", "Ġ", "Ġ"], {1: added("<é>", special=True), 2: added("Ġ", special=False)})
    shown, skipped = token_table(tokenizer), token_table(tokenizer, skip_special_tokens=True)
    assert [shown[i] for i in range(3)] == [(b"a", 1), ("<é>".encode(), 3), ("Ġ".encode(), 1)]
    assert [skipped[i] for i in range(3)] == [(b"a", 1), (b"", 0), ("Ġ".encode(), 1)]


def test_ids_without_a_token_say_nothing():
    tokenizer = Stub(BYTE_LEVEL, ["a"])
    assert token_table(tokenizer)[7] == (b"", 0)


def test_added_tokens_need_not_exist():
    bare = SimpleNamespace(decoder=Decoder(FUSE), id_to_token=lambda i: "ab")
    assert token_table(bare)[0] == (b"ab", 2)


class Wrapped:
    """As a fast tokenizer of transformers: the decoder lies behind ``backend_tokenizer``."""

    def __init__(self, backend):
        self.backend_tokenizer = backend
        self.added_tokens_decoder = {1: added("<end>", special=True)}

    def convert_ids_to_tokens(self, i):
        raise AssertionError("the backend knows")


def test_a_wrapper_is_looked_through():
    table = token_table(Wrapped(Stub(BYTE_LEVEL, ["Ġ", "Ġ"], {0: added("not asked", special=True)})))
    assert (table[0], table[1]) == ((b" ", 1), (b"<end>", 5))


class Slow:
    """As a slow tokenizer of transformers: no backend, no decoder, but GPT-2's table."""

    byte_decoder = {}  # noqa: RUF012

    def convert_ids_to_tokens(self, i):
        return "Ġb"


def test_a_slow_byte_level_tokenizer():
    tokenizer = Slow()
    assert token_table(tokenizer)[0] == (b" b", 2)


def test_an_object_without_tokens_has_no_table():
    assert token_table(SimpleNamespace()) is None


def test_tables_are_kept_as_long_as_their_tokenizer():
    tokenizer = Wrapped(Stub(BYTE_LEVEL, ["a"]))
    table, skipping = token_table(tokenizer), token_table(tokenizer, skip_special_tokens=True)
    assert token_table(tokenizer) is table
    assert token_table(tokenizer, skip_special_tokens=True) is skipping is not table
    assert token_table(Wrapped(tokenizer.backend_tokenizer)) is not table
    gone = weakref.ref(tokenizer)
    del tokenizer
    gc.collect()
    assert gone() is None


def test_the_first_space_stays_unless_told_otherwise():
    assert TokenTable(str.encode).strips_first_space is False


def test_each_token_is_worked_out_once():
    asked = []
    tokenizer = Stub(FUSE)
    tokenizer.id_to_token = lambda i: asked.append(i) or "ab"
    table = token_table(tokenizer)
    assert [table[i] for i in (3, 4, 3, 3)] == [(b"ab", 2)] * 4
    assert asked == [3, 4]


def test_a_tokenizer_that_cannot_be_weakly_referenced_has_a_table_all_the_same():
    class Rigid:
        __slots__ = ("decoder",)

        def id_to_token(self, i):
            return "<end>" if i else "ab"

        def get_added_tokens_decoder(self):
            return {1: added("<end>", special=True)}

    tokenizer = Rigid()
    tokenizer.decoder = Decoder(FUSE)
    assert token_table(tokenizer)[0] == (b"ab", 2)
    assert [token_table(tokenizer, skip)[1] for skip in (False, True)] == [(b"<end>", 5), (b"", 0)]


def test_a_slow_tokenizer_is_let_go():
    """It has the method that makes the table, which must not hold it."""

    class Slow:
        decoder = Decoder(FUSE)

        def convert_ids_to_tokens(self, i):
            return "ab"

    tokenizer = Slow()
    assert token_table(tokenizer)[5] == (b"ab", 2)
    gone = weakref.ref(tokenizer)
    del tokenizer
    gc.collect()
    assert gone() is None


@pytest.mark.parametrize("ids", [[1, -100, 2], [1, 1 << 40]])
def test_ids_that_no_vocabulary_has_are_named(ids):
    with pytest.raises(ValueError, match=r"token 1 has the id .*; expected the ids that were generated"):
        decode_with_offsets(ids, Stub(FUSE, ["a", "b", "c"]))


def test_tables_are_filled_by_many_threads_at_once():
    words = [f"w{i}·" for i in range(3000)]
    tokenizer = Stub(FUSE, words)
    rng = random.Random(0)
    rows = [[rng.randrange(3000) for _ in range(200)] for _ in range(200)]
    with ThreadPoolExecutor(16) as pool:
        texts = list(pool.map(lambda row: decode_with_offsets(row, tokenizer)[0], rows))
    assert texts == ["".join(words[i] for i in row) for row in rows]


def byte_level(piece: bytes) -> str:
    alphabet = {byte: char for char, byte in _byte_alphabet().items()}
    return "".join(alphabet[byte] for byte in piece)


def one_by_one(pieces):
    """Text, and the characters that are complete before each piece: the decoder is given one byte after the other."""
    decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
    parts = ["".join(decoder.decode(bytes([byte])) for byte in piece) for piece in pieces]
    offsets = [0, *itertools.accumulate(map(len, parts))]
    rest = decoder.decode(b"", final=True)
    return "".join(parts) + rest, [*offsets[:-1], offsets[-1] + len(rest)]


@given(
    st.lists(st.sampled_from(["a", " the", "é", "数学", "🙂", " " * 15, " " * 16, "=" * 33, "x²" * 30]), min_size=1),
    st.lists(st.integers(0, 40)),
    st.sampled_from([b"", b"\xe2\x82", b"\xff"]),
)
def test_tokens_of_any_size_that_cut_characters_anywhere(words, sizes, tail):
    raw, pieces = "".join(words).encode() + tail, []
    for size in [*sizes, 5, 0, 1, 33]:
        pieces.append(raw[:size])
        raw = raw[size:]
    pieces.append(raw)
    tokenizer = Stub(BYTE_LEVEL, [byte_level(piece) for piece in pieces])
    for ids in (list(range(len(pieces))), np.arange(len(pieces))):
        text, offsets = decode_with_offsets(ids, tokenizer)
        assert (text, offsets.tolist()) == one_by_one(pieces)


def test_a_token_of_many_words_stands_between_short_ones():
    sizes = [1, 16, 17, 0, 32, 33, 2, 100, 1, 1, 48, 15, 0]
    words = [chr(ord("a") + n) * size for n, size in enumerate(sizes)]
    rows = [random.Random(n).choices(range(len(sizes)), k=40) for n in range(50)]
    tokenizer = Stub(FUSE, words)
    for row in rows:
        text, offsets = decode_with_offsets(row, tokenizer)
        assert text == "".join(words[i] for i in row)
        assert offsets.tolist() == [0, *itertools.accumulate(sizes[i] for i in row)]
