"""Reward functions for TRL's GRPOTrainer and RLOOTrainer.

    from s2r_trl import outcome_reward, verification_reward

    GRPOTrainer(..., reward_funcs=[outcome_reward, verification_reward], train_dataset=dataset_with_gold_column)

The dataset needs a column `gold` (or `solution`, `answer`). TRL gives one reward to a whole response: the
process-level baselines of the paper need the verl or the OpenRLHF integration.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from s2r_rewards.adapter import TRAINING_OPTIONS, Options, Sample, batch_metrics, score_responses
from s2r_rewards.adapter.golds import LabelError, gold_of
from s2r_rewards.answers import extract_answer
from s2r_rewards.scored import ScoredRollout

__all__ = ["S2RReward", "action_reward", "outcome_reward", "verification_reward"]
GOLD_COLUMNS = ("gold", "solution", "answer")
KINDS = ("outcome", "action", "verification")


class S2RReward:
    """A reward function in TRL's sense: called with prompts, completions and the columns of the dataset.

    Args:
        kind: "outcome" (R_o of the response), "action" (mean reward of all attempts and verifications) or
            "verification" (mean reward of the verifications; None where there is none).
        options: how completions are parsed, checked and rewarded; as in every other trainer.
        gold_column: the column with the golden answers (a text, a number or several accepted ones a row);
            default: the first of `gold`, `solution`, `answer`. A golden text with a boxed answer counts as
            that answer.
        metrics: hand the behaviour metrics of each batch to TRL's `log_metric`.
        grammar: short for `Options(grammar=…)`.
    """

    def __init__(
        self,
        kind: str = "outcome",
        options: Options | None = None,
        gold_column: str | None = None,
        metrics: bool = False,
        grammar: str | None = None,
    ) -> None:
        if kind not in KINDS:
            raise ValueError(f"kind {kind!r}: expected one of {', '.join(map(repr, KINDS))}")
        self.options = options or Options()
        if grammar is not None:
            self.options = replace(self.options, grammar=grammar)
        self.options.refuse(TRAINING_OPTIONS, "TRL makes its own advantages; drop it")
        self.options.check()
        self.kind, self.gold_column, self.metrics = kind, gold_column, metrics
        self.__name__ = f"s2r_{kind}_reward"  # TRL logs a reward under the name of its function

    def __call__(
        self,
        prompts: Sequence[Any] | None = None,
        completions: Sequence[Any] = (),
        log_metric: Callable[[str, float], None] | None = None,
        **columns: Any,
    ) -> list[float | None]:
        """One reward per completion (text, or a list of messages); B in, B out. None: it could not be graded."""
        golds = self._golds(columns, len(completions))
        samples = [Sample(*pair) for pair in zip(map(text_of, completions), golds, strict=True)]
        scored = score_responses(samples, self.options)
        if self.metrics and log_metric is not None:
            for name, value in batch_metrics(scored).items():
                if math.isfinite(value):
                    log_metric(name, value)
        return [self._reward(one) for one in scored]

    def _golds(self, columns: dict[str, Any], count: int) -> list[Any]:
        names = (self.gold_column,) if self.gold_column else GOLD_COLUMNS
        name = next((name for name in names if name in columns), None)
        if name is None:
            raise ValueError(
                f"the dataset has no golden answers: expected a column named {' or '.join(map(repr, names))}, "
                f"found {sorted(columns)}; name yours with S2RReward(gold_column=…)"
            )
        golds = columns[name]
        if len(golds) != count:
            raise ValueError(f"column {name!r} holds {len(golds)} golden answers for {count} completions")
        return list(map(_unboxed, golds))

    def _reward(self, scored: ScoredRollout) -> float | None:
        if scored.failure is not None or any(check.verdict == "ungradable" for check in scored.checks):
            return None
        if self.kind == "outcome":
            return scored.outcome
        kinds = ("verify",) if self.kind == "verification" else ("solve", "verify")
        chosen = [action.reward or 0.0 for action in scored.actions if action.kind in kinds]
        return sum(chosen) / len(chosen) if chosen else None


def text_of(completion: Any) -> str | None:
    """The text of a completion: itself, or the contents of its messages; None where it is neither."""
    if isinstance(completion, str) or not isinstance(completion, Iterable):
        return completion if isinstance(completion, str) else None
    return "".join(str(message.get("content") or "") for message in completion if isinstance(message, Mapping))


def _unboxed(gold: Any) -> Any:
    """A golden answer, or several; texts with a box stand for what is in it."""
    try:
        gold = gold_of(gold)
    except LabelError:
        return gold  # the adapter says so, and counts it
    if not isinstance(gold, str):
        return tuple(map(_unboxed, gold))
    found = extract_answer(gold)
    return found.answer if found.how == "boxed" and found.answer is not None else gold


outcome_reward = S2RReward("outcome", metrics=True)
action_reward = S2RReward("action")
verification_reward = S2RReward("verification")
