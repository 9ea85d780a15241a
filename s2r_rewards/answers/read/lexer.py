r"""Split an answer into tokens: LaTeX and plain ASCII/Unicode mathematics alike, linear time, bounded count.

A token is ``(kind, value)``: ``num`` (a leaf of the tree), ``sym``, ``fn``, ``const``, ``op``, ``rel``, ``sep``,
``open``, ``close``, ``word`` (prose, a unit), ``cmd`` (``frac``, ``sqrt``, ``binom``), ``begin``/``end``.
"""

import re
from fractions import Fraction
from functools import lru_cache
from operator import length_hint
from string import ascii_letters

from .tree import Num
from .units import is_unit
from .vocabulary import ACCENTS, BARE_WORDS, CHARACTERS, COMMANDS, GREEK, IGNORED, SHORT_WORDS, STYLES, Token


class Unreadable(Exception):
    """The text is not an answer that the reader understands."""


MAX_TOKENS = 6_000
MAX_DIGITS = 2_000
#: How often a text is split anew behind a word with a digit, or a command that ended inside a piece.
MAX_PARTS = 100

#: Six words in a row are no unit: longer texts are not split to find that out.
_SHORT, _PROSE = 200, re.compile(r"\b[a-z]{2,} (?:[A-Za-z]{1,12} ){5}")
_GROUPED = r"(?!0)\d{1,3}(?:(?:,\\!\s?|\{,\}\s?|,)\d{3}(?!\d))+(?:\.\d+)?|"
#: A comma that parts thousands only where no blank follows.
_GROUPING = re.compile(r"(?<=\d),|(?<=\d\{),", re.A)
_HAS_GROUPS = re.compile(_GROUPED[:-1], re.A).search
#: The most frequent stands in front, and each alternative tells by its first sign that it fails; the first numbers are
#: those that nothing behind them can make longer. There are no groups, so that ``findall`` gives the pieces themselves.
_PIECE = (
    r"[+/^_(){}\[\]|,;:%&'$\"]|[0-9]+(?:\.[0-9]+)?(?![0-9.{eE…]|\\[olbd]|\s[\s\d]|,[\d\\])"
    r"|[ \t\n\r\f\v~]+|\\(?:[A-Za-z]+|.)|[aApP]\.[mM]\.?(?![A-Za-z])|[A-Za-z]+(?:\.?[0-9])?"
    r"|\*\*?|<=?|>=?|!=?|=[=<>]?|->?"
    r"|\d*\.\d+(?:\.\.\.|\\ldots|\\dots|…)|\d*\.\d*\\(?:overline|bar|dot)\s*\{\d+\}"
    r"|\d+\s+\d+\s*/\s*\d+(?![\d.])"
    r"|(?:" + _GROUPED + r"(?:\d+(?:\.\d*)?|\.\d+))(?:[eE][+-]?\d{1,3}(?![\w.]))?"
    r"|."
)


_pieces = re.compile(_PIECE, re.S | re.A).findall


def has_groups(text: str) -> bool:
    """Whether ``grouped`` makes a difference to :func:`tokenize`."""
    return _HAS_GROUPS(text) is not None


def is_prose(text: str) -> bool:
    """Whether so many words stand in a row that nothing else need be known of a text."""
    return len(text) > _SHORT and _PROSE.search(text) is not None


def tokenize(text: str, grouped: bool = True) -> list[Token]:
    """The tokens of ``text``; raises :class:`Unreadable` on characters that no answer is written with.

    ``grouped`` reads ``1,625`` as one number with a thousands separator rather than as two numbers.
    """
    if is_prose(text):
        raise Unreadable("prose")
    if not grouped and "," in text:
        text = _GROUPING.sub(r"\g<0> ", text)
    tokens: list[Token] = []
    at = 0
    for _ in range(MAX_PARTS):
        at = _scan(text, at, grouped, tokens)
        if len(tokens) > MAX_TOKENS:
            break
        if at == len(text):
            return tokens
    raise Unreadable("too many tokens")


