"""Cuts a text into the pieces that cues are looked for in: lines, sentences, and whole blocks of code."""

from __future__ import annotations

import re
from dataclasses import dataclass

_END = re.compile(r"[.!?](?:\*{1,2}|[\"')\]}])?(?=\s)|[。！？](?:[”」』）])?")
_ABBREVIATION = re.compile(r"\b(?:e\.g|i\.e|etc|vs|cf|approx|Eq|Fig|Mr|Mrs|Ms|Dr)\.$")
_NUMERAL = re.compile(r"[\s#*_(-]{0,8}\d{1,3}\Z")  # of a numbered list
_FENCE = "```"


@dataclass(frozen=True, slots=True)
class Sentence:
    """A piece of the text, ``[start, end)``, without the white space around it."""

    start: int
    end: int
    code: bool = False
    """Inside of a fenced block."""


def sentences(text: str, start: int = 0, end: int | None = None) -> list[Sentence]:
    """The sentences of ``text[start:end]`` in order, in one pass: a line ends a sentence too, a fenced block is one."""
    stop = len(text) if end is None else end
    found: list[Sentence] = []
    at = start
    fence = -1  # where an open block of code began
    while at < stop:
        newline = text.find("\n", at, stop)
        line_end = stop if newline < 0 else newline
        first = _skip(text, at, line_end)
        if text.startswith(_FENCE, first, line_end):
            if fence < 0:
                fence = first
            else:
                found.append(Sentence(fence, _trim(text, first, line_end), True))
                fence = -1
        elif fence < 0:
            _cut(text, first, line_end, found)
        at = line_end + 1
    if fence >= 0:  # a block that never closes is ordinary text
        at = fence
        while at < stop:
            newline = text.find("\n", at, stop)
            line_end = stop if newline < 0 else newline
            _cut(text, _skip(text, at, line_end), line_end, found)
            at = line_end + 1
    return found


def _cut(text: str, at: int, stop: int, found: list[Sentence]) -> None:
    stop = _trim(text, at, stop)
    for match in _END.finditer(text, at, stop):
        dot = match.start()
        if text[dot] == "." and (
            _ABBREVIATION.search(text, max(at, dot - 8), dot + 1) or (dot - at < 12 and _NUMERAL.match(text[at:dot]))
        ):
            continue
        if match.end() > at:
            found.append(Sentence(at, match.end()))
        at = _skip(text, match.end(), stop)
    if at < stop:
        found.append(Sentence(at, stop))


def _skip(text: str, at: int, stop: int) -> int:
    while at < stop and text[at].isspace():
        at += 1
    return at


def _trim(text: str, at: int, stop: int) -> int:
    while stop > at and text[stop - 1].isspace():
        stop -= 1
    return stop
