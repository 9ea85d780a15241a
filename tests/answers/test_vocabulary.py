"""The data file of words: every spelling means one thing, and every token is one that the reader knows."""

from __future__ import annotations

from fractions import Fraction

import pytest

from s2r_rewards.answers.read.lexer import tokenize
from s2r_rewards.answers.read.units import read_unit
from s2r_rewards.answers.read.vocabulary import COMMANDS, IGNORED, STYLES, WORDS
from s2r_rewards.answers.tiers.units import conversion

KINDS = {"op", "rel", "sep", "const", "open", "close", "cmd"}
TOKENS = ("bare words", "commands", "characters", "relations")


def words(table: str) -> list[str]:
    held = WORDS[table]
    return " ".join([held] if isinstance(held, str) else held.values()).split()


@pytest.mark.parametrize(
    "table", [name for name in WORDS if name not in ("scales", "whole answers", "typography", "aliases", "opposites")]
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


@pytest.mark.parametrize(
    ("text", "unit"),
    [
        ("square feet per hr.", (("foot", 2), ("hour", -1))),
        ("centimetres", (("cm", 1),)),
        ("m/s^2", (("m", 1), ("second", -2))),
        ("J / (kg K)", (("joule", 1), ("kelvin", -1), ("kg", -1))),
        ("feet squared", (("foot", 2),)),
        ("mph", (("hour", -1), ("mile", 1))),
        ("kilojoules", (("kJ", 1),)),
        ("units", ()),
        ("students", (("?student", 1),)),
    ],
)
def test_units(text, unit):
    assert read_unit(text) == unit


def test_every_unit_of_the_table_is_known_to_pint():
    pytest.importorskip("pint")
    for name in WORDS["units"]:
        if name not in ("am", "pm", "dozen", "radian", "degree"):
            assert conversion(((name, 1),), ((name, 1),)) == 1, name
    assert conversion((("km", 1), ("hour", -1)), (("m", 1), ("second", -1))) == Fraction(5, 18)
    assert conversion((("m", 1),), (("second", 1),)) is None
