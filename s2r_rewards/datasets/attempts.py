"""Between sampling and initialisation: sampled responses -> attempts worth verifying, with their difficulty."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

from s2r_rewards.answers import check_many, extract_answer
from s2r_rewards.datasets.initialization import VerifiedAttempt
from s2r_rewards.datasets.llm.requests import Request
from s2r_rewards.datasets.problems import gold_text
from s2r_rewards.datasets.verification import read_verification, verification_messages
from s2r_rewards.grammar import Grammar
from s2r_rewards.parsing import parse
from s2r_rewards.rollouts import Rollout
from s2r_rewards.trajectory import Verdict


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
    pairs = [(r.gold, a) for r, a in zip(rollouts, answers, strict=True) if a is not None]
    results = iter(check_many(pairs, workers=workers))
    seen: Counter[str] = Counter()
    attempts = []
    for rollout, answer in zip(rollouts, answers, strict=True):
        check = next(results) if answer is not None else None
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
                unusable=_unusable(rollout, None if check is None else check.verdict, grammar),
            )
        )
        seen[rollout.problem_id] += 1
    return attempts


def difficulty(attempts: Iterable[Attempt]) -> dict[str, tuple[int, int]]:
    """(wrong samples, samples) by problem."""
    totals: Counter[str] = Counter()
    wrong: Counter[str] = Counter()
    for attempt in attempts:
        totals[attempt.problem_id] += 1
        wrong[attempt.problem_id] += not attempt.correct
    return {name: (wrong[name], total) for name, total in totals.items()}


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
