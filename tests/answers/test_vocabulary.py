"""The data file of words: every spelling means one thing, and every token is one that the reader knows."""

from __future__ import annotations

import pytest

from s2r_rewards.answers.read.lexer import tokenize
from s2r_rewards.answers.read.vocabulary import COMMANDS, IGNORED, STYLES, WORDS, compatible, normal_unit

KINDS = {"op", "rel", "sep", "const", "open", "close", "cmd"}
TOKENS = ("bare words", "commands", "characters", "relations")


def words(table: str) -> list[str]:
    held = WORDS[table]
    return " ".join([held] if isinstance(held, str) else held.values()).split()


@pytest.mark.parametrize(
    "table", [name for name in WORDS if name not in ("scales", "whole answers", "typography", "aliases")]
)
def test_no_word_is_listed_twice(table):
    found = words(table)
    assert found
    assert len(found) == len(set(found))


@pytest.mark.parametrize("table", TOKENS)
def test_tokens_are_a_kind_and_a_value(table):
    assert all(len(token.split()) == 2 and token.split()[0] in KINDS for token in WORDS[table])


def test_a_character_is_replaced_once():
    found = "".join(WORDS["typography"].values())
    assert len(found) == len(set(found))
    assert not found.isascii()


def test_a_command_is_known_in_one_way():
    assert not IGNORED & set(COMMANDS)
    assert not IGNORED & set(STYLES)
    assert set(WORDS["aliases"]) <= set(words("functions"))


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("sqrt", [("cmd", "sqrt")]),
        ("asin", [("fn", "arcsin")]),
        ("\\leq", [("rel", "<=")]),
        ("**", [("op", "^")]),
        ("ei", [("const", "e"), ("const", "i")]),
        ("\\text{degrees}", [("op", "deg")]),
        ("\\text{alpha}", [("word", "alpha")]),
        ("alpha", [("sym", "alpha")]),
        (")U(", [("close", ")"), ("op", "cup"), ("open", "(")]),
        ("U", [("sym", "U")]),
    ],
)
def test_spellings(text, tokens):
    assert tokenize(text) == tokens


def test_units():
    assert normal_unit("square feet per hr.") == ("foot", "hour")
    assert compatible("cm", "centimetres")
    assert not compatible("cm", "inches")
    assert compatible("apples", "cm")
