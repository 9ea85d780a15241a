"""Offline RL data: which rollouts to learn from, and with what advantage (appendix F, arXiv:2502.12853).

Pure functions and small counters over scored rollouts. Nothing holds on to a rollout: memory grows with the
number of prompts and of distinct reward contexts, not with the number of rollouts.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from s2r_rewards.advantages import process_advantages
from s2r_rewards.baselines.accuracy_group import BY, accuracy_bin
from s2r_rewards.presets import Preset

#: Deviations that a cut behind a confirmed attempt takes away.
MENDED_BY_CUTTING = frozenset(
    {
        "missing_verification",
        "no_end",
        "retry_after_confirmation",
        "stopped_after_rejection",
        "text_after_end",
        "too_many_actions",
    }
)
#: Parser deviations that mean: attempts and verifications do not alternate.
NOT_ALTERNATING = frozenset(
    {
        "empty_response",
        "repeated_verification",
        "retry_without_verification",
        "verification_without_attempt",
    }
)


@dataclass(frozen=True, slots=True)
class Decision:
    """What becomes of one rollout: keep its first ``actions`` actions, or drop it for ``reason``."""

    actions: int
    reason: str | None = None
    truncated: bool = False


def confirmed_at(correct: Sequence[bool], confirmed: Sequence[bool]) -> int | None:
    """Index of the first attempt that is right and that its verification calls correct."""
    pairs = zip(correct, confirmed, strict=False)
    return next((j for j, (right, said) in enumerate(pairs) if right and said), None)


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

    Reasons: not_alternating, goes_on_after_confirmation, too_many_actions.
    """
    if mode not in ("discard", "truncate"):
        raise ValueError(f"mode is {mode!r}; expected 'discard' or 'truncate'")
    if not correct or NOT_ALTERNATING.intersection(deviations):
        return Decision(0, "not_alternating")
    total = keep = len(correct) + len(confirmed)
    stop = confirmed_at(correct, confirmed)
    if mode == "discard":
        if stop is not None and stop < len(correct) - 1:
            return Decision(0, "goes_on_after_confirmation")
    else:
        if stop is None:
            stop = next((j for j in reversed(range(len(correct))) if correct[j]), None)
        if stop is not None:
            keep = min(total, 2 * stop + 2)
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
    _wrong_taken: int = field(default=0, repr=False)

    @property
    def accuracy(self) -> float:
        """Share of all rollouts, kept or not, whose last attempt is right."""
        return self.right / self.rollouts if self.rollouts else 0.0

    def add(self, right: bool, kept: bool, any_right: bool) -> None:
        self.rollouts += 1
        self.right += right
        self.kept_right += kept and any_right

    def restart(self) -> None:
        """Begin a new pass over the rollouts."""
        self._wrong_taken = 0

    def take_wrong(self) -> bool:
        """Balancing: True for as many all-wrong rollouts as right ones are kept, in the order they come."""
        self._wrong_taken += 1
        return self._wrong_taken <= self.kept_right


class GroupMeans:
    """Mean reward by accuracy bin and position, reward context or nothing more, gathered in one pass.

    Gives what `s2r_rewards.advantages.offline_advantages` gives for the whole set at once.
    """

    def __init__(self, by: str = "position", bins: int = 10, min_count: int = 1) -> None:
        if by not in BY:
            raise ValueError(f"by is {by!r}; expected one of {BY}")
        self.by, self.bins, self.min_count = by, bins, min_count
        self._sums: Counter[tuple[Any, ...]] = Counter()
        self._counts: Counter[tuple[Any, ...]] = Counter()

    def add(self, rewards: Sequence[float], accuracy: float) -> None:
        """Count one kept rollout's action rewards."""
        for key, reward in zip(self._keys(rewards, accuracy), rewards, strict=True):
            self._sums[key] += reward  # type: ignore[assignment]
            self._counts[key] += 1

    def baselines(self, rewards: Sequence[float], accuracy: float) -> tuple[float, ...]:
        """Baseline of each action; 0 for groups smaller than ``min_count``."""
        keys = self._keys(rewards, accuracy)
        return tuple(
            self._sums[key] / self._counts[key] if self._counts[key] >= max(self.min_count, 1) else 0.0
            for key in keys
        )

    def advantages(
        self, rewards: Sequence[float], accuracy: float, preset: str | Preset = "paper"
    ) -> tuple[float, ...]:
        """Rewards − baselines, then the preset's bonuses."""
        baselines = self.baselines(rewards, accuracy)
        return process_advantages([rewards], preset=preset, baseline=lambda *_: (baselines,))[0]

    def _keys(self, rewards: Sequence[float], accuracy: float) -> list[tuple[Any, ...]]:
        level = accuracy_bin(accuracy, self.bins)
        if self.by == "context":
            return [(level, *rewards[:t]) for t in range(len(rewards))]
        if self.by == "position":
            return [(level, t) for t in range(len(rewards))]
        return [(level,)] * len(rewards)


def attempts_and_verdicts(scored: Mapping[str, Any]) -> tuple[list[bool], list[bool]]:
    """(right per attempt, verdict "correct" per verification) of a rollout's ``s2r`` field."""
    actions = scored["actions"]
    correct = [a.get("check", {}).get("verdict") == "correct" for a in actions if a["kind"] == "solve"]
    return correct, [a.get("verdict") == "correct" for a in actions if a["kind"] == "verify"]


def cut(rollout: Mapping[str, Any], decision: Decision) -> dict[str, Any]:
    """The rollout with only its first actions: text, tokens and scores agree, and it counts as ended."""
    if not decision.truncated:
        return dict(rollout)
    scored = rollout["s2r"]
    actions = scored["actions"][: decision.actions]
    correct, _ = attempts_and_verdicts({"actions": actions})
    kept = dict(rollout)
    kept["response"] = rollout["response"][: actions[-1]["end"]].rstrip()
    actions = [*actions[:-1], {**actions[-1], "end": len(kept["response"])}]
    # Token ids cannot be cut at a character: the trainer tokenises the shorter text again.
    kept.pop("token_ids", None)
    kept["finished"] = True
    kept["s2r"] = {
        **scored,
        "actions": [
            *({k: v for k, v in action.items() if k != "tokens"} for action in actions),
            {"kind": "end", "start": len(kept["response"]), "end": len(kept["response"])},
        ],
        "outcome": 1.0 if correct[-1] else -1.0,
        "deviations": [code for code in scored["deviations"] if code not in MENDED_BY_CUTTING],
        "ended": True,
        "truncated": True,
    }
    return kept
