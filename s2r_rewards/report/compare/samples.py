"""What a comparison keeps of a rollout: which problem it tried, and how that went."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import lru_cache

from s2r_rewards.judging import Gold
from s2r_rewards.report.payload import gold_text, one_line
from s2r_rewards.rollouts import Rollout
from s2r_rewards.scored import ScoredRollout
from s2r_rewards.trajectory import Verdict


@dataclass(frozen=True, slots=True)
class Asked:
    """A problem as one run names it; samples share it."""

    name: str
    gold: str
    prompt: str
    """Its beginning, on one line."""
    digest: bytes
    """Of the whole prompt, whatever its white space; of the name where there is no prompt."""


@dataclass(frozen=True, slots=True)
class Sample:
    """A scored rollout."""

    asked: Asked
    step: int | None
    right: bool
    """Whether its last attempt is."""
    confirmed: tuple[str, bool] | None
    """:func:`confirmed_answer`"""


def sample_of(rollout: Rollout) -> Sample:
    """Raises ValueError for a rollout that is not scored."""
    if rollout.s2r is None:
        raise ValueError(f"rollout of problem {rollout.problem_id!r} is not scored; run `s2r score` on the file")
    asked = _asked(rollout.problem_id, rollout.prompt, rollout.gold)
    return Sample(asked, rollout.step, rollout.s2r.correct[-1:] == (True,), confirmed_answer(rollout.s2r))


def confirmed_answer(record: ScoredRollout) -> tuple[str, bool] | None:
    """The answer of the last attempt that the model's own verification called correct, and whether it is right."""
    attempt, found = None, None
    for action in record.actions:
        if action.kind == "solve":
            attempt = action
        elif action.verdict is Verdict.CORRECT and attempt is not None and attempt.answer is not None:
            found = attempt.answer, bool(attempt.check)
    return found


@lru_cache(maxsize=4096)
def _asked(name: str, prompt: str, gold: Gold) -> Asked:
    words = " ".join(prompt.split()) or name
    digest = hashlib.blake2b(words.encode("utf-8", "backslashreplace"), digest_size=16).digest()
    return Asked(name, gold_text(gold), one_line(prompt, 160), digest)
