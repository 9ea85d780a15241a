"""What grammars of literal markers just miss: markers and verdicts in another writing, answers behind ``</think>``.

They change no action, no deviation and no reward; they are named among the uncertainties, so that a −1 for them is
never a riddle.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator, Mapping
from functools import lru_cache

from s2r_rewards.answers import extract_answer
from s2r_rewards.grammar import Grammar, VerdictTier
from s2r_rewards.seeking import find
from s2r_rewards.trajectory import Action, Deviation

_WINDOW = 2000  # characters at the end of a verification in which a verdict is looked for
_REACH = 80  # characters around a marker's longest word in which the marker is looked for
_WRITING = re.compile(r"\\(?:textbf|text|mathbf|boxed|emph|textit|mathrm)\b|\\[()\[\]]|[*_`${}\"“”:]")
_TWICE_NOT = re.compile(r"\bnot (?:incorrect|wrong|false)\b", re.IGNORECASE)
_COMMON = frozenset({"wait", "let", "me", "my", "the", "again", "solution", "answer", "check"})
_THINKING_ENDS = ("</think>", "<|end_of_thought|>", "</Thought>", "</thinking>")


def nearly(
    text: str, actions: list[Action], stop: int, grammar: Grammar, exact: Mapping[str, int]
) -> Iterator[Deviation]:
    """The near misses of a response that was read with literal markers.

    Args:
        exact: how often a marker stands in ``text[:stop]`` as it is, of those where that is known.
    """
    yield from _markers(text, actions, stop, grammar, exact)
    for index, action in enumerate(actions):
        if action.kind == "verify" and action.verdict is None and grammar.default_verdict == "none":
            yield from _verdict(text, index, action, grammar)
    if actions and actions[-1].kind == "verify" and text.find("<", actions[-1].start, stop) >= 0:
        at = max(find(text, mark, actions[-1].start, stop) for mark in _THINKING_ENDS)
        if at >= 0 and extract_answer(text, at, stop).answer is not None:
            yield Deviation("answer_behind_thinking", len(actions) - 1, at, stop)


def _markers(
    text: str, actions: list[Action], stop: int, grammar: Grammar, exact: Mapping[str, int]
) -> Iterator[Deviation]:
    lower = ""
    ends: list[int] = []
    for marker in (*grammar.verify_markers, *grammar.retry_markers):
        word, longest, others, pattern = _loose(marker)
        if not word:
            continue
        lower = lower or text[:stop].lower()
        if len(lower) != stop:  # a letter whose lower case is longer would shift the offsets
            return
        # Each near miss holds every word, outside of the markers that stand there as they are.
        words, known = lower.count(longest), exact.get(marker)
        if not words or words == (text.count(marker, 0, stop) if known is None else known):
            continue
        ends = ends or [action.end for action in actions]
        last, at = 0, lower.find(word)
        while at >= 0:
            around = lower[max(last, at - _REACH) : at + _REACH]
            if all(other in around for other in others):  # much faster than the pattern
                found = pattern.search(lower, max(last, at - _REACH), min(stop, at + _REACH))
                if found and found.start() <= at and not text.startswith(marker, found.start()):
                    index = bisect_right(ends, found.start())
                    yield Deviation("marker_in_other_writing", index, *found.span())
                last = found.end() if found else last
            at = lower.find(word, max(at + len(word), last))


@lru_cache(maxsize=64)
def _loose(marker: str) -> tuple[str, str, tuple[str, ...], re.Pattern[str]]:
    """A marker's word to look for, its longest word (which is counted fastest), all words but the first of these, and the
    marker in any case, spacing, mark-up and punctuation; "" for markers of less than three words."""
    words = re.findall(r"[^\W_]+", marker.lower())
    if len(words) < 3:
        return "", "", (), re.compile("")
    gap = r"[\s,.:;!…*_-]{1,6}"
    rarest = max(words, key=lambda word: (word not in _COMMON, len(word)))
    pattern = re.compile(r"(?<![^\W_])" + gap.join(map(re.escape, words)) + r"(?![^\W_])[.:!,…]?")
    return rarest, max(words, key=len), tuple(word for word in words if word != rarest), pattern


def _verdict(text: str, index: int, action: Action, grammar: Grammar) -> Iterator[Deviation]:
    begin = max(action.start, action.end - _WINDOW)
    plain = " ".join(_WRITING.sub(" ", text[begin : action.end]).split())
    plain = _TWICE_NOT.sub("correct", plain)
    if any(re.search(tier.pattern, text[action.start : action.end]) for tier in grammar.verdict_tiers):
        return  # read as "cannot be verified"
    if any(_any_case(tier).search(plain) for tier in grammar.verdict_tiers):
        yield Deviation("verdict_in_other_writing", index, begin, action.end)


@lru_cache(maxsize=64)
def _any_case(tier: VerdictTier) -> re.Pattern[str]:
    return re.compile(tier.pattern, re.IGNORECASE)