def _scan(text: str, at: int, grouped: bool, tokens: list[Token]) -> int:
    """Append the tokens from ``at`` on; where they end: where something ended inside a piece, or at the end."""
    pieces = _pieces(text, at)
    known, append = _ALWAYS.get, tokens.append
    rest, counted = iter(pieces), 0
    for piece in rest:
        if token := known(piece):
            append(token)
        elif token is None:
            first = piece[0]
            if first in _NUMERIC and piece.isdigit():
                append(("num", Num(_plain(piece))))
                continue
            behind = len(pieces) - length_hint(rest)
            if first in _NUMERIC:
                if (
                    grouped
                    and "," in piece
                    and ",0" not in piece
                    and _fills_bracket(pieces[behind : behind + 2], tokens)
                ):
                    tokens.extend(tokenize(piece, False))  # (2,500) is a pair
                else:
                    append(("num", Num(_number(piece, tokens))))
            elif first == "\\":
                at += sum(map(len, pieces[counted:behind]))
                end = _command(piece[1:], text, at, tokens)
                while at < end:
                    at += len(next(rest))
                    behind += 1
                if at != end:
                    return end
                counted = behind
            elif first in ascii_letters:
                word = piece.rstrip("0123456789.")
                if word in _PRODUCTS and _multiplies(tokens, pieces[behind : behind + 2]):
                    tokens.extend(("sym", letter) for letter in word)
                    if "(" in pieces[behind : behind + 2]:  # mg(1+\mu): g is no function
                        tokens.append(("op", "*"))
                elif (
                    len(word) > 1 and behind > 1 and pieces[behind - 2] == " " and _is_number(tokens) and is_unit(word)
                ):
                    append(("word", word))
                else:
                    _bare_word(word, tokens)
                if word != piece:
                    if tokens[-1][0] in ("sym", "const"):
                        raise Unreadable("a digit behind a letter")
                    return at + sum(map(len, pieces[counted:behind])) - len(piece) + len(word)
            elif first not in _BLANK:
                raise Unreadable(f"unexpected character {piece!r}")
    return len(text)


#: The token of every operator; None for signs that say nothing.
_OPERATORS: dict[str, Token | None] = {
    sign: CHARACTERS.get(sign) or ("op", sign)
    for sign in (*"+/^_(){}[]|,;:%&'*<>!=-", "**", "<=", ">=", "!=", "==", "=<", "=>", "->")
} | {"$": None, '"': None}
#: What has the same token wherever it stands; an empty one says nothing.
_ALWAYS: dict[str, Token | tuple[()]] = {
    **{sign: token or () for sign, token in _OPERATORS.items()},
    **{letter: BARE_WORDS.get(letter, ("sym", letter)) for letter in ascii_letters if letter != "U"},
    **dict.fromkeys([" ", "  ", "~", *(f"\\{name}" for name in IGNORED - {"left", "right"})], ()),
    **{f"\\{name}": token for name, token in COMMANDS.items()},
    **{f"{letter}.{m}{stop}": ("word", f"{letter}.{m}{stop}") for letter in "aApP" for m in "mM" for stop in ("", ".")},
    **{str(small): ("num", Num(Fraction(small))) for small in range(100)},
}
_NUMERIC, _BLANK = frozenset("0123456789."), frozenset(" \t\n\r\f\v~")
_CLOSES = frozenset((")", "]", "\\}", "\\)"))


def _is_number(tokens: list[Token]) -> bool:
    return bool(tokens) and tokens[-1][0] == "num"


def _fills_bracket(after: list[str], tokens: list[Token]) -> bool:
    """Whether a bracket or a set holds nothing but the digits and commas before ``after``, the next two pieces."""
    if not tokens or tokens[-1] not in (("open", "("), ("open", "["), ("open", "{")):
        return False
    return next((piece for piece in after if piece[0] not in _BLANK), "") in _CLOSES


