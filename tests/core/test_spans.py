"""Offsets and token spans against numbers worked out by hand, on tokenizers small enough to follow."""

import numpy as np
import pytest

from s2r_rewards.tokens import decode_with_offsets, spans_from_offsets, token_spans
from s2r_rewards.tokens.table import _byte_alphabet


@pytest.mark.parametrize(
    ("what", "offsets", "characters", "tokens"),
    [
        ("a token a character", [0, 1, 2, 3], [(0, 1), (1, 3)], ((0, 1), (1, 3))),
        ("a token over the border opens the second", [0, 1, 3, 4], [(0, 2), (2, 4)], ((0, 1), (1, 3))),
        ("a character of three tokens", [0, 1, 1, 1, 2, 3], [(0, 1), (1, 2), (2, 3)], ((0, 1), (1, 4), (4, 5))),
        ("one token swallows all", [0, 3], [(0, 1), (1, 2), (2, 3)], ((0, 0), (0, 0), (0, 1))),
        ("a silent token in front", [0, 0, 1, 2], [(0, 1), (1, 2)], ((0, 2), (2, 3))),
        ("a silent last token, nobody's", [0, 1, 2, 2], [(0, 1), (1, 2)], ((0, 1), (1, 3))),
        ("a silent last token, the end's", [0, 1, 2, 2], [(0, 1), (1, 2), (2, 2)], ((0, 1), (1, 2), (2, 3))),
        ("two silent last tokens", [0, 2, 2, 2], [(0, 2), (2, 2)], ((0, 1), (1, 3))),
        ("an end without any token", [0, 1, 2], [(0, 2), (2, 2)], ((0, 2), (2, 2))),
        ("an end with characters", [0, 1, 2, 5], [(0, 2), (2, 5)], ((0, 2), (2, 3))),
        ("nothing but the end", [0, 0, 0], [(0, 0)], ((0, 2),)),
        ("a gap", [0, 1, 2, 3], [(0, 1), (2, 3)], ((0, 1), (2, 3))),
        ("empty, but not at the end", [0, 1, 2, 3], [(0, 1), (2, 2)], ((0, 1), (2, 2))),
        ("short of the end", [0, 1, 2, 3], [(0, 2)], ((0, 2),)),
        ("no tokens", [0], [(0, 0)], ((0, 0),)),
        ("no spans", [0, 1, 2], [], ()),
    ],
)
def test_token_spans_of_offsets(what, offsets, characters, tokens):
    found = spans_from_offsets(np.array(offsets), characters)
    assert found == tokens
    assert all(type(edge) is int for span in found for edge in span)  # they go into JSON


class Words:
    """Knows how to decode, and no more: words with spaces between them, ``##`` pieces without."""

    def __init__(self, *tokens):
        self.tokens = tokens
        self.longest, self.types = 0, set()

    def decode(self, ids, skip_special_tokens):
        self.longest, self.types = max(self.longest, len(ids)), self.types | set(map(type, ids))
        words = [self.tokens[i] for i in ids]
        words = [w for w in words if w and not (skip_special_tokens and w == "<s>")]
        return " ".join(words).replace(" ##", "")


class Bytes:
    """Ids are bytes of UTF-8."""

    def decode(self, ids, skip_special_tokens):
        return bytes(ids).decode("utf-8", "replace")


class ByteLevel:
    """The same, with a table: byte-exact."""

    class Decoder:
        def __getstate__(self):
            return b'{"type": "ByteLevel"}'

    decoder = Decoder()

    def id_to_token(self, i):
        return next(letter for letter, byte in _byte_alphabet().items() if byte == i)


@pytest.mark.parametrize(
    ("tokens", "text", "offsets"),
    [
        (["It", "is", "4"], "It is 4", [0, 2, 5, 7]),
        (["play", "##ing", "s"], "playing s", [0, 4, 7, 9]),
        (["a", "", "", "b", ""], "a b", [0, 1, 1, 1, 3, 3]),
        (["<s>", "a", "<s>", "b"], "<s> a <s> b", [0, 3, 5, 9, 11]),
        ([], "", [0]),
    ],
)
def test_any_tokenizer_is_decoded_through_windows(tokens, text, offsets):
    found, where = decode_with_offsets(range(len(tokens)), Words(*tokens))
    assert (found, where.tolist(), where.dtype) == (text, offsets, np.int64)


