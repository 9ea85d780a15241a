r"""Tier ``string``: two answers are equal when their canonical spelling is.

Caveat: only notation that can never carry meaning is removed (spacing, delimiters, ``\left``/``\right``,
styles, typographic Unicode, a final full stop), so that equal spelling is a proof.
"""

import re
from functools import cache
from string import ascii_letters, ascii_uppercase

from ..kept import kept
from .lexer import is_prose
from .spelling import NUMBER_STARTS, respell
from .vocabulary import WORDS

_SPACING = re.compile(r"\\(?:[,;:!>]|q?quad|(?:thinspace|displaystyle|textstyle|limits|nolimits)(?![A-Za-z]))|~")
_SIZES = re.compile(r"\\(?:left|right|[bB]igg?[lrm]?)(?![A-Za-z])\s*\.?")
_GROUPING = re.compile(r"(?<=\d)(?:,\\!|\{,\}|\\,)\s*(?=\d{3}(?!\d))|\{,\}")
_WORDS = re.compile(r"\\[dtc]frac(?![A-Za-z])")
#: Where any of the four above has something to find.
_STYLED = re.compile(
    r"~|\{,\}|\\(?:[,;:!>]|q?quad|thinspace|(?:display|text)style|(?:no)?limits|left|right|[bB]ig|[dtc]frac|[lg]eq )"
)
_RAISED_O = re.compile(r"\^\s*\{?o")
_LETTER_O = re.compile(r"(?<=\d)\s*\^\s*\{?o\}?(?![A-Za-z])")
_SIUNITX = re.compile(r"\\(?:SI|qty)\s*\{([^{}]*)\}\s*\{([^{}]*)\}")
_SPACED_UNIT = re.compile(r"(-?\d[\d,.]* (?=[A-Zmgsh])|-?\d*\.\d+(?=L))([A-Z]|[mgsh])")
#: The letters of 2 m/g may be anything; those of 2 m/s hardly are.
_SPACED_RATE = re.compile(
    r"(-?\d[\d,.]*(?: ?\\(?:times|cdot) ?10\^\{?-?\d+\}?|[eE]-?\d+)? )"
    r"((?:[kcm]?m|in|ft|mi|yd)/(?:s|h|hr|min)(?:\^\{?2\}?)?|k?g/(?:m?L|c?m\^\{?3\}?)|mol/L|kg m(?:\^\{?2\}?)?(?:/s(?:\^\{?[23]\}?)?)?|J s|N m|N s|k?W h|[kcm]?m|[km]?g|[A-Zs])"
)
_STYLED_DEGREE = re.compile(r"\\(?:text|mathrm)\s*\{\s*\^\s*\{?\\circ\s*\}?\s*([CF])\s*\}")
_SYMBOLS = re.compile(
    r"(?<=[\d}]) *(?:\\(?:text|mathrm)\s*\{ *)?([kMm]?) *\\(?:mathrm\{)?(Omega|mu)(?![A-Za-z]) *\}?"
    r" *(?:\\(?:text|mathrm)\s*\{ *)?([mgsLlAVFC]?) *\}?$"
)
_DOUBLED = re.compile(r"\\\\(?=[A-Za-z])")
_UNICODE = {ord(character): text for text, characters in WORDS["typography"].items() for character in characters}
_UNICODE |= {ord(word): text for text, words in WORDS["chinese"].items() for word in words.split() if len(word) == 1}
_UNICODE |= {0xFEE0 + code: chr(code) for code in range(0x21, 0x7F) if 0xFEE0 + code not in _UNICODE}  # full width
_CHINESE = {word: unit for unit, words in WORDS["chinese units"].items() for word in words.split()}
_CHINESE_SIGNS = frozenset(word[0] for word in _CHINESE)
_NONE = ("\\n", "\\n")  # no text ends in white space
#: Delimiters but the dollars, by the two signs that a text begins with.
_DELIMITERS = {
    left[:2]: (left, right) for left, right in ((r"\(", r"\)"), (r"\[", r"\]"), ("**", "**"), (r"\boxed{", "}"))
}
#: Where anything in :func:`rewritten` may have something to find, but for what :func:`canonical` looks for itself. Every
#: alternative begins with a sign of its own, at which alone a search halts; the words stand for "integer" and "number".
_is_unusual = re.compile(
    r"\\(?:[,;:!>]|\\[A-Za-z]|t(?:ext|frac|hinspace)|m(?:ath|u)|l(?:eft|dots|imits|eq )|right|frac |d(?:frac|ots|isplaystyle)"
    r"|c(?:frac|dots|hoose)|b(?:ig|oxed|m|oldsymbol)|Big|q|vec|overrightarrow|hat|in |geq |nolimits|prime|Omega|AA|SI|\Z)"
    r"|~|'|_(?:(?<=[}\d\s]_)|(?<=[\^\s]\w_))|C\s*[\d_]|<\||>\Z|\"\Z|\[\Z|\](?<=^\])|min|max|gcd|lcm|ger|mber|&|f(?:or|(?<=if)\b)|whe|with"
).search
_STOPS = frozenset(".;,")
_UNFINISHED = frozenset(("", "\\"))
_FIRST_LETTERS = frozenset(start[0] for start in NUMBER_STARTS) | frozenset(start[0].upper() for start in NUMBER_STARTS)
_SIGNED = frozenset("-.0123456789")
_UNIT_ENDS = frozenset(ascii_uppercase + "mgshrn")  # of the letters that they are written with
_SPACED = re.compile(r"\d{1,3}(?: \d{3})+(?:\.\d+)?")
_WHOLE: dict[str, str] = {words: text for text, spellings in WORDS["whole answers"].items() for words in spellings}
_LETTERED = frozenset(ascii_letters + "\\")
_INVERSE = re.compile(r"^([fghFG])\s*\^\s*\{?\s*-\s*1\s*\}?\s*\((?=[a-z]\)\s*=)")
_ORDINAL = re.compile(r"(\d+)\s*(?:\^\s*)?\{?(?:\\(?:text|mathrm|textrm)\s*\{\s*)?(?:st|nd|rd|th)\s*\}{0,2}")


