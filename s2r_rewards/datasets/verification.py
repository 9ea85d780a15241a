"""Verifications of sampled attempts, in the two styles of the paper (section 3.1, arXiv:2502.12853).

A verification is kept when it ends in exactly one verdict and the verdict agrees with the golden check.
"""

from collections import Counter
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
    if [a.kind for a in parsed.actions] != ["solve", "verify", "end"] or "repeated_verification" in parsed.codes:
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


@dataclass(frozen=True, slots=True)
class StyleCounts:
    """Verifications of one style, counted by whether their attempt is right."""

    tried: Counter[bool] = field(default_factory=Counter)
    agree: Counter[bool] = field(default_factory=Counter)
    """Those whose verdict is the golden check's."""
    reasons: Counter[str] = field(default_factory=Counter)

    def accuracy(self, *attempts: bool) -> float:
        """Share that agrees, where the attempt is right (True), wrong (False), or both; nan without any."""
        tried = sum(self.tried[right] for right in attempts)
        return sum(self.agree[right] for right in attempts) / tried if tried else float("nan")


def style_table(rows: Iterable[dict[str, Any]]) -> dict[str, StyleCounts]:
    """Counts by style, from the rows that ``s2r data verify`` writes."""
    table: dict[str, StyleCounts] = {}
    for row in rows:
        counts, right = table.setdefault(row["style"], StyleCounts()), row["correct"]
        counts.tried[right] += 1
        counts.agree[right] += row["verdict"] == ("correct" if right else "incorrect")
        if row["reason"]:
            counts.reasons[row["reason"]] += 1
    return table
