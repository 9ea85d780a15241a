"""Character spans → token spans with real tokenizers of every common kind, trained or built on the spot."""

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

from s2r_rewards import parse
from s2r_rewards.tokens import UnsupportedTokenizer, decode_with_offsets, spans_from_offsets, token_spans
from s2r_rewards.tokens.table import token_table

RESPONSE = (
    "It is \\boxed{5}, 日本語 😀 héllo.\n\nWait, let me recheck my solution.\n\nTherefore, the answer is incorrect."
    "\n\nLet me try again.\n\n\\boxed{4}\n\nWait, let me recheck my solution.\n\nTherefore, the answer is correct."
)


def byte_level():
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=340, initial_alphabet=alphabet, special_tokens=["<|im_end|>"])
    tokenizer.train_from_iterator([RESPONSE] * 5, trainer)
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token="<|im_end|>")


def qwen_style():
    """Byte-level BPE behind a splitting regex, so that line breaks stick to the full stop before them."""
    tokenizer = Tokenizer(models.BPE())
    split = pre_tokenizers.Split(Regex(r"[^\s]+\s*|\s+"), "isolated")
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [split, pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)]
    )
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=500, initial_alphabet=alphabet, special_tokens=["<|im_end|>"])
    tokenizer.train_from_iterator([RESPONSE] * 5, trainer)
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token="<|im_end|>")


def sentencepiece_style():
    vocab = {"<unk>": 0, "</s>": 1}
    for byte in range(256):
        vocab[f"<0x{byte:02X}>"] = len(vocab)
    for character in sorted({c for c in RESPONSE if ord(c) < 0x250} | {"▁"}):
        vocab.setdefault(character, len(vocab))
    for merged in ("▁W", "a▁", "t.", "rec"):
        vocab.setdefault(merged, len(vocab))
    merges = [("▁", "W"), ("a", "▁"), ("t", ".")]
    tokenizer = Tokenizer(models.BPE(vocab=vocab, merges=merges, unk_token="<unk>", byte_fallback=True, fuse_unk=True))
    tokenizer.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    tokenizer.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    )
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token="</s>", unk_token="<unk>")