@cache
def _chinese_units() -> re.Pattern[str]:
    words = "|".join(sorted(_CHINESE, key=len, reverse=True))
    return re.compile(
        rf"(?<=[\d}})])\s*({words})(?:\s*/\s*({words}))?(?=\s*(?:[,;)]|and|or|$))|\\text\s*\{{\s*({words})\s*\}}"
    )


def _chinese_unit(match: re.Match[str]) -> str:
    """``5平方厘米`` as ``5 \\text{cm^2}``."""
    units = [_CHINESE[word] for word in match.groups() if word]
    return rf" \text{{{'/'.join(units)}}}"


def _unit_symbol(match: re.Match[str]) -> str:
    r"""``\mu m`` as ``\text{µm}`` and ``k\Omega`` as ``\text{kohm}``."""
    prefix, symbol, unit = match.groups()
    if (symbol == "mu") == bool(unit) and not (symbol == "mu" and prefix):
        return rf" \text{{µ{unit}}}" if unit else rf" \text{{{prefix}ohm}}"
    return match[0]


def strip_delimiters(text: str) -> str:
    r"""Remove ``$``, ``\(...\)``, ``\[...\]``, ``**`` around a stripped text, and a final full stop."""
    for _ in range(4):
        first = text[:1]
        if stopped := text[-1:] in _STOPS and len(text) > 1 and not text.endswith(".."):
            text = text[:-1].rstrip()
        if first == "$":
            left = right = "$$" if text[1:2] == "$" and len(text) > 3 else "$"
        elif first == "\\" or first == "*":
            left, right = _DELIMITERS.get(text[:2], _NONE)
        elif stopped:
            continue
        else:
            break
        if text.endswith(right) and len(text) >= len(left) + len(right) and text.startswith(left):
            inside = text[len(left) : -len(right)]
            if left not in inside and not text.endswith("\\$"):
                text = inside.strip()
                continue
        if not stopped:
            break
    return text


