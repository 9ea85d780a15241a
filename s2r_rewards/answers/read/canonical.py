r"""Tier ``string``: two answers are equal when their canonical spelling is.

Caveat: only notation that can never carry meaning is removed (spacing, delimiters, ``\left``/``\right``,
styles, typographic Unicode, a final full stop), so that equal spelling is a proof.
"""

import re

from .kept import kept
from .spelling import respell
from .vocabulary import WORDS

_SPACING = re.compile(r"\\(?:[,;:!>]|q?quad|(?:thinspace|displaystyle|textstyle|limits|nolimits)(?![A-Za-z]))|~")
_SIZES = re.compile(r"\\(?:left|right|[bB]igg?[lrm]?)(?![A-Za-z])\s*\.?")
_GROUPING = re.compile(r"(?<=\d)(?:,\\!|\{,\}|\\,)\s*(?=\d{3}(?!\d))|\{,\}")
_WORDS = re.compile(r"\\[dtc]frac(?![A-Za-z])")
#: Where any of the four above has something to find.
_STYLED = re.compile(
    r"~|\{,\}|\\(?:[,;:!>]|q?quad|thinspace|(?:display|text)style|(?:no)?limits|left|right|[bB]ig|[dtc]frac|[lg]eq )"
)
_LETTER_O = re.compile(r"(?<=\d)\s*\^\s*\{?o\}?(?![A-Za-z])")
_SIUNITX = re.compile(r"\\(?:SI|qty)\s*\{([^{}]*)\}\s*\{([^{}]*)\}")
_SPACED_UNIT = re.compile(r"(-?\d[\d,.]* (?=[A-Zmgsh])|-?\d*\.\d+(?=L))([A-Z]|[mgsh])")
#: The letters of 2 m/g may be anything; those of 2 m/s hardly are.
_SPACED_RATE = re.compile(
    r"(-?\d[\d,.]*(?: ?\\(?:times|cdot) ?10\^\{?-?\d+\}?)? )"
    r"((?:[kcm]?m|in|ft|mi|yd)/(?:s|h|hr|min)(?:\^\{?2\}?)?|k?g/(?:m?L|c?m\^\{?3\}?)|mol/L|[kcm]?m|[km]?g|[A-Zs])"
)
_STYLED_DEGREE = re.compile(r"\\(?:text|mathrm)\s*\{\s*\^\s*\{?\\circ\s*\}?\s*([CF])\s*\}")
_SYMBOLS = re.compile(
    r"(?<=[\d}]) *(?:\\(?:text|mathrm)\s*\{ *)?([kMm]?) *\\(?:mathrm\{)?(Omega|mu)(?![A-Za-z]) *\}?"
    r" *(?:\\(?:text|mathrm)\s*\{ *)?([mgsLlAVFC]?) *\}?$"
)
_DOUBLED = re.compile(r"\\\\(?=[A-Za-z])")
_UNICODE = {ord(character): text for text, characters in WORDS["typography"].items() for character in characters}
_DOLLARS = (("$$", "$$"), ("$", "$"))
#: The delimiters of a text that begins with two signs.
_DELIMITERS = {
    left[:2]: ((left, right),) for left, right in ((r"\(", r"\)"), (r"\[", r"\]"), ("**", "**"), (r"\boxed{", "}"))
}
#: Texts of which nothing but the spacing is ever changed.
_PLAIN = re.compile(r"(?!\])[-0-9 ,.:;()\[\]/+*=%]+(?<!\[)")
_STOPS = frozenset(".;,")
_SPACED = re.compile(r"\d{1,3}(?: \d{3})+(?:\.\d+)?")
_WHOLE: dict[str, str] = {words: text for text, spellings in WORDS["whole answers"].items() for words in spellings}
_INVERSE = re.compile(r"^([fghFG])\s*\^\s*\{?\s*-\s*1\s*\}?\s*\((?=[a-z]\)\s*=)")
_ORDINAL = re.compile(r"(\d+)\s*(?:\^\s*)?\{?(?:\\(?:text|mathrm|textrm)\s*\{\s*)?(?:st|nd|rd|th)\s*\}{0,2}")