def word_level():
    words = sorted(set(RESPONSE.split()))
    vocab = {w: i for i, w in enumerate(["<unk>", "</s>", *words])}
    tokenizer = Tokenizer(models.WordLevel(vocab, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token="</s>", unk_token="<unk>")


TOKENIZERS = {
    "byte-level BPE": byte_level(),
    "byte-level BPE, Qwen style": qwen_style(),
    "sentencepiece style": sentencepiece_style(),
    "word level": word_level(),
}
by_tokenizer = pytest.mark.parametrize("tokenizer", TOKENIZERS.values(), ids=TOKENIZERS.keys())


def encode(tokenizer, text=RESPONSE):
    return [*tokenizer(text, add_special_tokens=False)["input_ids"], tokenizer.eos_token_id]


@by_tokenizer
def test_text_is_what_the_tokenizer_decodes(tokenizer):
    ids = encode(tokenizer)
    text, offsets = decode_with_offsets(ids, tokenizer)
    assert text == tokenizer.decode(ids)
    assert offsets[0] == 0
    assert offsets[-1] == len(text)
    assert len(offsets) == len(ids) + 1


def test_byte_exact_tables_serve_the_common_kinds():
    kinds = {name: token_table(tokenizer) is not None for name, tokenizer in TOKENIZERS.items()}
    assert kinds == {
        "byte-level BPE": True,
        "byte-level BPE, Qwen style": True,
        "sentencepiece style": True,
        "word level": False,
    }


@by_tokenizer
def test_action_spans_tile_the_tokens_and_hold_their_text(tokenizer):
    ids = encode(tokenizer)
    text, offsets = decode_with_offsets(ids, tokenizer)
    trajectory = parse(text)
    assert [a.kind for a in trajectory.actions] == ["solve", "verify", "solve", "verify", "end"]
    spans = token_spans(ids, tokenizer, [(a.start, a.end) for a in trajectory.actions])
    assert [s[0] for s in spans] == [0, *[s[1] for s in spans[:-1]]]
    assert spans[-1] == (len(ids) - 1, len(ids))
    for action, (first, end) in zip(trajectory.actions, spans, strict=True):
        covered = text[offsets[first] : offsets[end]]
        # At most the white space in front of a marker changes sides, and only if its token straddles the border.
        assert covered.strip() == trajectory.text_of(action).strip()


def test_a_token_that_straddles_a_border_belongs_to_the_action_it_opens():
    tokenizer = TOKENIZERS["sentencepiece style"]
    ids = encode(tokenizer, "x Wait, let me recheck my solution.")
    text, _ = decode_with_offsets(ids, tokenizer)
    assert tokenizer.convert_ids_to_tokens(ids)[2] == "▁W"  # the token holds the space before and the W
    start = parse(text).verifications[0].start
    assert token_spans(ids, tokenizer, [(0, start), (start, len(text))]) == ((0, 2), (2, len(ids)))


def test_a_character_that_straddles_tokens_belongs_to_the_token_that_completes_it():
    tokenizer = TOKENIZERS["sentencepiece style"]
    ids = encode(tokenizer, "a😀b")
    _, offsets = decode_with_offsets(ids, tokenizer)
    pieces = tokenizer.convert_ids_to_tokens(ids)
    assert pieces[2:6] == ["<0xF0>", "<0x9F>", "<0x98>", "<0x80>"]
    assert offsets.tolist()[:8] == [0, 0, 1, 1, 1, 1, 2, 3]
    assert spans_from_offsets(offsets, [(0, 1), (1, 2), (2, 3)])[1] == (2, 6)


@by_tokenizer
@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_any_ids_tile(tokenizer, data):
    ids = data.draw(st.lists(st.integers(0, len(tokenizer) - 1), max_size=60))
    text, offsets = decode_with_offsets(ids, tokenizer)
    assert (np.diff(offsets) >= 0).all()
    assert offsets[-1] == len(text)
    actions = parse(text).actions
    spans = spans_from_offsets(offsets, [(a.start, a.end) for a in actions])
    if spans:
        assert [s[0] for s in spans] == [0, *[s[1] for s in spans[:-1]]]
        assert spans[-1][1] == len(ids)


@by_tokenizer
def test_special_tokens_can_be_left_out(tokenizer):
    ids = encode(tokenizer)
    text, offsets = decode_with_offsets(ids, tokenizer, skip_special_tokens=True)
    assert text == tokenizer.decode(ids, skip_special_tokens=True)
    trajectory = parse(text, finished=True)
    spans = spans_from_offsets(offsets, [(a.start, a.end) for a in trajectory.actions])
    assert trajectory.actions[-1].kind == "end"
    assert spans[-1] == (len(ids) - 1, len(ids))  # the end action still owns its token
    assert spans[-2][1] == len(ids) - 1


def test_arrays_and_bare_tokenizers_work():
    tokenizer = TOKENIZERS["byte-level BPE"]
    ids = encode(tokenizer)
    expected = decode_with_offsets(ids, tokenizer)
    for other in (decode_with_offsets(np.array(ids), tokenizer), decode_with_offsets(ids, tokenizer.backend_tokenizer)):
        assert other[0] == expected[0]
        assert (other[1] == expected[1]).all()


def test_ids_beyond_the_vocabulary_say_nothing():
    tokenizer = TOKENIZERS["byte-level BPE"]
    text, offsets = decode_with_offsets([10**6, *encode(tokenizer, "ab"), 10**6], tokenizer)
    assert text == "ab<|im_end|>"
    assert offsets[1] == 0


def test_nothing_at_all():
    text, offsets = decode_with_offsets([], TOKENIZERS["byte-level BPE"])
    assert text == ""
    assert offsets.tolist() == [0]
    assert token_spans([], TOKENIZERS["byte-level BPE"], []) == ()


def test_long_sequences_are_linear_work():
    tokenizer = TOKENIZERS["word level"]
    ids = encode(tokenizer) * 400
    _, offsets = decode_with_offsets(ids, tokenizer)
    assert len(offsets) == len(ids) + 1


def byte_fallback():
    """All 256 byte pieces, a few words and a special token, with the decoder of Llama 2."""
    pieces = ["<unk>", "</s>", *(f"<0x{b:02X}>" for b in range(256)), "▁so", "▁it", "is"]
    tokenizer = Tokenizer(models.WordLevel({piece: i for i, piece in enumerate(pieces)}, unk_token="<unk>"))
    tokenizer.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    )
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token="</s>", unk_token="<unk>")


