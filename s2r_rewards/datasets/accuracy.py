"""Accuracy of a model on each problem, out of its rollouts; and random subsets that do not change with order."""

import random
from collections.abc import Iterable, Sequence
from itertools import islice
from typing import TypeVar

from s2r_rewards.datasets.offline import PromptCounts
from s2r_rewards.judging import BatchChecker
from s2r_rewards.presets import get_preset
from s2r_rewards.rollouts import Rollout
from s2r_rewards.scoring import judge_rollouts

Item = TypeVar("Item")
CHUNK = 512


def accuracy_by_problem(
    rollouts: Iterable[Rollout], preset: str = "paper", checker_many: BatchChecker | None = None
) -> dict[str, float]:
    """Share of each problem's rollouts whose last attempt is right, in [0, 1]. Streams."""
    counts: dict[str, PromptCounts] = {}
    waiting = iter(rollouts)
    grammar = get_preset(preset).grammar
    while chunk := list(islice(waiting, CHUNK)):
        for rollout, judged in zip(chunk, judge_rollouts(chunk, grammar, checker_many), strict=True):
            prompt = counts.setdefault(rollout.problem_id, PromptCounts())
            prompt.add(judged.last_correct, kept=True, any_right=any(judged.correct))
    return {name: prompt.accuracy for name, prompt in counts.items()}


def take(items: Sequence[Item], number: int | None, seed: int = 0) -> list[Item]:
    """``number`` of the items drawn at random, in their own order; all of them without a number."""
    if number is None or number >= len(items):
        return list(items)
    chosen = sorted(random.Random(seed).sample(range(len(items)), number))
    return [items[i] for i in chosen]