class Rounded(Fraction):
    """A decimal that ends in zeros: it is written with more places than its value needs."""

    __slots__ = ("places",)
    places: int


def _number(text: str, tokens: list[Token]) -> Fraction:
    """The value of digits in any spelling."""
    if "/" in text:
        return _mixed(text, tokens)
    return _plain(text) if text[-1] in _NUMERIC and text[-3:] != "..." else _repeating(text)


@lru_cache(4096)
def _plain(text: str) -> Fraction:
    if text.isdigit() and len(text) <= MAX_DIGITS:
        return Fraction(int(text))
    if text == ".":
        raise Unreadable("unexpected character '.'")
    if len(text) > MAX_DIGITS:
        raise Unreadable("too many digits")
    plain = text.replace(",", "").replace("\\!", "").replace("{", "").replace("}", "").replace(" ", "")
    if plain.isdigit():
        return Fraction(int(plain))
    whole, _, places = plain.partition(".")
    if not (whole + places).isdigit():
        return Fraction(plain)  # with an exponent
    if places.endswith("0"):
        value = Rounded(int(whole + places), 10 ** len(places))
        value.places = len(places)
        return value
    return Fraction(int(whole + places), 10 ** len(places))


def _mixed(text: str, tokens: list[Token]) -> Fraction:
    whole, top, below = (int(part) for part in re.findall(r"\d{1,12}", text)[:3])
    if not 0 < top < below or len(text) > 40 or _is_number(tokens):
        raise Unreadable("two numbers side by side")
    return whole + Fraction(top, below)


