"""Offline RL data: which rollouts to learn from, and with what advantage (appendix F, arXiv:2502.12853).

Pure functions over judged rollouts, and a small counter for each prompt.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from s2r_rewards.judging import JudgedTrajectory
from s2r_rewards.methods import OfflineFilter
from s2r_rewards.trajectory import Action, Trajectory, Verdict

#: Deviations that a cut behind a confirmed attempt takes away.
MENDED_BY_CUTTING = (
    "missing_verification", "no_end", "retry_after_confirmation", "stopped_after_rejection", "text_after_end",
    "too_many_actions",
)  # fmt: skip
#: Parser deviations that mean: attempts and verifications do not alternate.
NOT_ALTERNATING = frozenset(
    {"empty_response", "repeated_verification", "retry_without_verification", "verification_without_attempt"}
)


@dataclass(frozen=True, slots=True)
class Decision:
    """What becomes of one rollout: keep its first ``actions`` actions, or drop it for ``reason``."""

    actions: int
    reason: str | None = None
    truncated: bool = False


def decide(
    correct: Sequence[bool],
    confirmed: Sequence[bool],
    deviations: Sequence[str] = (),
    mode: str = "discard",
    max_actions: int = 20,
) -> Decision:
    """Reject or truncate one rollout.

    Args:
        correct: per attempt, whether it is right.
        confirmed: per verification, whether its verdict is "correct".
        deviations: the parser's codes.
        mode: ``"discard"`` (paper) drops a rollout that goes on after a right attempt confirmed as correct;
            ``"truncate"`` (released code) cuts it behind that verification, and a rollout without one behind
            its last right attempt and that attempt's verification.
        max_actions: more than this, after truncation, is dropped.

    What is left must be (s_1, v_1, …, s_k, v_k): a last attempt without its verification is dropped in both modes.

    Reasons: not_alternating, goes_on_after_confirmation, last_attempt_unverified, too_many_actions.
    """
    if mode not in ("discard", "truncate"):
        raise ValueError(f"mode is {mode!r}; expected 'discard' or 'truncate'")
    if not correct or NOT_ALTERNATING.intersection(deviations):
        return Decision(0, "not_alternating")
    total = keep = len(correct) + len(confirmed)
    # The first attempt that is right and that its verification calls correct.
    stop = next((j for j, both in enumerate(zip(correct, confirmed, strict=False)) if all(both)), None)
    if mode == "truncate":
        if stop is None:
            stop = next((j for j in reversed(range(len(correct))) if correct[j]), None)
        keep = total if stop is None else min(total, 2 * stop + 2)
    elif stop is not None and stop < len(correct) - 1:
        return Decision(0, "goes_on_after_confirmation")
    if keep % 2:
        return Decision(0, "last_attempt_unverified")
    if keep > max_actions:
        return Decision(0, "too_many_actions")
    return Decision(keep, truncated=keep < total)


def in_band(accuracy: float, low: float = 0.1, high: float = 0.7) -> bool:
    """The paper's prompt filter, both ends included. Counts of rollouts make 0.1 and 0.7 exact enough."""
    return low - 1e-9 <= accuracy <= high + 1e-9


@dataclass(slots=True)
class PromptCounts:
    """What is known of one prompt after a first pass over its rollouts."""

    rollouts: int = 0
    right: int = 0
    kept_right: int = 0
    kept_wrong: int = 0
    """Those that could be kept and have no right attempt."""
    _drawn: frozenset[int] | None = field(default=None, repr=False)
    _wrong_seen: int = field(default=0, repr=False)

    @property
    def accuracy(self) -> float:
        """Share of all rollouts, kept or not, whose last attempt is right."""
        return self.right / self.rollouts if self.rollouts else 0.0

    def add(self, right: bool, kept: bool, any_right: bool) -> None:
        self.rollouts += 1
        self.right += right
        self.kept_right += kept and any_right
        self.kept_wrong += kept and not any_right

    def restart(self, seed: str = "") -> None:
        """Begin a new pass over the rollouts; with the seed of an earlier one, `take_wrong` answers as it did then."""
        count = min(self.kept_right, self.kept_wrong)
        self._drawn = frozenset(random.Random(seed).sample(range(self.kept_wrong), count))
        self._wrong_seen = 0

    def take_wrong(self) -> bool:
        """Balancing: True for as many of the all-wrong rollouts as right ones are kept, drawn at random."""
        if self._drawn is None:
            self.restart()
        assert self._drawn is not None
        self._wrong_seen += 1
        return self._wrong_seen - 1 in self._drawn


def decide_on(judged: JudgedTrajectory, rules: OfflineFilter) -> Decision:
    """`decide` for one judged rollout by a method's filter."""
    confirmed = [verdict is Verdict.CORRECT for verdict in judged.verdicts]

    def decided(codes: Sequence[str]) -> Decision:
        return decide(judged.correct, confirmed, codes, rules.rejection, rules.max_actions)

    # What stands behind the cut is gone with it, so that only the order of what is kept counts.
    kept = decided(())
    codes = judged.trajectory.codes
    if kept.truncated:
        codes = tuple(d.code for d in judged.trajectory.deviations if d.action is None or d.action < kept.actions)
    return decided(codes)


def cut(judged: JudgedTrajectory, decision: Decision) -> JudgedTrajectory:
    """The trajectory with only its first actions: text, actions and checks agree, and it counts as ended."""
    if not decision.truncated:
        return judged
    whole = judged.trajectory
    first = whole.actions[: decision.actions]
    text = whole.text[: first[-1].end].rstrip()
    end = len(text)
    actions = (*first[:-1], replace(first[-1], end=end), Action("end", end, end))
    deviations = tuple(
        replace(found, start=min(found.start, end), end=min(found.end, end))
        for found in whole.deviations
        if found.code not in MENDED_BY_CUTTING
    )
    guesses = tuple(found for found in whole.uncertainties if found.end <= end)
    checks = judged.checks[: sum(action.kind == "solve" for action in actions)]
    return JudgedTrajectory(Trajectory(text, actions, deviations, True, whole.grammar, guesses), judged.gold, checks)
