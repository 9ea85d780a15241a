"""The words, commands and units that answers are written with: ``words.json`` as the tables that readers look up."""

import json
from pathlib import Path
from typing import Any

Token = tuple[str, Any]
WORDS: dict[str, Any] = json.loads(Path(__file__).with_name("words.json").read_text(encoding="utf-8"))


def _set(name: str) -> frozenset[str]:
    return frozenset(WORDS[name].split())


def _tokens(name: str) -> dict[str, Token]:
    """``{"op *": "cdot times"}`` as the token ``("op", "*")`` for each of the spellings."""
    named = ((token.split(), words.split()) for token, words in WORDS[name].items())
    return {word: (kind, value) for (kind, value), words in named for word in words}


GREEK = _set("greek")
#: Letters that name a function wherever they stand in front of a bracket and nowhere else.
FUNCTION_LETTERS = _set("function letters")
ACCENTS = _set("accents")
#: Commands with braces: whether they hold mathematics in another style, rather than prose.
STYLES = dict.fromkeys(_set("text commands"), False) | dict.fromkeys(_set("style commands") | ACCENTS, True)
IGNORED = _set("ignored commands") | {" ", "\n"}
#: Words of two or three letters that are prose or units rather than products of variables.
SHORT_WORDS = _set("short words")
#: Words that can never be part of a unit: they negate, hedge, compare or calculate.
HEDGES = _set("never a unit")
#: Words behind a number that multiply it.
SCALES: dict[str, int] = WORDS["scales"]
#: What words stand for that begin a number: "seventeen", "forty"; and those of its parts: "thirds".
NUMBER_WORDS = {word: value for value, word in enumerate(WORDS["small numbers"].split())} | {
    word: 10 * value for value, word in enumerate(WORDS["tens"].split(), 2)
}
PARTS = {word: int(size) for size, words in WORDS["parts"].items() for word in words.split()}
_RELATIONS = _tokens("relations")
_FUNCTIONS: dict[str, Token] = {name: ("fn", WORDS["aliases"].get(name, name)) for name in _set("functions")}
BARE_WORDS = {**_FUNCTIONS, "sqrt": ("cmd", "sqrt"), **_tokens("bare words")}
COMMANDS = {**_FUNCTIONS, **{name: ("sym", name) for name in GREEK}, **_RELATIONS, **_tokens("commands")}
CHARACTERS = {**_RELATIONS, **_tokens("characters")}
