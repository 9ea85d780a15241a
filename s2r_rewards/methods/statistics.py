"""What estimators share: statistics over the responses of a prompt and over the tokens of a batch."""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence

from s2r_rewards.baselines.base import Values
from s2r_rewards.baselines.deviation import deviation
from s2r_rewards.scored import ScoredRollout


def normalised(
    values: Sequence[float], prompts: Sequence[Hashable], plus: float | None, alone: bool = False
) -> list[float]:
    """(x − μ)/(σ + plus) over the responses of a prompt, σ with n − 1.

    Args:
        values: one a response.
        plus: None: x − μ, without σ.
        alone: a prompt's only response is compared with 0 and divided by 1, in the place of advantage 0.
    """
    members: dict[Hashable, list[float]] = {}
    for value, prompt in zip(values, prompts, strict=True):
        members.setdefault(prompt, []).append(value)
    found = {}
    for prompt, known in members.items():
        mean = 0.0 if alone and len(known) == 1 else math.fsum(known) / len(known)
        found[prompt] = (mean, 1.0 if plus is None or len(known) == 1 else deviation(known) + plus)
    return [(x - found[p][0]) / found[p][1] if found[p][1] > 0 else 0.0 for x, p in zip(values, prompts, strict=True)]


def token_counts(item: ScoredRollout) -> list[int]:
    """How many tokens each scored action has; 1 each where that is not known."""
    actions = item.scored
    if any(action.tokens is None for action in actions):
        return [1] * len(actions)
    return [action.tokens[1] - action.tokens[0] for action in actions if action.tokens]


def whitened(values: Values, weights: Sequence[Sequence[int]], plus: float = 1e-8) -> Values:
    """(x − μ)/√(var + plus) over all tokens, each action counting as often as it has tokens; var with n − 1.

    A single token has no variance: it is 0.
    """
    pairs = [pair for row in zip(values, weights, strict=True) for pair in zip(*row, strict=True)]
    count = sum(weight for _, weight in pairs)
    mean = math.fsum(value * weight for value, weight in pairs) / count if count else 0.0
    spread = math.fsum(weight * (value - mean) ** 2 for value, weight in pairs)
    scale = math.sqrt(spread / (count - 1) + plus) if count > 1 else 1.0
    return tuple(tuple((value - mean) / scale for value in row) for row in values)
