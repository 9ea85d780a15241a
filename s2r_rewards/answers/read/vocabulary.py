"""The words, commands and units that answers are written with: ``words.json`` as the tables that readers look up."""

import json
import re
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
_RELATIONS = _tokens("relations")
_FUNCTIONS: dict[str, Token] = {name: ("fn", WORDS["aliases"].get(name, name)) for name in _set("functions")}
BARE_WORDS = {**_FUNCTIONS, "sqrt": ("cmd", "sqrt"), **_tokens("bare words")}
COMMANDS = {**_FUNCTIONS, **{name: ("sym", name) for name in GREEK}, **_RELATIONS, **_tokens("commands")}
CHARACTERS = {**_RELATIONS, **_tokens("characters")}

#: Units that one letter behind a number can mean when the other side is a bare number.
LETTER_UNITS = frozenset("LmgsVWJNhKA")
TEMPERATURES = frozenset("CF")
_UNITS = {alias: name for name, aliases in WORDS["units"].items() for alias in [name, *aliases.split()]}
_BESIDE_UNITS = _set("beside units")
_LETTERS = re.compile(r"[A-Za-z]+")


def normal_unit(text: str) -> tuple[str, ...]:
    """The known units in ``text`` in one spelling (``"square feet"`` -> ``("foot",)``)."""
    words = [word.lower() for word in _LETTERS.findall(text.replace(".", "").replace("mph", "mile hour"))]
    return tuple(sorted(_UNITS[word] for word in words if _UNITS.get(word, "of") not in _BESIDE_UNITS))


def compatible(first: str, second: str) -> bool:
    """Whether two written units may name the same thing: two different known units may not."""
    left, right = normal_unit(first), normal_unit(second)
    return not left or not right or left == right
