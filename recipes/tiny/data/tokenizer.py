"""A tokenizer whose tokens are literal pieces of text: concatenating the pieces gives the text, exactly."""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING

from . import task

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

PAD_TEXT, END_TEXT = "<|pad|>", "<|im_end|>"
TOKENS: tuple[str, ...] = (
    PAD_TEXT,
    END_TEXT,
    task.QUESTION,
    task.QUESTION_END,
    task.ANSWER,
    *task.BOXES.values(),
    task.BREAK,
    task.RECHECK,
    task.RETRY,
    task.DIVISION,
    task.GLANCE,
    task.SAYS_CORRECT,
    task.SAYS_INCORRECT,
    *task.DIGITS,
    *task.REMAINDERS,
)
IDS = {piece: i for i, piece in enumerate(TOKENS)}
PAD, END = IDS[PAD_TEXT], IDS[END_TEXT]


def encode(pieces: tuple[str, ...]) -> list[int]:
    return [IDS[piece] for piece in pieces]


def decode(ids: list[int]) -> str:
    return "".join(TOKENS[i] for i in ids)


@cache
def tokenizer() -> PreTrainedTokenizerFast:
    """The same vocabulary as a Hugging Face fast tokenizer, for the library's token spans and for export."""
    from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    backend = Tokenizer(models.WordLevel(IDS, unk_token=PAD_TEXT))
    longest_first = sorted(TOKENS, key=len, reverse=True)
    pattern = Regex("|".join(re.escape(piece) for piece in longest_first))
    backend.pre_tokenizer = pre_tokenizers.Split(pattern, "isolated")
    backend.decoder = decoders.Fuse()
    return PreTrainedTokenizerFast(
        tokenizer_object=backend, pad_token=PAD_TEXT, eos_token=END_TEXT, clean_up_tokenization_spaces=False
    )
