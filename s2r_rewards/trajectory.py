"""What a response is: a trajectory of actions, as plain frozen data (§2.1, arXiv:2502.12853).

An attempt ``s_j`` is one **complete** attempt at the problem, not a reasoning step; ``v_j`` is the
verification of that attempt.  Everything here is spans into the text; nothing is copied out of it but the
short strings that judging needs (an attempt's answer, a verification's verdict).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Literal

ActionKind = Literal["solve", "verify", "end"]
Span = tuple[int, int]
"""[first, end) of an action, in tokens of the response."""


class Verdict(str, Enum):
    """Parser(v): what a verification says of its attempt."""

    CORRECT = "correct"
    INCORRECT = "incorrect"

    def __str__(self) -> str:
        return self.value


#: Every way in which a response can deviate from ``solve → verify → (retry …) → end``, with what it means.
DEVIATIONS: dict[str, str] = {
    "empty_response": "the response has no characters",
    "empty_action": "an action holds nothing but its marker and white space",
    "missing_answer": "an attempt states no answer",
    "several_answers": "an attempt states several different boxed answers; the last one counts",
    "missing_verdict": "a verification gives no readable verdict",
    "two_verdicts": "a verification gives more than one verdict; the last one counts",
    "missing_verification": "the last attempt was never verified",
    "verification_without_attempt": "the response opens with a verification; it counts as part of the attempt",
    "repeated_verification": "a second verification of one attempt; it counts as part of the first",
    "retry_without_verification": "a retry before any verification; it counts as part of the attempt",
    "retry_after_confirmation": "a new attempt after the previous one was confirmed as correct",
    "stopped_after_rejection": "the response ends although its last attempt was rejected",
    "no_end": "the response was cut off before its end token",
    "text_after_end": "text follows the end token",
    "too_many_actions": "more actions than the grammar allows",
}

#: What a reader should know of how a response was read, by name: near misses of literal markers, which change nothing,
#: and what the grammar `natural` had to guess. An uncertainty is no deviation: a response stays well-formed.
UNCERTAINTIES: dict[str, str] = {
    "marker_in_other_writing": "a marker in other case, spacing or punctuation; it opens no action",
    "verdict_in_other_writing": "a verdict in other case, mark-up, spacing or negation; the verification has none",
    "answer_behind_thinking": "an answer behind </think> stands in the last verification; it is not an attempt's",
    "weak_opening": "a verification opened by a turn of phrase (But …, Alternatively …), not by an announcement",
    "unsettled_answer": "a verification of a value that is not the answer that the response ends with",
    "rejection_as_check": "a rejection without an announced check; it counts as a verification",
    "merged_checks": "a second announced check of the same answer; it counts as part of the first",
    "unannounced_retry": "another answer is stated without announcing a new attempt; it counts as one",
    "informal_answer": "an answer read from prose: no box, tag or phrase marks it",
    "answer_in_writeup": "the last attempt's answer is the one in the closing write-up",
    "verdict_by_outcome": "a verdict read from the outcome: the same answer again, or another one",
    "mixed_verdicts": "a verification speaks both verdicts; the last one counts",
}


@dataclass(frozen=True, slots=True)
class Action:
    """One action ``a_t``; ``start`` and ``end`` are character offsets into the text, ``[start, end)``."""

    kind: ActionKind
    start: int
    end: int
    answer: str | None = None
    """solve: the answer that the attempt states, None where it states none."""
    verdict: Verdict | None = None
    """verify: Parser(v), None where no verdict can be read."""


@dataclass(frozen=True, slots=True)
class Deviation:
    """One named departure from the protocol, or one named guess. ``action`` is the index into ``Trajectory.actions``."""

    code: str
    action: int | None
    start: int
    end: int

    @property
    def meaning(self) -> str:
        return DEVIATIONS.get(self.code) or UNCERTAINTIES[self.code]


@dataclass(frozen=True, slots=True)
class Trajectory:
    """A parsed response ``y = (s_1, v_1, …, s_k, v_k, end)``.

    Invariants: the spans of ``actions`` tile ``text``; the scored actions strictly alternate solve, verify,
    solve, …, beginning with solve; an ``end`` action exists exactly when ``ended`` is True.
    (Where ``ended`` is not True, the last scored action reaches to the end of the text.)
    """

    text: str
    actions: tuple[Action, ...]
    deviations: tuple[Deviation, ...] = ()
    ended: bool | None = None
    """True: the end token was emitted; False: cut off; None: not known."""
    grammar: str = "paper"
    uncertainties: tuple[Deviation, ...] = ()
    """Near misses and guesses, named in ``UNCERTAINTIES``. They do not make a response malformed."""

    @property
    def scored(self) -> tuple[Action, ...]:
        """The actions that earn a reward: attempts and verifications, without ``end``."""
        return tuple([a for a in self.actions if a.kind != "end"])

    @property
    def attempts(self) -> tuple[Action, ...]:
        return tuple([a for a in self.actions if a.kind == "solve"])

    @property
    def verifications(self) -> tuple[Action, ...]:
        return tuple([a for a in self.actions if a.kind == "verify"])

    @property
    def malformed(self) -> bool:
        return bool(self.deviations)

    @property
    def codes(self) -> tuple[str, ...]:
        """The deviation codes, in order of appearance."""
        return tuple([d.code for d in self.deviations])

    def text_of(self, action: Action) -> str:
        return self.text[action.start : action.end]
