"""Verifications of sampled attempts, in the two styles of the paper (§2.2, arXiv:2502.12853): which attempts are
worth one, how it is asked for, and how it is read.

A verification is kept when it ends in exactly one verdict and the verdict agrees with the golden check.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product
from typing import Any

from s2r_rewards.answers import check_many, extract_answer
from s2r_rewards.answers.gold import gold_text
from s2r_rewards.datasets.initialization import VerifiedAttempt
from s2r_rewards.datasets.llm.requests import Request
from s2r_rewards.grammar import Grammar, get_grammar
from s2r_rewards.parsing import parse
from s2r_rewards.rollouts import Rollout
from s2r_rewards.trajectory import Verdict

STYLES = ("problem-solving", "confirmative")
FREE = "free"
"""A verification asked for without naming a style (table 6: "not asked")."""

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
    FREE: "Verify whether it is right.",
}


def verification_messages(problem: str, attempt: str, answer: str, style: str) -> list[dict[str, str]]:
    """The request for one verification of one attempt."""
    if style not in _TASKS:
        raise ValueError(f"style is {style!r}; expected one of {tuple(_TASKS)}")
    content = (
        f"Problem:\n{problem}\n\nA proposed solution:\n{attempt}\n\n"
        f"Its answer is {answer}. It may be right or wrong. {_TASKS[style]}\n\n{_ENDING}"
    )
    return [{"role": "user", "content": content}]


@dataclass(frozen=True, slots=True)
class Attempt:
    """One sampled solution with its golden check. ``unusable`` says why it cannot enter a trajectory."""

    problem_id: str
    problem: str
    gold: str
    level: str | None
    source: str
    sample: int
    text: str
    answer: str
    correct: bool
    unusable: str | None


def checked_attempts(rollouts: Sequence[Rollout], grammar: str | Grammar = "paper", workers: int = 1) -> list[Attempt]:
    """Extract and check the answer of every sample.

    Unusable attempts (cut_off, no_answer, marker_inside, or the checker's ungradable, timeout, malformed) still
    count for the difficulty of their problem: as wrong ones.
    """
    answers = [extract_answer(r.response).answer for r in rollouts]
    checks = check_many([(r.gold, a) for r, a in zip(rollouts, answers, strict=True)], workers=workers)
    seen: Counter[str] = Counter()
    attempts = []
    for rollout, answer, check in zip(rollouts, answers, checks, strict=True):
        attempts.append(
            Attempt(
                problem_id=rollout.problem_id,
                problem=rollout.prompt,
                gold=gold_text(rollout.gold),
                level=None if rollout.level is None else str(rollout.level),
                source=str(rollout.extra.get("source", "")),
                sample=int(rollout.extra.get("sample", seen[rollout.problem_id])),
                text=rollout.response,
                answer=answer or "",
                correct=bool(check),
                unusable=_unusable(rollout, None if answer is None else check.verdict, grammar),
            )
        )
        seen[rollout.problem_id] += 1
    return attempts


def _unusable(rollout: Rollout, verdict: str | None, grammar: str | Grammar) -> str | None:
    if rollout.finished is False:
        return "cut_off"
    if verdict is None:
        return "no_answer"
    if verdict not in ("correct", "incorrect"):
        return verdict
    parsed = parse(rollout.response.strip(), grammar, finished=True)
    alone = [a.kind for a in parsed.actions] == ["solve", "end"] and "text_after_end" not in parsed.codes
    return None if alone and "retry_without_verification" not in parsed.codes else "marker_inside"


def difficulty(attempts: Sequence[Attempt]) -> dict[str, tuple[int, int]]:
    """(wrong samples, samples) by problem."""
    wrong = Counter(attempt.problem_id for attempt in attempts if not attempt.correct)
    return {name: (wrong[name], total) for name, total in Counter(a.problem_id for a in attempts).items()}


def verification_requests(attempts: Sequence[Attempt], styles: Sequence[str], tries: int = 1) -> Iterator[Request]:
    """Requests for every usable attempt, in the order of the output."""
    hardness = difficulty(attempts)
    names = ("problem_id", "problem", "gold", "level", "source", "sample")
    for attempt in attempts:
        if attempt.unusable:
            continue
        wrong, total = hardness[attempt.problem_id]
        known = {name: getattr(attempt, name) for name in names} | {"wrong": wrong, "total": total}
        known |= {"attempt": attempt.text, "answer": attempt.answer, "correct": attempt.correct}
        for style, number in product(styles, range(tries)):
            yield Request(
                f"{attempt.problem_id}#{attempt.sample}/{style}/{number}",
                verification_messages(attempt.problem, attempt.text, attempt.answer, style),
                {**known, "style": style, "try": number},
            )


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
    kinds, end = [a.kind for a in parsed.actions], parsed.actions[-1]
    if kinds != ["solve", "verify", "end"] or end.start != end.end or "repeated_verification" in parsed.codes:
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


def verified_row(row: Mapping[str, Any], grammar: str | Grammar = "paper") -> dict[str, Any]:
    """A reply with its reading: ``verification``, ``verdict``, ``kept`` and the ``reason`` if not."""
    reading = read_verification(row["response"], row["finished"], grammar)
    agrees = reading.verdict is not None and (reading.verdict is Verdict.CORRECT) == row["correct"]
    kept = {k: v for k, v in row.items() if k != "response"}
    return {
        **kept,
        "verification": row["response"],
        "verdict": reading.verdict.value if reading.verdict else None,
        "kept": agrees,
        "reason": reading.reason or (None if agrees else "disagrees"),
    }


def verified_attempt(row: Mapping[str, Any]) -> VerifiedAttempt:
    """A kept row of ``s2r data verify`` as an attempt for initialisation."""
    return VerifiedAttempt(row["attempt"], row["answer"], row["correct"], row["verification"], Verdict(row["verdict"]))


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


def style_table(rows: Iterable[Mapping[str, Any]]) -> dict[str, StyleCounts]:
    """Counts by style, from the rows that ``s2r data verify`` writes."""
    table: dict[str, StyleCounts] = {}
    for row in rows:
        counts, right = table.setdefault(row["style"], StyleCounts()), row["correct"]
        counts.tried[right] += 1
        counts.agree[right] += row["verdict"] == ("correct" if right else "incorrect")
        if row["reason"]:
            counts.reasons[row["reason"]] += 1
    return table
