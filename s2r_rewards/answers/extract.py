r"""Find the final answer in the text of one attempt.

Order of precedence, each looked for from the end of the span:

============  ===========================================================================================
``how``       what is taken
============  ===========================================================================================
``boxed``     the last closed, non-empty ``\boxed{...}`` / ``\fbox{...}`` (balanced braces, outermost)
``tag``       the inside of the last ``<answer>...</answer>``
``hashes``    the rest of the line after the last ``####`` (GSM8K)
``phrase``    what follows the last "answer is", "answer:", "option is", or a line that begins with "A:"; what stands in
              front of "is the answer" at the end of a sentence
``whole``     the whole span, when it is one short line without prose   (``fallback`` "math" or "number")
``number``    the number that the text ends with ("... is 12.")         (``fallback`` "math" or "number")
``math``      the last ``$...$``, ``\(...\)`` or ``\[...\]``             (``fallback`` "math" or "number")
``number``    the last plain number                                     (``fallback`` "number")
``none``      nothing was found; ``answer`` is None
``unclosed``  the only boxes were cut off before their closing brace; ``answer`` is None
============  ===========================================================================================

Every step is linear in the length of the span. Two boxes with different contents in one attempt are
reported through ``distinct``; the last one is the answer, unless nothing but commas and "and" stands between them: then
they are one answer with several parts. "or" joins nothing.
"""

import re
from collections import deque
from dataclasses import dataclass
from typing import Literal

from ..seeking import find
from .guard import guarded

Fallback = Literal["none", "math", "number"]


@dataclass(frozen=True, slots=True)
class Extraction:
    """An extracted answer; ``start``/``end`` are the offsets of ``answer`` in the text (-1: none)."""

    answer: str | None
    start: int = -1
    end: int = -1
    how: str = "none"
    boxes: int = 0
    distinct: int = 0


_NOTHING = Extraction(None)
_BOX_TOKEN = re.compile(r"\\(?:boxed|fbox)\s*(\{)?|\\[{}\\]|[{}]")
_JOINT = re.compile(
    r"\}[$\s]*(?:(,|;|&)[$\s]*)?(?:\\(?:quad|,|;| )\s*)*(?:(and|\\text\s*\{\s*(?:(?:for|of|in)\s+part\s*\(?[a-z]\)?\s*)?and\s*\})[$\s]*)?\\(?:boxed|fbox)\s*\{"
)
_LONGEST_JOINT = 80
_BARE_BOX = re.compile(r"[^\s{}$\\]{1,40}")
_AFTER_ANSWER = re.compile(
    r"nswer>\s*|nswers?\*{0,2}\s*(?:(?:is|are|should\s+be|must\s+be|=)\b\s*[:=]?|[:=])\s*|nswer\s+(?=\$|\\[(\[])", re.I
)
#: Words that what follows may be announced by, without the letters that may be large or small.
_ANNOUNCING = ("nswer", "NSWER", "ption", "hoice")
_AFTER_CHOICE = re.compile(r"(?:ption|hoice)\*{0,2}\s*(?:(?:is|=)\b\s*:?|:)\s*(?=\W{0,3}[A-J]\b|\W{0,2}\([a-j]\))")
_BEFORE_ANSWER = re.compile(
    r"(?:^|[\s(])(\$[^$\n]{1,60}\$|-?\d[\d,./]*|\(?[A-J]\)?)\s+is\s+(?:the|our|my)\s+(?:final\s+|correct\s+|right\s+)?[aA]$"
)
_ENDED = re.compile(r"nswer\s*[.!]?\s*(?:$|\n)")
_LABEL_LINE = re.compile(r"(?:^|\n)\s*A:[ \t]*(?=\S)")
_VERDICT_WORD = re.compile(
    r"(?:\*\*)?(?:in)?(?:correct|valid|accurate|consistent)\b|(?:\*\*)?(?:wrong|right|true\s+that|not\b|cannot\b|the\s+same)",
    re.I,
)
_MATH = re.compile(r"\$\$(.+?)\$\$|(?<!\\)\$((?:\\.|[^$\\])+)\$|\\\((.+?)\\\)|\\\[(.+?)\\\]", re.S)
_NUMBER = re.compile(r"-?(?:\d[\d,]*(?:\.\d+)?|\.\d+)%?")
_SENTENCE_END = re.compile(r"\n|\.(?=\s+[A-Z])|\.\s*(?=$|<\|)|<\||</answer>")
_ENDING = re.compile(r"\b(?:is|are|by|be|equals)\s+(-?\d[\d,]*(?:\.\d+)?\s?%?)\s*\.?\s*$")
_WINDOW = 2000  # characters looked at behind a phrase
_TRIES = 8  # phrases looked at, from the last backwards


