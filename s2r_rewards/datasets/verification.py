"""Verifications of sampled attempts, in the two styles of the paper (section 3.1, arXiv:2502.12853).

A verification is kept when it ends in exactly one verdict and the verdict agrees with the golden check.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from s2r_rewards.grammar import Grammar, get_grammar
from s2r_rewards.parsing import parse
from s2r_rewards.trajectory import Verdict

STYLES = ("problem-solving", "confirmative")

_ENDING = (
    "Finish with exactly one of these three sentences, and write none of them anywhere else:\n"
    "Therefore, the answer is correct.\n"
    "Therefore, the answer is incorrect.\n"
    "Therefore, the answer cannot be verified."
)
_TASKS = {
    "problem-solving": (
        "Verify it by working the problem out again on your own, step by step. Then compare your result with "
        "the answer of the solution."
    ),
    "confirmative": (
        "Verify the answer from another side, without solving the problem again: put it back into the "
        "conditions of the problem, test a special case, estimate its size, or check that it meets what is asked."
    ),
}


def verification_messages(problem: str, attempt: str, answer: str, style: str) -> list[dict[str, str]]:
    """The request for one verification of one attempt."""
    if style not in _TASKS:
        raise ValueError(f"style is {style!r}; expected one of {STYLES}")
    content = (
        f"Problem:\n{problem}\n\nA proposed solution:\n{attempt}\n\n"
        f"Its answer is {answer}. It may be right or wrong. {_TASKS[style]}\n\n{_ENDING}"
    )
    return [{"role": "user", "content": content}]


@dataclass(frozen=True, slots=True)
class Reading:
    """What a verification says, or why it is of no use: cut_off, no_verdict, cannot_verify, several_verdicts,
    marker_inside, verdict_not_last."""

    verdict: Verdict | None
    reason: str | None = None


def read_verification(text: str, finished: bool = True, grammar: str | Grammar = "paper") -> Reading:
    """Reads the one verdict at the end of a verification, as training and rewards will read it."""
    rules = get_grammar(grammar)
    if not finished:
        return Reading(None, "cut_off")
    opening = f"\\boxed{{0}}\n\n{rules.verify_markers[0]}\n\n"
    parsed = parse(opening + text.strip(), rules, finished=True)
    if [a.kind for a in parsed.actions] != [
        "solve",
        "verify",
        "end",
    ] or "repeated_verification" in parsed.codes:
        return Reading(None, "marker_inside")
    if parsed.actions[-1].end != parsed.actions[-1].start:
        return Reading(None, "marker_inside")
    if "two_verdicts" in parsed.codes:
        return Reading(None, "several_verdicts")
    verdict = parsed.actions[1].verdict
    if verdict is None:
        return Reading(None, "cannot_verify" if "cannot be verified" in text.lower() else "no_verdict")
    last_line = text.strip().splitlines()[-1]
    if parse(opening + last_line, rules, finished=True).actions[1].verdict is not verdict:
        return Reading(None, "verdict_not_last")
    return Reading(verdict)


@dataclass(slots=True)
class StyleCounts:
    """Verifications of one style: how many agree with the golden check, by whether the attempt is right."""

    right: int = 0
    right_agree: int = 0
    wrong: int = 0
    wrong_agree: int = 0
    reasons: dict[str, int] = field(default_factory=dict)

    def add(self, correct: bool, agrees: bool, reason: str | None) -> None:
        if correct:
            self.right += 1
            self.right_agree += agrees
        else:
            self.wrong += 1
            self.wrong_agree += agrees
        if reason:
            self.reasons[reason] = self.reasons.get(reason, 0) + 1

    @property
    def overall(self) -> float:
        return _ratio(self.right_agree + self.wrong_agree, self.right + self.wrong)

    @property
    def when_right(self) -> float:
        return _ratio(self.right_agree, self.right)

    @property
    def when_wrong(self) -> float:
        return _ratio(self.wrong_agree, self.wrong)


def style_table(rows: Iterable[dict[str, Any]]) -> dict[str, StyleCounts]:
    """Counts by style, from the rows that ``s2r data verify`` writes."""
    table: dict[str, StyleCounts] = {}
    for row in rows:
        counts = table.setdefault(row["style"], StyleCounts())
        counts.add(
            row["correct"], row["verdict"] == ("correct" if row["correct"] else "incorrect"), row["reason"]
        )
    return table


def _ratio(part: int, whole: int) -> float:
    return part / whole if whole else float("nan")
