"""The judge on the style of a verification: does it solve the problem again, or confirm the answer from another side?"""

from __future__ import annotations

from collections.abc import Sequence

from s2r_rewards.llm.judge import Judge, quoted, verdict_line
from s2r_rewards.natural.style import Style

CONFIRMATIVE, PROBLEM_SOLVING, UNCLEAR = LABELS = ("CONFIRMATIVE", "PROBLEM-SOLVING", "UNCLEAR")
_STYLES: dict[str | None, Style] = {CONFIRMATIVE: "confirmative", PROBLEM_SOLVING: "problem-solving"}
_LONGEST = 8_000
_TASK = """\
A model has solved a problem and then verified its answer. Which style does the verification have?
PROBLEM-SOLVING: it derives the answer again, by the same or another method, and compares; going through the steps of the
solution once more counts as well. CONFIRMATIVE: it looks at the answer from another side without solving again:
substitution, bounds, special cases, the inverse operation, units, a known fact, an estimate of the size. Judge by what it
does, not by what it announces; where it does both, by what decides its verdict."""


def question(text: str, problem: str = "") -> str:
    """What the judge is asked about one verification; of a long text it sees both ends."""
    parts = [_TASK, *([quoted("Problem", _cut(problem))] if problem.strip() else [])]
    return "\n\n".join([*parts, quoted("Verification", _cut(text)), verdict_line(LABELS)])


def judged_styles(judge: Judge, verifications: Sequence[tuple[str, str]]) -> list[Style | None]:
    """The style of each (verification, problem); None where the judge is silent or cannot tell."""
    said = judge.choose([question(text, problem) for text, problem in verifications], LABELS)
    return [_STYLES.get(label) for label in said]


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST // 2]}\n…\n{text[-_LONGEST // 2 :]}"
