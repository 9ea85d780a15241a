"""Verifications that show no work earn what one without a verdict earns: an option of any method.

A verdict can be true for the wrong reason: guessed, or stated behind padding. Plain rewards pay all of them alike (Eq. 4
sees the verdict only). Here the verdict of a verification counts only where the text before it shows work:

    at least one sentence about the case at hand, and words ≤ 30 + 3 · (different triples of words in such sentences).

A sentence is about the case if it relates numbers (two of them, or one and a sign such as =), or holds two words that a sentence
about checking as such would not; the attempt's answer and what is copied from the attempt do not count. So a bare verdict
fails on the first condition, padding of any wording on the second.
Caveat: it asks for work, not for right work; wrong sums pass, and English is what it reads. Methods that pay nothing for
verifications are not changed by it. Source: this library's; no paper.

>>> shows_work("Wait, let me recheck my solution. 41 / 3 is no integer. Therefore, the answer is incorrect.")
True
>>> shows_work("Wait, let me recheck my solution. Therefore, the answer is incorrect.")
False
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import TypeVar

from s2r_rewards.judging import JudgedTrajectory
from s2r_rewards.methods import s2r
from s2r_rewards.methods.base import Method
from s2r_rewards.trajectory import Action

SPARE, PER_TRIPLE = 30, 3
# The words of a sentence that could stand in any verification.
_FILLER = frozenset(
    re.findall(
        r"\w+",
        """
    a about above actually after again all also am an and any anything are as at attempt attempts be because been
    before being below but by can cannot care careful carefully check checked checking checks clear clearly come comes
    confident confirm confirmed confirms consider considering correct correctly could did do does doing done double
    each every everything examine examining exactly far feel final finally find fine first for found from get gets
    give given gives go goes going good got had has have having he here his how however i if in incorrect indeed into
    is it its itself just know last let like ll logic look looked looking looks made make makes making many matches
    may maybe me mean might mistake mistakes moment more most much must my myself need needs no not nothing now
    obtained of off ok okay on once one only or other our out over own past perfect perfectly please point possible
    pretty previous problem problems proper properly question quick quickly quite re read really reasonable reasoning
    recheck result results review reviewing right s same satisfied say says second see seem seemed seems several
    should so solution solutions solve solved some something still sure surely t take taking than that the their them
    then there therefore these they thing things think thinking third this those thoroughly thought through thus time
    times to too true truth try trying twice two under up us use value ve verdict verification verified verify verifying very
    wait want was way we well were what whatever when where whether which while whole why will with without work
    worked working would wrong yes yet you your answer answers step steps
""",
    )
)
_SENTENCE = re.compile(r"[^.!?;\n。！？；]+(?:[.!?;。！？；](?!\s|$)[^.!?;\n。！？；]*)*")
_CONTINUED = re.compile(r"\n(?=[ \t]*[-+*×÷=\d])")  # a sum in columns
_WORD = re.compile(r"[^\W\d_]+|\d+(?:[.,]\d+)*")
_RELATION = re.compile(r"[=<>≤≥≠≈÷×±√∈]|[\d)]\s*[-+*/^]\s*[\d(]|\\(?:frac|sqrt|times|cdot|div|equiv|mid)")
T = TypeVar("T")


def shows_work(text: str, attempt: str = "", answer: str | None = None) -> bool:
    """Whether the verification `text` says something about the case, and not mainly something else.

    Args:
        text: the whole verification; sentences that only state a verdict are never work.
        attempt: the text of the attempt that it verifies; sentences copied from there are no work.
        answer: that attempt's answer; to state it once more is no work either.
    """
    copied = {_plain(sentence) for sentence in _SENTENCE.findall(attempt)}
    triples: set[tuple[str, ...]] = set()
    total = 0
    for sentence in _SENTENCE.findall(_CONTINUED.sub(" ", text)):
        words = _words(sentence)
        total += len(words)
        if _plain(sentence) not in copied and _about_the_case(sentence, answer):
            triples.update(zip(words, [*words[1:], ""], [*words[2:], "", ""], strict=False))
    return bool(triples) and total <= SPARE + PER_TRIPLE * len(triples)


def _about_the_case(sentence: str, answer: str | None) -> bool:
    numbers = {word for word in _words(sentence) if word[0].isdigit()}
    rest = sentence.replace("\\boxed", " ")
    if answer:
        rest = re.sub(rf"(?<!\w){re.escape(answer)}(?!\w)", " ", rest)
    words = _words(rest)
    others = sum(word[0].isdigit() for word in words)
    telling = {word for word in words if not word[0].isdigit() and word not in _FILLER and len(word) > 1}
    related = others >= 1 and (others >= 2 or len(numbers) >= 2 or bool(_RELATION.search(rest)))
    return related or len(telling) >= 2


def _words(text: str) -> list[str]:
    return [word.lower() for word in _WORD.findall(text)]


def _plain(sentence: str) -> str:
    return " ".join(_words(sentence))


def with_work_only(judged: JudgedTrajectory) -> JudgedTrajectory:
    """The trajectory with the verdicts of verifications that show no work taken away."""
    trajectory = judged.trajectory
    attempt: Action | None = None
    actions = []
    for action in trajectory.actions:
        if action.kind == "solve":
            attempt = action
        elif action.kind == "verify" and action.verdict is not None:
            before = trajectory.text_of(attempt) if attempt else ""
            if not shows_work(trajectory.text_of(action), before, attempt.answer if attempt else None):
                action = replace(action, verdict=None)
        actions.append(action)
    return replace(judged, trajectory=replace(trajectory, actions=tuple(actions)))


def _of_work(function: Callable[[JudgedTrajectory], T], judged: JudgedTrajectory) -> T:
    return function(with_work_only(judged))


def worked(method: Method) -> Method:
    """The method, with rewards that take a verification without work for one without a verdict."""
    return replace(
        method,
        name=f"{method.name}, worked",
        rewards=partial(_of_work, method.rewards),
        outcome=partial(_of_work, method.outcome),
    )


PRL = worked(s2r.PRL)
