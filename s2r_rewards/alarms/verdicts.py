"""Signs in the verdicts: they stopped depending on the attempt, or on the work that should precede them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

from s2r_rewards.alarms.base import Batch, Case, Rule
from s2r_rewards.grammar import GRAMMARS
from s2r_rewards.trajectory import Verdict

SENTENCE_WORDS = 5


def _verdict_whatever(verdict: Verdict, attempt_right: bool) -> Callable[[Batch], Iterable[Case]]:
    """Cases: verified attempts that call for the other verdict; the sign: they got this one all the same."""

    def cases(batch: Batch) -> Iterable[Case]:
        for i, judged in enumerate(batch.judged):
            for right, said in judged.verified:
                if right is attempt_right:
                    yield i, said is verdict

    return cases


def _flips(batch: Batch) -> Iterable[Case]:
    """A verification that speaks two verdicts, or contradicts the one given on the same answer before."""
    for i, judged in enumerate(batch.judged):
        trajectory = judged.trajectory
        double = trajectory.codes.count("two_verdicts")
        said: dict[str | None, Verdict | None] = {}
        for attempt, verification in zip(trajectory.attempts, trajectory.verifications, strict=False):
            contradiction = (
                attempt.answer is not None
                and said.get(attempt.answer) is not None
                and verification.verdict is not None
                and verification.verdict is not said[attempt.answer]
            )
            said[attempt.answer] = verification.verdict
            yield i, contradiction or double > 0
            double -= 1


def _short(batch: Batch) -> Iterable[Case]:
    """Fewer than SENTENCE_WORDS words once the marker and the verdict are taken away."""
    for i, judged in enumerate(batch.judged):
        for action in judged.trajectory.verifications:
            yield i, len(work_of(judged.trajectory.text_of(action)).split()) < SENTENCE_WORDS


_PHRASES = re.compile(
    "|".join(re.escape(m) for g in GRAMMARS.values() for m in (*g.verify_markers, *g.retry_markers))
    + r"|</?(?:solve|verify|verdict)>"
    + r"|\b(?:therefore|thus|hence|so),? (?:the|my|this) (?:answer|solution) (?:is|cannot be) [a-z]+",
    re.IGNORECASE,
)


def work_of(text: str) -> str:
    """What a verification says besides its marker and its verdict."""
    return _PHRASES.sub(" ", text).strip(" .\n\t")


RULES = (
    Rule(
        "always_correct",
        "Confirms whatever it wrote",
        "share of wrong, verified attempts whose verdict is “correct” (1 − error recall)",
        0.9,
        20,
        _verdict_whatever(Verdict.CORRECT, attempt_right=False),
    ),
    Rule(
        "always_incorrect",
        "Rejects whatever it wrote",
        "share of right, verified attempts whose verdict is “incorrect”",
        0.9,
        20,
        _verdict_whatever(Verdict.INCORRECT, attempt_right=True),
    ),
    Rule(
        "verdict_flips",
        "Verdicts flip",
        "share of verifications with two verdicts, or that contradict an earlier verdict on the same answer",
        0.25,
        20,
        _flips,
    ),
    Rule(
        "short_verification",
        "Verifies without a sentence of work",
        f"share of verifications with fewer than {SENTENCE_WORDS} words besides marker and verdict",
        0.6,
        20,
        _short,
    ),
)
