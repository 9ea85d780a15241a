"""Behaviour initialisation: verified samples of one problem -> one trajectory to imitate.

Section 2.2 of arXiv:2502.12853 (number of attempts by difficulty, distinct wrong attempts, the last one
right, loss mask of Eq. 1); the table of attempts and the keep probabilities come from the released code.
Everything here is a pure function of its arguments: the same seed and problem give the same trajectory,
whatever the order in which problems are seen.
"""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import accumulate

from s2r_rewards.grammar import Grammar
from s2r_rewards.parsing import parse
from s2r_rewards.trajectory import Verdict

Same = Callable[[str, str], bool]


@dataclass(frozen=True, slots=True)
class VerifiedAttempt:
    """One sampled solution, its golden check, and one verification of it."""

    text: str
    answer: str
    correct: bool
    verification: str
    verdict: Verdict

    @property
    def agrees(self) -> bool:
        """True if the verification says what the golden check says."""
        return (self.verdict is Verdict.CORRECT) == self.correct


@dataclass(frozen=True, slots=True)
class Segment:
    """One action of a training trajectory; ``trained`` is δ(a) of Eq. 1 (True: in the loss)."""

    kind: str
    text: str
    trained: bool


@dataclass(frozen=True, slots=True)
class InitializationPreset:
    """Numbers of the recipe, as data. ``attempts[w]``: wanted when w of ``len(attempts) - 1`` are wrong."""

    name: str
    attempts: tuple[int, ...] = (1, 2, 3, 3, 4, 4)
    keep_all_right: float = 1.0
    keep_full: float = 1.0
    keep_fallback: float = 1.0
    recheck: str = "\n\nWait, let me recheck my solution.\n\n"
    retry: str = "\n\nLet me try again.\n\n"


# The paper keeps every trajectory that it can build; the released code thins out the easy ones.
INITIALIZATION_PRESETS = {
    "paper": InitializationPreset("paper"),
    "released": InitializationPreset("released", keep_all_right=0.76 * 0.45 * 0.7, keep_full=0.5),
}


@dataclass(frozen=True, slots=True)
class InitializationTrajectory:
    """A trajectory to imitate. ``wanted`` attempts by difficulty; fewer when wrong attempts ran out."""

    segments: tuple[Segment, ...]
    attempts: int
    wanted: int

    @property
    def text(self) -> str:
        return "".join(segment.text for segment in self.segments)

    @property
    def fell_back(self) -> bool:
        return self.attempts < self.wanted


@dataclass(frozen=True, slots=True)
class Dropped:
    """Why a problem gives no trajectory: no_right_attempt, not_kept or ambiguous_text."""

    reason: str


def wanted_attempts(wrong: int, total: int, preset: InitializationPreset) -> int:
    """Attempts for a problem with ``wrong`` of ``total`` samples wrong (other totals are scaled)."""
    if not 0 <= wrong <= total or total < 1:
        raise ValueError(f"wrong={wrong} of total={total} samples: expected 0 <= wrong <= total and total >= 1")
    scale = len(preset.attempts) - 1
    # Any wrong sample keeps a problem out of the "all right" row, and any right one out of "all wrong".
    row = round(scale * wrong / total)
    if 0 < wrong < total:
        row = min(max(row, 1), scale - 1)
    return preset.attempts[row]


def assemble(attempts: Sequence[VerifiedAttempt], preset: InitializationPreset) -> tuple[Segment, ...]:
    """Segments of the trajectory: attempts and verifications joined by the preset's joiners, then the end.

    A joiner's leading white space closes the action before it and the rest opens the next one, which is
    how a parsed trajectory divides the same text. Wrong (that is: not last) attempts are not trained.
    """
    recheck_gap, recheck = _divide(preset.recheck)
    retry_gap, retry = _divide(preset.retry)
    segments = []
    for index, attempt in enumerate(attempts):
        last = index == len(attempts) - 1
        text = (retry if index else "") + attempt.text.strip() + recheck_gap
        verification = recheck + attempt.verification.strip() + ("" if last else retry_gap)
        segments += [Segment("solve", text, trained=last), Segment("verify", verification, trained=True)]
    segments.append(Segment("end", "", trained=True))
    return tuple(segments)


def build_trajectory(
    attempts: Sequence[VerifiedAttempt],
    *,
    wrong: int,
    total: int,
    preset: InitializationPreset | str = "paper",
    key: str = "",
    seed: int = 0,
    same: Same | None = None,
    grammar: str | Grammar | None = "paper",
) -> InitializationTrajectory | Dropped:
    """Build the trajectory of one problem, or say why there is none.

    Args:
        attempts: verified samples; those whose verdict disagrees with the golden check are ignored.
        wrong, total: how many of all samples were wrong, verified or not: the problem's difficulty.
        preset: ``"paper"``, ``"released"`` or an `InitializationPreset`.
        key, seed: the choice depends on these alone (use the problem's id as the key).
        same: whether two answers are the same; string equality without it.
        grammar: the text must parse back into exactly these actions under it; None skips that test.
    """
    preset = INITIALIZATION_PRESETS[preset] if isinstance(preset, str) else preset
    rng = random.Random(f"{seed}:{key}")
    usable = [a for a in attempts if a.agrees]
    right = [a for a in usable if a.correct]
    if not right:
        return Dropped("no_right_attempt")
    wanted = wanted_attempts(wrong, total, preset)
    wrong_ones = [a for a in usable if not a.correct]
    mistakes = _distinct(rng.sample(wrong_ones, len(wrong_ones)), same)[: wanted - 1]
    chosen = [*mistakes, rng.choice(right)]
    trajectory = InitializationTrajectory(assemble(chosen, preset), len(chosen), wanted)
    share = preset.keep_fallback if trajectory.fell_back else preset.keep_full
    if rng.random() >= (share if wrong else preset.keep_all_right):
        return Dropped("not_kept")
    if grammar is not None and not parses_back(trajectory.segments, grammar):
        return Dropped("ambiguous_text")
    return trajectory


def parses_back(segments: Sequence[Segment], grammar: str | Grammar = "paper") -> bool:
    """True if the joined text divides into exactly these actions, so that no marker hides inside one."""
    parsed = parse("".join(s.text for s in segments), grammar, finished=True)
    if not set(parsed.codes) <= {"several_answers"}:
        return False
    ends = accumulate(len(segment.text) for segment in segments)
    expected = [(s.kind, end - len(s.text), end) for s, end in zip(segments, ends, strict=True)]
    return expected == [(a.kind, a.start, a.end) for a in parsed.actions]


def single_attempt(text: str) -> InitializationTrajectory:
    """The paper's comparison sets (original solutions, long chains of thought): one trained attempt."""
    segments = (Segment("solve", text.strip(), trained=True), Segment("end", "", trained=True))
    return InitializationTrajectory(segments, attempts=1, wanted=1)


def _divide(joiner: str) -> tuple[str, str]:
    opening = joiner.lstrip()
    return joiner[: len(joiner) - len(opening)], opening


def _distinct(attempts: Sequence[VerifiedAttempt], same: Same | None) -> list[VerifiedAttempt]:
    kept: list[VerifiedAttempt] = []
    for attempt in attempts:
        answer = attempt.answer.strip()
        if not any(answer == k.answer.strip() or (same and same(k.answer, answer)) for k in kept):
            kept.append(attempt)
    return kept