def _repeating(text: str) -> Fraction:
    """The value of ``0.1666...`` (the shortest cycle that the decimals end with) or ``0.1\\overline{6}``."""
    if text.endswith("}"):
        whole, _, decimals = text.partition("\\")[0].partition(".")
        return _with_cycle(whole, decimals, re.sub(r"\D", "", text.partition("{")[2]))
    digits = re.sub(r"[^\d.]", "", text).rstrip(".")
    whole, _, decimals = digits.partition(".")
    for length in range(1, min(len(decimals) // 2, 12) + 1):
        cycle = decimals[-length:]
        if decimals.endswith(cycle * (3 if length == 1 else 2)):
            return _with_cycle(whole, decimals[:-length], cycle)
    raise Unreadable("no repeating decimals")


def _with_cycle(whole: str, decimals: str, cycle: str) -> Fraction:
    """``whole.decimals(cycle)`` as an exact fraction."""
    if len(decimals) + len(cycle) > 200:
        raise Unreadable("too many digits")
    head = Fraction(int(whole or "0") * 10 ** len(decimals) + int(decimals or "0"), 10 ** len(decimals))
    return head + Fraction(int(cycle), 10 ** len(decimals) * (10 ** len(cycle) - 1))


#: Units whose letters are a product as well: the weight ``mg`` behind no number, ``2mg sin(x)``.
_PRODUCTS = frozenset(("mg", "Mm", "cm", "km", "kg"))
_BEFORE_PRODUCTS: tuple[list[Token], ...] = ([], [("open", "brace")], [("op", "-")], [("op", "+")], [("rel", "=")])
_FACTORS = GREEK - {"Omega"}
_AFTER_PRODUCTS = frozenset(f"\\{name}" for name in (*_FACTORS, "sin", "cos", "tan", "sqrt", "frac"))


def _multiplies(tokens: list[Token], after: list[str]) -> bool:
    before = tokens[-1:]
    if before in _BEFORE_PRODUCTS or after[:1] == ["("] or (before[0][0] == "sym" and before[0][1] in _FACTORS):
        return True
    return next((piece for piece in after if piece[0] not in _BLANK), "") in _AFTER_PRODUCTS


def _bare_word(word: str, tokens: list[Token]) -> None:
    if known := BARE_WORDS.get(word):
        tokens.append(known)
    elif word == "U" and tokens and tokens[-1][0] == "close":
        tokens.append(("op", "cup"))
    elif len(word) == 1 or word in GREEK:
        tokens.append(("sym", word))
    elif len(word) > 3 or word in SHORT_WORDS or (word.istitle() and word.lower() in SHORT_WORDS):
        tokens.append(("word", word))
    else:
        tokens.extend(BARE_WORDS.get(letter, ("sym", letter)) for letter in word)


def _command(name: str, text: str, at: int, tokens: list[Token]) -> int:
    if name in ("left", "right"):
        at += text[at : at + 1] == "."
    elif name in ("angle", "triangle"):
        letters = _NAMED_POINTS.match(text, at)
        tokens.append(("sym", name + (letters.group(1) if letters else "")))
        at = letters.end() if letters else at
    elif name in ("begin", "end"):
        close = text.find("}", at)
        if not text.startswith("{", at) or close < 0:
            raise Unreadable(f"\\{name} without an environment")
        tokens.append((name, text[at + 1 : close]))
        at = close + 1
        if tokens[-1] == ("begin", "array") and text.startswith("{", at):
            at = text.find("}", at) + 1 or at
    elif name in STYLES:
        at = _styled(name, text, at, tokens)
    else:
        raise Unreadable(f"unknown command \\{name}")
    return at


_ACCENT_NAMES = {"overrightarrow": "vec", "widehat": "hat", "widetilde": "tilde"}
_ACCENTED = re.compile(r"\\[a-z]+|[A-Za-z]")
_BEFORE_UNITS = frozenset(("num", "close", "word", "op", "sym"))
_BRACE = re.compile("[{}]")
_BETWEEN_UNITS = re.compile(r"\\(?:cdot|times|[,; ])|~")
_NAMED_POINTS = re.compile(r"\s*([A-Z]+)")
_MATH_IN_TEXT = re.compile(r"\(?[\dA-Z]+\)?(?:\s*(?:,|and|or)\s*\(?[\dA-Z]+\)?)+|[\d\s().,+\-/=^]*|\(?[A-Za-z]\)?")


def _closing(text: str, at: int) -> int:
    """Where the brace at ``at`` ends."""
    depth = 0
    for found in _BRACE.finditer(text, at):
        depth += 1 if found[0] == "{" else -1
        if not depth:
            return found.start()
    raise Unreadable("an open brace")


def _styled(name: str, text: str, at: int, tokens: list[Token]) -> int:
    while at < len(text) and text[at] == " ":
        at += 1
    name = _ACCENT_NAMES.get(name, name)
    if not text.startswith("{", at):
        if name in ACCENTS and (letter := _ACCENTED.match(text, at)):
            tokens.append(("sym", name + letter[0]))
            return letter.end()
        return at
    close = _closing(text, at)
    inner = text[at + 1 : close].strip()
    if "{" in inner or "\\" in inner:
        unit = _BETWEEN_UNITS.sub(" ", inner).replace("{", "").replace("}", "")  # J\cdot s^{-1}
        if "_" not in unit and is_unit(unit):
            inner = unit
        elif "{" in inner:
            raise Unreadable("nested text")
    if name == "mathbb":
        tokens.append(("const", "reals") if inner == "R" else ("sym", "mathbb" + inner))
    elif name in ACCENTS:
        tokens.append(("sym", name + inner))
    elif tokens and (tokens[-1][0] in _BEFORE_UNITS or tokens[-2:-1] == [("op", "/")]) and is_unit(inner):
        tokens.append(("word", inner))
    elif _MATH_IN_TEXT.fullmatch(inner) or (STYLES[name] and inner.startswith("\\")):
        tokens.extend(tokenize(inner))
    elif inner.lower().strip(" ,") in ("and", "or"):
        tokens.append(("sep", inner.lower().strip(" ,")))
    elif inner in BARE_WORDS:
        tokens.append(BARE_WORDS[inner])
    else:
        tokens.append(("word", inner))
    return close + 1
