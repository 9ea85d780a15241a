r"""What a sentence states: the value behind its last "=" or "is", a box, a tag; and whether two values are the same.

Only a rough comparison is needed here, to follow a text ("the same answer again?"); golden answers are met by
``s2r_rewards.answers`` alone.
"""

from __future__ import annotations

import re
from collections import deque
from dataclasses import dataclass

LONGEST = 400  # characters of a sentence's end that are looked at

_NUMBER = re.compile(r"(?<![A-Za-z\d_^.])[-+−±]?(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?|[-+−]?\.\d+")
_NOISE = re.compile(
    r"\\(?:left|right|displaystyle|mathrm|text|textbf|mathbf|mbox|[,;:! ]|quad|qquad)|\*\*|\\[()\[\]]|[$`\s{}]|°|\^\\?circ"
)
_SAME = (
    ("\\times", "*"), ("\\cdot", "*"), ("×", "*"), ("·", "*"),
    ("−", "-"), ("\\sqrt", "sqrt"), ("√", "sqrt"), ("\\pm", "±"), ("\\%", "%"), ("\\infty", "∞"), ("\\boxed", ""),
    ("\\pi", "π"), ("degrees", ""), ("，", ","), ("：", ":"),
)  # fmt: skip
_STATES = re.compile(
    r"(?:=|≈|\\approx|\\equiv|≡|→|\\rightarrow|\\implies|⇒|:(?=\s|\*)|：|为|是|等于|得到|得|共|剩)"
    r"|\b(?:is|are|was|be|equals?|gives?|get|gets|got|has|have|of|to|at|by|need|needs|earned|receives?|costs?|approximately|about|exactly|only|leaves?|contributes?|simplifies)\b"
)
_TOKEN = re.compile(r"(?=[a-z]*\d|[a-z]\Z)[0-9a-z.:]{1,24}")  # a code, a time, a letter
_COMPOUND = re.compile(r"sqrt|frac|[π^*/∞<>=]")
_THOUSANDS = re.compile(r"(?<=\d),(?=\d{3}(?!\d))")
_FRACTION = re.compile(r"\\[dt]?frac\s*(?:\{([^{}]{1,80})\}\s*\{([^{}]{1,80})\}|(\d)\s*(\d))")
_WORD = re.compile(r"[A-Za-z]{2,}")
_COMMAND = re.compile(r"\\[a-zA-Z]+")
_DIGIT = re.compile(r"\d")
_ANY = re.compile(r"[\dA-Za-z\u4e00-\u9fff]")
_NO_ANSWER = re.compile(
    r"<[^<>\n]{1,40}>|(?:\w+ ){0,2}(?:in)?correct|wrong|right|consistent|straightforward|true|false", re.IGNORECASE
)
_LOWER = re.compile(
    r"[a-z][a-z ,-]{2,}|Yes|No|Nope|[HOWSGPA](?:mm+|k|kay|ait|ure|reat|ood|erfect|lright)"
)  # "6 is even": a bare word in running text is a remark
_EQUALS = re.compile(r"(?:=|\bis|\bare)\s*(-?[^\s=$,;，。]{1,40}?)(?=\\\)|\\\]|[$,;，。]|\s)")


@dataclass(frozen=True, slots=True)
class Value:
    """A stated value: as it is written, ``[start, end)`` of the text, and its form for comparing."""

    start: int
    end: int
    form: str


def form(written: str) -> str:
    """The comparable form of a written value: without mark-up, spaces, thousands' commas and units."""
    text = written[:LONGEST]
    if "frac" in text:
        text = _FRACTION.sub(lambda m: f"{m[1] or m[3]}/{m[2] or m[4]}", text)
    for a, b in _SAME:
        text = text.replace(a, b)
    bare = _NOISE.sub(" ", text).strip(" .,;:!?。，；：*")
    numbers = _NUMBER.findall(bare)
    if len(numbers) == 1 and not _COMPOUND.search(bare) and len(bare) < 80:
        return _number(numbers[0])
    bare = _THOUSANDS.sub("", "".join(bare.split())).lower()
    return bare


