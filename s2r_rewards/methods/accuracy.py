"""The accuracy of a response's prompt, counted over a batch."""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence

from s2r_rewards.scored import ScoredRollout


def prompt_accuracies(scored: Sequence[ScoredRollout], groups: Sequence[Hashable] | None = None) -> tuple[float, ...]:
    """For each trajectory, the share of its prompt's responses whose outcome reward is positive."""
    return tuple(right / count for _, right, count in _counts(scored, groups))


def accuracies_of_others(
    scored: Sequence[ScoredRollout], groups: Sequence[Hashable] | None = None
) -> tuple[float, ...]:
    """For each trajectory, the share among its prompt's *other* responses; nan where there is none.

    The accuracy of the prompt holds the response's own outcome, and a baseline that depends on the actions is biased
    (docs/bias.md); this one does not.
    """
    return tuple(leave_out(own, right, count) for own, right, count in _counts(scored, groups))


def leave_out(own: bool, right: int, count: int) -> float:
    """The accuracy of ``count`` responses, ``right`` of them right, without one that is right or not; nan of none."""
    return (right - own) / (count - 1) if count > 1 else math.nan


def _counts(scored: Sequence[ScoredRollout], groups: Sequence[Hashable] | None) -> list[tuple[bool, int, int]]:
    """Of each trajectory: whether it is right, how many of its prompt's are, and how many there are."""
    prompts = groups if groups is not None else (None,) * len(scored)
    known: dict[Hashable, list[bool]] = {}
    for item, prompt in zip(scored, prompts, strict=True):
        known.setdefault(prompt, []).append(item.outcome > 0)
    totals = {prompt: (sum(values), len(values)) for prompt, values in known.items()}
    return [(item.outcome > 0, *totals[prompt]) for item, prompt in zip(scored, prompts, strict=True)]