FALLBACK = byte_fallback()
A_BYTE = st.one_of(
    st.integers(0, 255), st.sampled_from([0xE6, 0x97, 0xA5, 0xF0, 0x9F, 0x98, 0x80, 0xC3, 0xA9, 0x0A, 0x41])
)


@given(st.lists(st.one_of(A_BYTE.map(lambda b: b + 2), st.sampled_from([1, 258, 259, 260, 9999])), max_size=20))
@example([2 + 0x41, 2 + 0xFF])  # the whole run is undone: two U+FFFD, not "A" and one
@example([2 + 0xE6, 2 + 0x97, 258])
@example([2 + 0xE6, 1, 2 + 0x97, 2 + 0xA5])  # a special token ends a run, unless it is skipped
@settings(deadline=None, max_examples=300)
def test_invalid_bytes_are_counted_as_the_tokenizer_counts_them(ids):
    for skip in (False, True):
        text, offsets = decode_with_offsets(ids, FALLBACK, skip)
        assert text == FALLBACK.backend_tokenizer.decode(ids, skip_special_tokens=skip)
        assert offsets[-1] == len(text)
        assert (offsets[1:] >= offsets[:-1]).all()


class Tiktoken:
    """Another library's form: no `skip_special_tokens`."""

    def decode(self, ids):
        return "x" * len(ids)


class GivesBytes:
    def decode(self, ids, skip_special_tokens=False):
        return b"x"


@pytest.mark.parametrize(
    ("tokenizer", "found"),
    [
        (None, "found NoneType without a method `decode`"),
        ("Qwen/Qwen2-7B", "found str without a method `decode`"),
        (object(), "found object without a method `decode`"),
        (Tiktoken(), "Tiktoken.decode failed: .*skip_special_tokens"),
        (GivesBytes(), "GivesBytes.decode gave bytes"),
    ],
)
def test_an_unsupported_tokenizer_is_named_with_the_way_out(tokenizer, found):
    for call in (decode_with_offsets, lambda ids, t: token_spans(ids, t, [(0, 1)])):
        with pytest.raises(UnsupportedTokenizer, match=found + ".*; expected a transformers tokenizer .*AutoTokenizer"):
            call([1, 2], tokenizer)


class Backwards:
    """A decoder in Python, which cannot be asked what it does."""

    def decode_chain(self, tokens):
        return [token[::-1] for token in tokens]


def test_a_decoder_written_in_python_is_asked_to_decode():
    tokenizer = Tokenizer(models.WordLevel({"ab": 0, "cd": 1, "<unk>": 2}, unk_token="<unk>"))
    tokenizer.decoder = decoders.Decoder.custom(Backwards())
    text, offsets = decode_with_offsets([0, 1], tokenizer)
    assert (text, offsets.tolist()) == (tokenizer.decode([0, 1]), [0, 2, 4])


@pytest.mark.parametrize(
    "decoder",
    [
        decoders.Sequence([decoders.Replace("_", " "), decoders.ByteFallback(), decoders.Fuse()]),
        decoders.Sequence([decoders.ByteFallback(), decoders.Fuse(), decoders.Strip("_", 1, 0)]),
        decoders.Metaspace(replacement="_"),
    ],
)
def test_unusual_steps_of_a_decoder_are_followed(decoder):
    tokenizer = Tokenizer(models.WordLevel({"_so": 0, "is_ ": 1, "<0x0A>": 2, "<unk>": 3}, unk_token="<unk>"))
    tokenizer.decoder = decoder
    for ids in ([0, 1, 0], [1, 0, 1], [0, 2, 1]):
        assert decode_with_offsets(ids, tokenizer)[0] == tokenizer.decode(ids)