@guarded("the extraction", lambda *_, **__: Extraction(None))
def extract_answer(text: str, start: int = 0, end: int | None = None, fallback: Fallback = "none") -> Extraction:
    """Extract the final answer from ``text[start:end]`` (offsets in the result refer to ``text``).

    ``fallback`` says how far to go when nothing marks an answer: ``"none"`` (default) gives up, ``"math"``
    accepts a lone short line or the last piece of mathematics, ``"number"`` also the last plain number.
    """
    stop = len(text) if end is None else end
    boxed = _last_box(text, start, stop)
    if boxed.answer is not None or boxed.how == "unclosed":
        return boxed
    span = _last_phrase(text, start, stop) or _last_resort(text, start, stop, fallback)
    if span is None:
        return boxed
    left, right, how = span
    return Extraction(text[left:right], left, right, how, boxed.boxes)


def _last_box(text: str, start: int, stop: int) -> Extraction:
    at = find(text, "box", start, stop)
    if at < 0:
        return _NOTHING
    if simple := _one_simple_box(text, at, start, stop):
        return simple
    near = min((at for name in ("boxed", "\\fbox") if (at := find(text, name, start, stop)) >= 0), default=-1)
    if near < 0:
        return _NOTHING
    begin = _next_box(text, max(start, near - 1), stop)
    stack: list[int] = []  # for each open brace: where its content starts if it belongs to a box, else -1
    found: list[tuple[int, int]] = []  # closed outermost boxes, in order
    boxes = 0
    while begin >= 0:
        at = stop
        for token in _BOX_TOKEN.finditer(text, begin, stop):
            mark = token.group()
            if mark == "{":
                stack.append(-1)
            elif mark == "}":
                opened = stack.pop() if stack else -1
                if opened >= 0:
                    while found and found[-1][0] >= opened:  # nested in this box
                        found.pop()
                    found.append((opened, token.start()))
            elif mark.startswith(("\\boxed", "\\fbox")):
                boxes += 1
                if token.group(1):
                    stack.append(token.end())
                elif bare := _BARE_BOX.match(text, token.end(), stop):
                    found.append(bare.span())
            if not stack:  # braces outside of boxes mean nothing: on to the next box
                at = token.end()
                break
        begin = _next_box(text, at, stop)
    filled = [span for span in found if not text[span[0] : span[1]].isspace() and span[0] < span[1]]
    if not filled:
        return Extraction(None, how="unclosed" if any(x >= 0 for x in stack) else "none", boxes=boxes)
    left, right = _trim(text, *_unwrap(text, *filled[-1]))
    if left == right:  # a box around an empty box
        return Extraction(None, boxes=boxes)
    if len(filled) > 1 and (joined := _first_of_several(text, filled)) is not None:
        left, right = joined, filled[-1][1] + 1
    distinct = len({"".join(text[a:b].split()) for a, b in filled}) if len(filled) > 1 else 1
    return Extraction(text[left:right], left, right, "boxed", boxes, distinct)


def _next_box(text: str, at: int, stop: int) -> int:
    r"""Where the next ``\boxed`` or ``\fbox`` begins in ``text[at:stop]``, −1 where there is none.

    Of an even number of backslashes in front of it, all are line breaks.
    """
    long, short = find(text, "boxed", at, stop), find(text, "fbox", at, stop)
    while long >= 0 or short >= 0:
        hit = behind = long if long >= 0 and (short < 0 or long < short) else short
        while behind > at and text[behind - 1] == "\\":
            behind -= 1
        if (hit - behind) % 2:
            return hit - 1
        if hit == long:
            long = find(text, "boxed", hit + 1, stop)
        else:
            short = find(text, "fbox", hit + 1, stop)
    return -1


def _one_simple_box(text: str, at: int, start: int, stop: int) -> Extraction | None:
    r"""What the loop above makes of the most frequent case: one ``\boxed{…}``, no brace or command in it, no other "box".

    ``at`` is where the first "box" stands in ``text[start:stop]``.
    """
    if at == start or not text.startswith("\\boxed{", at - 1, stop):
        return None
    left = at + len("boxed{")
    right = text.find("}", left, stop)
    inside = text[left:right]
    if right < 0 or "{" in inside or "\\" in inside or find(text, "box", left, stop) >= 0:
        return None
    answer = inside.strip()
    if not answer:
        return None
    if len(answer) < len(inside):
        left += len(inside) - len(inside.lstrip())
    return Extraction(answer, left, left + len(answer), "boxed", 1, 1)


def _first_of_several(text: str, boxes: list[tuple[int, int]]) -> int | None:
    """Where the boxes begin that nothing but commas and "and" join to the last one; None for a box alone."""
    at = len(boxes) - 1
    while at and boxes[at][0] - boxes[at - 1][1] < _LONGEST_JOINT:
        joint = _JOINT.fullmatch(text, boxes[at - 1][1], boxes[at][0])
        if joint is None or not (joint[1] or joint[2]):
            break
        at -= 1
    if at == len(boxes) - 1 or len({"".join(text[a:b].split()) for a, b in boxes[at:]}) == 1:
        return None
    start = max(text.rfind("\\boxed", 0, boxes[at][0]), text.rfind("\\fbox", 0, boxes[at][0]))
    return start if start >= 0 and not text[start : boxes[at][0]].strip("\\boxedf{ ") else None


