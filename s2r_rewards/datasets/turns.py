"""Verification prompts for RL: a problem, an attempt at it, and the request to check it, mixed with problems (RISE).

An agent that holds conversations makes one turn of such a row, and rewards it by its verdict (``s2r_conversation`` in verl,
``--s2r.conversation`` in OpenRLHF).
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from s2r_rewards.answers.gold import gold_label
from s2r_rewards.datasets.formats import SYSTEM_PROMPT, Row, messages, openrlhf_prompt, verl_prompt
from s2r_rewards.datasets.problems import Problem
from s2r_rewards.grammar import Grammar
from s2r_rewards.judging import BatchChecker
from s2r_rewards.rollouts import Rollout
from s2r_rewards.rollouts.scoring import judge_rollouts
from s2r_rewards.turns.conversation import VERIFY


@dataclass(frozen=True, slots=True)
class VerificationPrompt:
    """A sampled attempt that is to be verified."""

    problem: Problem
    attempt: str
    right: bool

    def prompt(self, system: str | None = SYSTEM_PROMPT, ask: str = VERIFY) -> list[dict[str, str]]:
        """The conversation before the verification; the attempt is an assistant's message that is not trained."""
        said = [{"role": "assistant", "content": self.attempt}, {"role": "user", "content": ask}]
        return [*messages(self.problem.problem, system), *said]


def verification_prompts(
    rollouts: Sequence[Rollout],
    number: int,
    balance: bool = True,
    seed: int = 0,
    grammar: str | Grammar = "paper",
    checker_many: BatchChecker | None = None,
) -> list[VerificationPrompt]:
    """``number`` first attempts of stored rollouts, drawn at random; fewer where there are not as many.

    Args:
        balance: as many right attempts as wrong ones, so that no verdict pays by itself.
    """
    found: dict[bool, list[VerificationPrompt]] = {True: [], False: []}
    for rollout, judged in zip(rollouts, judge_rollouts(rollouts, grammar, checker_many), strict=True):
        attempts = judged.trajectory.attempts
        if not attempts or attempts[0].answer is None or judged.checks[0].verdict not in ("correct", "incorrect"):
            continue
        text = judged.trajectory.text_of(attempts[0]).strip()
        problem = Problem.of(rollout.problem_id, rollout.prompt, rollout.gold, rollout.level)
        found[judged.first_correct].append(VerificationPrompt(problem, text, judged.first_correct))
    draw = random.Random(seed)
    for group in found.values():
        draw.shuffle(group)
    if balance:
        half = min(number // 2, *map(len, found.values()))
        chosen = found[True][:half] + found[False][:half]
    else:
        chosen = draw.sample(found[True] + found[False], min(number, sum(map(len, found.values()))))
    draw.shuffle(chosen)
    return chosen


def mixed(
    problems: Iterable[Problem], prompts: Iterable[VerificationPrompt], seed: int = 0
) -> list[Problem | VerificationPrompt]:
    """Problems and verification prompts in one order, so that each batch has its share of both."""
    rows: list[Problem | VerificationPrompt] = [*problems, *prompts]
    random.Random(seed).shuffle(rows)
    return rows


def verl_row(
    item: Problem | VerificationPrompt, index: int, system: str | None = SYSTEM_PROMPT, ask: str = VERIFY
) -> Row:
    """A row of verl's RL data; every row has ``extra_info["attempt"]``, null for a problem."""
    problem = item.problem if isinstance(item, VerificationPrompt) else item
    row = verl_prompt(problem, index, system)
    row["extra_info"]["attempt"] = None
    if isinstance(item, VerificationPrompt):
        row["prompt"], row["extra_info"]["attempt"] = item.prompt(system, ask), item.attempt
    return row


def openrlhf_row(item: Problem | VerificationPrompt, system: str | None = SYSTEM_PROMPT, ask: str = VERIFY) -> Row:
    """A row of OpenRLHF's RL data; the label of a verification prompt is an object with ``gold`` and ``attempt``."""
    if not isinstance(item, VerificationPrompt):
        return openrlhf_prompt(item, system)
    row = openrlhf_prompt(item.problem, system)
    label = json.dumps({**gold_label(item.problem.gold), "attempt": item.attempt}, ensure_ascii=False)
    return {**row, "input": item.prompt(system, ask), "label": label}