def spaced_number(text: str) -> str:
    """Plain spellings that only make sense as a whole: ``1 000``, ``6th``, ``all real numbers``."""
    first = text[:1]
    if first in _LETTERED and len(text) < 40 and (whole := _WHOLE.get(text.lower())) is not None:
        return whole
    if first in "fghFG" and "^" in text[:3]:
        text = _INVERSE.sub(r"\1'(", text)
    elif first in "=\\ " and text.startswith(("=", "\\approx", " ")):
        for sign in ("=", r"\approx"):
            text = text.removeprefix(sign).lstrip()
        first = text[:1]
    if not first.isdecimal():
        return text
    if " " in text and _SPACED.fullmatch(text):
        return text.replace(" ", "")
    if text[-1] in "tdh}" and (ordinal := _ORDINAL.fullmatch(text)):
        return ordinal[1]
    return text


@kept
def canonical(text: str) -> str:
    """The canonical spelling of an answer: never longer than a small multiple of it, linear time."""
    text = text.strip()
    if text[:1] == "$" == text[-1:] and "$" not in (inside := text[1:-1].strip()) and inside[-1:] not in _UNFINISHED:
        text = inside
    if not text:
        return text
    if is_prose(text):
        return " ".join(text.split())
    first, last = text[0], text[-1]
    if last in _STOPS or first == "$" or (first in "\\*" and text[:2] in _DELIMITERS):
        text = strip_delimiters(text)
        first, last = text[:1], text[-1:]
    if (
        ("10" in text and ("x" in text or "X" in text))
        or "{,}" in text
        or ("^" in text and "o" in text and _RAISED_O.search(text))
        or _is_unusual(text)
        or (first in _FIRST_LETTERS and text[:3].lower() in NUMBER_STARTS)
        or not text.isascii()
    ):
        text = rewritten(text)
    elif first in _SIGNED and (last in _UNIT_ENDS or "/" in text):
        text = _with_unit(text)
    return " ".join(text.split())


def _with_unit(text: str) -> str:
    """A unit in letters behind a number as one in words, ``5 m`` as ``5 \\text{m}``."""
    ends = text[:1] in _SIGNED and (text[-1:] in _UNIT_ENDS or ("/" in text and text[-1:] in "}23"))
    if ends and (spaced := _SPACED_UNIT.fullmatch(text) or _SPACED_RATE.fullmatch(text)):
        return rf"{spaced[1]} \text{{{spaced[2]}}}"
    return text


def rewritten(text: str) -> str:
    """A stripped text in the one spelling of its notation."""
    if text.startswith("\\text{") and text[6:7].isdigit() and text.find("}") == len(text) - 1:
        text = text[6:-1]
    if not text.isascii():
        text = _WHOLE.get(text) or text.translate(_UNICODE)
        if not _CHINESE_SIGNS.isdisjoint(text):
            text = _chinese_units().sub(_chinese_unit, text)
    text = respell(text)
    if "\\\\" in text and "\\begin" not in text:
        text = _DOUBLED.sub(r"\\", text)
    if _STYLED.search(text):
        if "{,}" in text or "\\," in text or "\\!" in text:
            text = _GROUPING.sub(",", text)
        text = _SPACING.sub(" ", text)
        if "\\left" in text or "ig" in text:  # right, big, Big
            text = _SIZES.sub("", text)
        if "dfrac" in text or "tfrac" in text or "cfrac" in text:
            text = _WORDS.sub(r"\\frac", text)
        text = text.replace("\\leq ", "\\le ").replace("\\geq ", "\\ge ")
    if "\\SI" in text or "\\qty" in text:
        text = _SIUNITX.sub(lambda m: m[1] + r" \text{" + m[2].replace("\\", " ") + "}", text)
    if text[-1:] in "} CFma" and ("circ" in text or "mu" in text or "Omega" in text):
        text = _STYLED_DEGREE.sub(r"^\\circ \1", text)
        text = _SYMBOLS.sub(_unit_symbol, text)
    text = _with_unit(text)
    if "^" in text and "o" in text and _RAISED_O.search(text):
        text = _LETTER_O.sub(r"^\\circ", text)
    return text
