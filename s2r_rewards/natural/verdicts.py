"""What a verification in a model's own words concludes: from its words, else from its outcome."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from s2r_rewards.natural.cues import Cues, cues
from s2r_rewards.natural.sentences import sentences
from s2r_rewards.natural.values import differs, last_value, mentions, same
from s2r_rewards.trajectory import Verdict

_TAIL = 400  # characters of a sentence that are read
_MARKUP = re.compile(r"\*+|__|`|\\(?:textbf|text|mathbf|boxed|emph|textit)\{|\{|\}|\$")
_TWICE_NOT = re.compile(r"\bnot (?:incorrect|wrong|invalid|false)\b")
_BEFORE = 100  # characters before a word that can turn its meaning


@dataclass(frozen=True, slots=True)
class Reading:
    """The verdict of a verification and where it comes from."""

    verdict: Verdict | None
    count: int = 0
    """Sentences that speak a verdict."""
    opposed: bool = False
    """Both verdicts were spoken; the last one counts."""
    by: str = "nothing"
    """``words``, ``outcome`` (the answer was found again, or another one), or ``nothing``."""


def plain(text: str) -> str:
    """A sentence without mark-up, in lower case, with one kind of space, for matching words."""
    window = text if len(text) <= _TAIL else text[: _TAIL // 2] + " " + text[-_TAIL // 2 :]
    words = " ".join(_MARKUP.sub("", window).split()).lower()
    return _TWICE_NOT.sub("correct", words) if "not " in words else words


def spoken(sentence: str, before: str = "") -> Verdict | None:
    """The verdict that one sentence speaks; None where it speaks none (a doubt, a condition, a step).

    ``before`` is the sentence before it: "No." answers a question, it does not reject an answer.
    """
    text = plain(sentence)
    if text.endswith(("?", "？")) or not cues().may_speak(text):
        return None
    return _spoken(text, before.endswith(("?", "？")))


@lru_cache(maxsize=4096)  # a sentence is read once to find the actions and once for the verdict
def _spoken(text: str, asked: bool) -> Verdict | None:
    table, found = cues(), []
    for kind, verdict in (("reject", Verdict.INCORRECT), ("confirm", Verdict.CORRECT)):
        for match in table.patterns[kind].finditer(text):
            answers = asked and match.start() == 0
            if not answers and not _undone(text, match.start(), table):
                found.append((match.end(), verdict))
    return max(found, key=lambda f: f[0])[1] if found else None


def _undone(text: str, at: int, table: Cues) -> bool:
    return table.patterns["undone"].search(text[max(0, at - _BEFORE) : at]) is not None


def read_verdict(text: str, start: int, end: int, answers: tuple[str, ...] = ()) -> Reading:
    """The verdict of the verification ``text[start:end]``.

    Args:
        answers: forms (:func:`~s2r_rewards.natural.values.form`) of the answer that is verified, as far as known.

    The last verdict in words counts, unless a rejection is followed by the same answer once more: then it was a step's
    ("-2 is not valid, so x = 12"). Where no sentence speaks one, the outcome does: the verification ends in the same
    answer again (correct), or in another one (incorrect).
    """
    verdicts: list[Verdict] = []
    values: list[tuple[int, str]] = []  # (verdicts spoken before it, form)
    before, last = "", start
    for piece in sentences(text, start, end):
        sentence = text[piece.start : piece.end]
        if not piece.code and (verdict := spoken(sentence, before)) is not None:
            verdicts.append(verdict)
        if (value := last_value(text, piece.start, piece.end)) is not None:
            values.append((len(verdicts), value.form))
        before = sentence[-8:]
        last = piece.start
    outcome, after = _outcome(values, answers)
    if outcome is not Verdict.CORRECT and not verdicts and mentions(text[last:end], answers):
        outcome = Verdict.CORRECT  # "45° is acute, so that is it": it comes back to the answer
    if verdicts and not (outcome is Verdict.CORRECT and verdicts[-1] is Verdict.INCORRECT and after == len(verdicts)):
        return Reading(verdicts[-1], len(verdicts), len(set(verdicts)) > 1, "words")
    return Reading(outcome, len(verdicts), bool(verdicts), "outcome" if outcome else "nothing")


def _outcome(values: list[tuple[int, str]], answers: tuple[str, ...]) -> tuple[Verdict | None, int]:
    """The verdict of the last values, and how many verdicts were spoken before the value that decided."""
    if not values or not answers:
        return None, 0
    for spoken_before, value in reversed(values[-3:]):
        if any(same(value, answer) for answer in answers):
            return Verdict.CORRECT, spoken_before
    if any(differs(values[-1][1], answer) for answer in answers):
        return Verdict.INCORRECT, values[-1][0]
    return None, 0