def _unwrap(text: str, left: int, right: int) -> tuple[int, int]:
    r"""Step into ``\boxed{\boxed{...}}``; bounded, so that a tower of boxes stays linear."""
    for _ in range(4):
        left, right = _trim(text, left, right)
        head = "\\boxed{" if text.startswith("\\boxed{", left) else "\\fbox{"
        if not (text.startswith(head, left) and text[right - 1] == "}"):
            break
        left, right = left + len(head), right - 1
    return left, right


def _trim(text: str, left: int, right: int) -> tuple[int, int]:
    while left < right and text[left].isspace():
        left += 1
    while right > left and text[right - 1].isspace():
        right -= 1
    return left, right


def _last_phrase(text: str, start: int, stop: int) -> tuple[int, int, str] | None:
    best: tuple[int, int, str] | None = None
    places = {word: text.rfind(word, start, stop) for word in _ANNOUNCING}
    for _ in range(_TRIES):
        word, at = max(places.items(), key=lambda place: place[1])
        if at < 0:
            break
        places[word] = text.rfind(word, start, at)
        phrase = _AFTER_ANSWER.match(text, at, stop) or _AFTER_CHOICE.match(text, at, stop)
        if phrase is None and (before := _said_before(text, start, at, stop)) is not None:
            best = (*before, "phrase")
            break
        if phrase is None or (text[at + 5 : at + 6] == ">" and text[at - 3 : at - 1] == "</"):
            continue
        if _VERDICT_WORD.match(text, phrase.end(), stop):
            continue
        left, right = _piece(text, phrase.end(), stop)
        if left < right:
            best = (left, right, "tag" if text[at + 5] == ">" else "phrase")
            break
    at = text.rfind("####", start, stop)
    if at >= 0 and (best is None or at > best[0]):
        newline = text.find("\n", at, stop)
        left, right = _trim(text, at + 4, stop if newline < 0 else newline)
        if left < right:
            best = (left, right, "hashes")
    at = text.rfind("A:", start, stop)
    if at >= 0 and (best is None or at > best[0]):
        label = _LABEL_LINE.match(text, max(start, text.rfind("\n", start, at)), stop)
        if label:
            left, right = _piece(text, label.end(), stop)
            if left < right:
                best = (left, right, "phrase")
    return best


def _said_before(text: str, start: int, at: int, stop: int) -> tuple[int, int] | None:
    """The 5 of a sentence "5 is the answer." at its end."""
    if not _ENDED.match(text, at, stop):
        return None
    found = _BEFORE_ANSWER.search(text, max(start, at - 100), at)
    return None if found is None else _piece(text, found.start(1), found.end(1))


def _piece(text: str, left: int, stop: int) -> tuple[int, int]:
    """The answer that begins at ``left``: one piece of mathematics, or the rest of the sentence."""
    limit = min(stop, left + _WINDOW)
    left, _ = _trim(text, left, limit)
    while text.startswith("**", left):
        left, _ = _trim(text, left + 2, limit)
    math = _MATH.match(text, left, limit)
    end_of_sentence = _SENTENCE_END.search(text, left, limit)
    right = end_of_sentence.start() if end_of_sentence else limit
    if math and not text[math.end() : right].strip(" .*,"):
        group = math.lastindex or 1
        return _trim(text, *math.span(group))
    left, right = _trim(text, left, right)
    while right > left and (text[right - 1] in ".*" or text[right - 1].isspace()):
        right -= 1
    return left, right


def _last_resort(text: str, start: int, stop: int, fallback: Fallback) -> tuple[int, int, str] | None:
    if fallback == "none":
        return None
    left, right = _trim(text, start, stop)
    piece = text[left:right]
    if (
        0 < len(piece) <= 400
        and not re.search(r"[a-z]{2,} [a-z]{2,} |\n", re.sub(r"\\text\{[^}]*\}", "", piece))
        and not re.search(r"(?:^|\s)[A-Za-z]{3,}[ :]", re.sub(r"\\[a-z]+", "", piece))
    ):
        return left, right, "whole"
    if (ending := _ENDING.search(text, max(start, stop - 200), stop)) is not None:
        return (*ending.span(1), "number")
    if (last := _last_match(_MATH, text, max(start, stop - 2 * _WINDOW), stop)) is not None:
        left, right = _trim(text, *last.span(last.lastindex or 1))
        if left < right:
            return left, right, "math"
    last = _last_match(_NUMBER, text, max(start, stop - 2 * _WINDOW), stop) if fallback == "number" else None
    if last is not None:
        return (*last.span(), "number")
    return None


def _last_match(pattern: re.Pattern[str], text: str, start: int, stop: int) -> re.Match[str] | None:
    found = deque(pattern.finditer(text, start, stop), maxlen=1)
    return found[0] if found else None
