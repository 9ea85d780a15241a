"""Tier ``clock``: times of day and days of the year. ``2:10 PM`` is ``14:10``, ``July 4`` is ``4th of July``.

Two digits below 60 behind a colon make a time; so does "am" or "pm". A time without them may be either half of the day.
Caveat: ``1:12`` may also be a ratio, so it is still equal to ``1/12``, but ``3:45`` is no ``1/15``.
"""

import re
from dataclasses import dataclass
from math import gcd

from ..policy import CheckPolicy
from ..read.vocabulary import WORDS
from ..result import Outcome, judged

_STYLED = re.compile(r"\\(?:text|mathrm|textrm|mbox)\s*\{([^{}]*)\}|[$~]|\\[,;: ]")
_CLOCK = re.compile(r"(\d{1,2})(?::([0-5]\d))?(?::([0-5]\d))?\s*(?:([ap])\s*\.?\s*m\s*\.?)?", re.I)
_MONTHS = {name[:size]: number for number, name in enumerate(WORDS["months"].split(), 1) for size in (3, len(name))}
_DATE = re.compile(
    r"(?:(?:([A-Za-z]+)\.?\s+(\d{1,2})(?:st|nd|rd|th)?)|(?:(\d{1,2})(?:st|nd|rd|th)?\s+(?:of\s+)?([A-Za-z]+)\.?))(?:,?\s+(\d{4}))?"
)
_ISO = re.compile(r"(\d{4})-(\d{2})-(\d{2})")
_NAMED = {"noon": "12:00 pm", "midnight": "12:00 am", "12 noon": "12:00 pm", "12 midnight": "12:00 am"}
_HALF = re.compile(r"\d\s*[ap]\s*\.?\s*m\b", re.I)


@dataclass(frozen=True, slots=True)
class Clock:
    """A time as it is written; ``half`` is "a", "p" or ""."""

    hour: int
    minute: int
    second: int
    half: str

    @property
    def of_the_day(self) -> tuple[int, int, int]:
        """Hour (0-23), minute and second."""
        hour = self.hour % 12 + 12 * (self.half == "p") if self.half else self.hour % 24
        return hour, self.minute, self.second


def read_clock(text: str) -> Clock | None:
    """The time that a text writes down, None when it is no time."""
    match = _CLOCK.fullmatch(text)
    if match is None or not (match[2] or match[4]):
        return None
    hour, half = int(match[1]), (match[4] or "").lower()
    if hour > 24 or (half and not 0 < hour <= 12):
        return None
    return Clock(hour, int(match[2] or 0), int(match[3] or 0), half)


def read_date(text: str) -> tuple[int, int, int] | None:
    """Year (0 if none is said), month and day of a date that names its month, or of ``2020-07-04``; else None."""
    if match := _ISO.fullmatch(text):
        return int(match[1]), int(match[2]), int(match[3])
    match = _DATE.fullmatch(text)
    if match is None or (month := _MONTHS.get((match[1] or match[4]).lower())) is None:
        return None
    return int(match[5] or 0), month, int(match[2] or match[3])


def compare_dates(gold: str, answer: str) -> Outcome | None:
    """Decide two dates; None when a side is none."""
    if len(gold) > 60 or len(answer) > 60 or (first := read_date(_unstyled(gold))) is None:
        return None
    second = read_date(_unstyled(answer))
    return second and judged(first == second, "clock", "same date", "different dates")


def _unstyled(text: str) -> str:
    if "\\" in text or "$" in text or "~" in text:
        text = _STYLED.sub(lambda m: m[1] or " ", text)
    return text.strip(" .")


def _names_half(text: str) -> bool:
    return text[-1:] in "mM.}" and ("m" in text or "M" in text) and _HALF.search(text) is not None


def compare_clocks(gold: str, answer: str, policy: CheckPolicy) -> Outcome | None:
    """Decide when a side is a time; None when neither is, or when it may be a ratio."""
    if not (":" in gold or ":" in answer or _names_half(gold) or _names_half(answer)):
        return None
    if len(gold) > 60 or len(answer) > 60:
        return None
    texts = [_STYLED.sub(lambda m: m[1] or " ", text).strip() for text in (gold, answer)]
    texts = [_NAMED.get(text.lower(), text) for text in texts]
    first, second = map(read_clock, texts)
    if first and second and policy.units == "strict" and bool(first.half) != bool(second.half):
        return Outcome(False, "clock", "am or pm on one side only")
    if first and second:
        return judged(_same(first, second), "clock", "same time", "different times")
    clock, other = (first, texts[1]) if first else (second, texts[0])
    if clock is None:
        return None
    if clock.half:
        same = not (clock.minute or clock.second or policy.units == "strict") and other == str(clock.hour)
        return judged(same, "clock", "same time, am or pm left out", "a time and something else")
    if ":" in other or (not clock.second and gcd(clock.hour, clock.minute) == 1 and clock.minute > 9):
        return None
    fraction = re.sub(r"\\frac\s*\{?(\d+)\}?\s*\{?(\d+)\}?", r"\1/\2", other)
    same = not clock.second and clock.minute > 9 and fraction == f"{clock.hour}/{clock.minute}"
    return judged(same, "clock", "same ratio", "a time and something else")


def _same(first: Clock, second: Clock) -> bool:
    if first.of_the_day == second.of_the_day and bool(first.half or second.half):
        return True
    written = [(clock.hour, clock.minute, clock.second) for clock in (first, second)]
    return written[0] == written[1] and not (first.half and second.half)