def _number(written: str) -> str:
    text = written.replace(",", "").replace("−", "-").lstrip("+")
    sign = "-" if text.startswith("-") else ""
    text = text.lstrip("-±")
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return sign + (text.lstrip("0") or "0")


def same(one: str, other: str) -> bool:
    """Whether two forms write the same value, as far as can be seen without mathematics."""
    if one == other:
        return True
    if not one or not other:
        return False
    a, b = one.rpartition("=")[2], other.rpartition("=")[2]
    if a == b and len(a) > 0 and ("=" not in one or "=" not in other):
        return True
    return "," in one and _parts(one) == _parts(other)


def differs(one: str, other: str) -> bool:
    """Whether two forms are surely different values: two plain numbers, or two lists of assignments."""
    if same(one, other):
        return False
    if _NUMBER.fullmatch(one) and _NUMBER.fullmatch(other):
        return not _rounded(one, other)
    if _TOKEN.fullmatch(one) and _TOKEN.fullmatch(other):
        return True
    return bool(one and other and "," in one and "," in other and _parts(one).keys() & _parts(other).keys())


def _parts(text: str) -> dict[str, str]:
    return {name: value for name, _, value in (part.partition("=") for part in text.strip("()[]").split(","))}


def _rounded(one: str, other: str) -> bool:
    """1.19 and 1.1905 are one value, written to other places."""
    try:
        a, b = float(one), float(other)
    except ValueError:
        return False
    places = [len(x.partition(".")[2]) for x in (one, other)]
    return min(places) > 0 and abs(a - b) <= 0.51 * 10 ** -min(places)


def last_value(text: str, start: int, end: int) -> Value | None:
    """The value that a sentence ends in: what stands behind its last "=", "is", ":" …, if that is short."""
    begin = max(start, end - LONGEST)
    stop = end
    while stop > begin and text[stop - 1] in " \t\n.,;:!?。，；！？*_$)]}）`" and not _opens(text, begin, stop):
        stop -= 1
    last = next(iter(deque(_STATES.finditer(text, begin, stop), maxlen=1)), None)
    value = _value(text, last.end() if last else begin, end)
    if value is None and last is not None:  # "so b = 9, as it is the only base above 8"
        for early in _EQUALS.finditer(text, begin, stop):
            value = Value(*early.span(1), form(early.group(1)))
    return value if value is not None and value.form else None


def _value(text: str, at: int, end: int) -> Value | None:
    piece = text[at:end].strip(" \t\n.,;:!?。，；：！？*_")
    if not piece or len(piece) > 160 or _NO_ANSWER.fullmatch(piece) or _LOWER.fullmatch(piece):
        return None
    words = len(_WORD.findall(_COMMAND.sub("", piece)))
    if words > 5 or (words > 2 and not _DIGIT.search(piece)) or not _ANY.search(piece):
        return None
    return Value(at, end, form(piece))


def _opens(text: str, begin: int, stop: int) -> bool:
    """Whether the bracket that closes at ``stop`` belongs to the value ("(15, -29)")."""
    closing = text[stop - 1]
    opening = {")": "(", "]": "[", "}": "{"}.get(closing)
    return opening is not None and text.rfind(opening, begin, stop - 1) >= 0


def mentions(piece: str, answers: tuple[str, ...]) -> bool:
    """Whether a piece of text (its last characters) names one of the answers as a whole number or expression."""
    tail = piece[-LONGEST:]
    numbers = {_number(n) for n in _NUMBER.findall(tail)}
    compact = form(tail + " ") if len(answers) else ""
    return any(a in numbers or (len(a) > 3 and not _NUMBER.fullmatch(a) and a in compact) for a in answers if a)


def is_value(written: str) -> bool:
    """Whether what stands behind "the answer is" is an answer, not a verdict or a lone tag."""
    return _NO_ANSWER.fullmatch(_NOISE.sub(" ", written).replace("*", "").strip(" .,;:!?。，；：！？*_")) is None