def test_special_tokens_can_be_left_out_of_windows():
    ids = [0, 1, 0, 2]
    text, offsets = decode_with_offsets(ids, Words("<s>", "a", "b"), skip_special_tokens=True)
    assert (text, offsets.tolist()) == ("a b", [0, 0, 1, 1, 3])
    assert token_spans(ids, Words("<s>", "a", "b"), [(0, 1), (1, 3)], True) == ((0, 2), (2, 4))
    assert token_spans(ids, Words("<s>", "a", "b"), [(0, 3), (3, 11)]) == ((0, 1), (1, 4))


@pytest.mark.parametrize("tokenizer", [Bytes(), ByteLevel()], ids=["windows", "byte-exact"])
@pytest.mark.parametrize(
    ("raw", "text", "offsets"),
    [
        ("aé".encode(), "aé", [0, 1, 1, 2]),
        ("😀b".encode(), "😀b", [0, 0, 0, 0, 1, 2]),
        (b"a\xc3", "a�", [0, 1, 2]),  # cut in the middle of a character
        (b"a\xc3b", "a�b", [0, 1, 1, 3]),
    ],
)
def test_characters_of_several_tokens_count_where_they_are_complete(tokenizer, raw, text, offsets):
    found, where = decode_with_offsets(list(raw), tokenizer)
    assert (found, where.tolist(), where.dtype) == (text, offsets, np.int64)


def test_half_characters_in_a_row():
    """Each broken byte is one replacement character, known when the next byte shows that it is broken."""
    text, offsets = decode_with_offsets(list(b"a\xc3\xc3\xc3"), ByteLevel())
    assert (text, offsets.tolist()) == ("a���", [0, 1, 1, 2, 4])


def test_a_window_of_undecodable_tokens_is_flushed():
    """Token 16 sees sixteen broken ones before it: all are counted, and the next one, then a new window begins."""
    text, offsets = decode_with_offsets([0xA9] * 20, Bytes())
    assert text == "�" * 20
    assert offsets.tolist() == [0] * 17 + [17, 18, 18, 20]


def test_a_window_of_silent_tokens_is_flushed():
    """Longer and longer windows would be quadratic work. What comes right behind the flush is not lost."""
    tokenizer = Words("", "a")
    text, offsets = decode_with_offsets([0] * 17 + [1] + [0] * 40, tokenizer)
    assert (text, offsets.tolist()) == ("a", [0] * 18 + [1] * 41)
    silent = Words("")
    assert decode_with_offsets([0] * 100, silent)[0] == ""
    assert silent.longest == 17


class Metaspace:
    """Sentencepiece: the first space is not text."""

    class Decoder:
        def __getstate__(self):
            return b'{"type": "Metaspace"}'

    decoder = Decoder()
    tokens = ("▁a", "▁b", "c", "</s>")

    def id_to_token(self, i):
        return self.tokens[i]

    def get_added_tokens_decoder(self):
        class End:
            content, special = "</s>", True

        return {3: End}


@pytest.mark.parametrize(
    ("ids", "skip", "text", "offsets"),
    [
        ([0, 1, 2], False, "a bc", [0, 1, 3, 4]),
        ([2, 0, 1], False, "c a b", [0, 1, 3, 5]),
        ([3, 0, 1], False, "</s> a b", [0, 4, 6, 8]),
        ([3, 0, 1], True, "a b", [0, 0, 1, 3]),
        ([0, 0], False, "a a", [0, 1, 3]),
    ],
)
def test_the_first_space_of_sentencepiece(ids, skip, text, offsets):
    found, where = decode_with_offsets(ids, Metaspace(), skip_special_tokens=skip)
    assert (found, where.tolist(), where.dtype) == (text, offsets, np.int64)


def test_special_tokens_stay_unless_told_otherwise():
    text, offsets = decode_with_offsets([2, 3], Metaspace())
    assert (text, offsets.tolist()) == ("c</s>", [0, 1, 5])
    assert token_spans([2, 3], Metaspace(), [(0, 1), (1, 5)]) == ((0, 1), (1, 2))
    assert token_spans([2, 3], Metaspace(), [(0, 1), (1, 1)], skip_special_tokens=True) == ((0, 1), (1, 2))


@pytest.mark.parametrize("ids", [[0, 1], (0, 1), np.array([0, 1]), range(2)])
def test_ids_come_in_any_sequence(ids):
    assert decode_with_offsets(ids, Metaspace())[0] == "a b"
    words = Words("a", "b")
    assert decode_with_offsets(ids, words)[0] == "a b"
    assert words.types == {int}  # tokenizers take nothing else


@pytest.mark.parametrize("tokenizer", [Metaspace(), Words(), ByteLevel()])
def test_nothing_at_all(tokenizer):
    text, offsets = decode_with_offsets([], tokenizer)
    assert (text, offsets.tolist()) == ("", [0])
    assert token_spans([], tokenizer, []) == ()