def _unit_symbol(match: re.Match[str]) -> str:
    r"""``\mu m`` as ``\text{µm}`` and ``k\Omega`` as ``\text{kohm}``."""
    prefix, symbol, unit = match.groups()
    if (symbol == "mu") == bool(unit) and not (symbol == "mu" and prefix):
        return rf" \text{{µ{unit}}}" if unit else rf" \text{{{prefix}ohm}}"
    return match[0]


def strip_delimiters(text: str) -> str:
    r"""Remove surrounding ``$``, ``\(...\)``, ``\[...\]``, ``**`` and a final full stop."""
    text = text.strip()
    for _ in range(4):
        delimiters = _DOLLARS if text[:1] == "$" else _DELIMITERS.get(text[:2], ())
        if not delimiters and text[-1:] not in _STOPS:
            break
        before = text
        if len(text) > 1 and text[-1] in _STOPS and not text.endswith(".."):
            text = text[:-1].rstrip()
        for left, right in delimiters:
            surrounded = text.startswith(left) and text.endswith(right) and len(text) >= len(left) + len(right)
            if surrounded and not text.endswith("\\$") and left not in (inside := text[len(left) : -len(right)]):
                text = inside.strip()
                break
        if text == before:
            break
    return text


def spaced_number(text: str) -> str:
    """Plain spellings that only make sense as a whole: ``1 000``, ``6th``, ``all real numbers``."""
    if len(text) < 40 and (whole := _WHOLE.get(text.lower())) is not None:
        return whole
    if "^" in text[:3]:
        text = _INVERSE.sub(r"\1'(", text)
    if text.startswith(("=", "\\approx", " ")):
        for sign in ("=", r"\approx"):
            text = text.removeprefix(sign).lstrip()
    if " " in text and _SPACED.fullmatch(text):
        return text.replace(" ", "")
    if text[-1:] in "tdh}" and (ordinal := _ORDINAL.fullmatch(text)):
        return ordinal[1]
    return text


@kept
def canonical(text: str) -> str:
    """The canonical spelling of an answer: never longer than a small multiple of it, linear time."""
    text = strip_delimiters(text)
    if _PLAIN.fullmatch(text):
        return " ".join(text.split())
    if text.startswith("\\text{") and text[6:7].isdigit() and text.find("}") == len(text) - 1:
        text = text[6:-1]
    if not text.isascii():
        text = text.translate(_UNICODE)
    text = respell(text)
    if "\\\\" in text and "\\begin" not in text:
        text = _DOUBLED.sub(r"\\", text)
    if _STYLED.search(text):
        text = _GROUPING.sub(",", text)
        text = _WORDS.sub(r"\\frac", _SIZES.sub("", _SPACING.sub(" ", text)))
        text = text.replace("\\leq ", "\\le ").replace("\\geq ", "\\ge ")
    if "\\SI" in text or "\\qty" in text:
        text = _SIUNITX.sub(lambda m: m[1] + r" \text{" + m[2].replace("\\", " ") + "}", text)
    if text[-1:] in "} CFma" and ("circ" in text or "mu" in text or "Omega" in text):
        text = _STYLED_DEGREE.sub(r"^\\circ \1", text)
        text = _SYMBOLS.sub(_unit_symbol, text)
    ends = text[:1] in "-.0123456789" and (text[-1:].isalpha() or text[-1:] in "}23")
    if ends and (spaced := _SPACED_UNIT.fullmatch(text) or _SPACED_RATE.fullmatch(text)):
        text = rf"{spaced[1]} \text{{{spaced[2]}}}"
    if "^" in text and "o" in text:
        text = _LETTER_O.sub(r"^\\circ", text)
    return " ".join(text.split())
