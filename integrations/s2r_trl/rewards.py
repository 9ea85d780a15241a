"""Judge a batch of completions and hand TRL one number each; None where the gold answer cannot be graded."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from s2r_rewards import action_rewards, behaviour_metrics, parse
from s2r_rewards import outcome_reward as outcome_of
from s2r_rewards.answers import extract_answer
from s2r_rewards.judging import JudgedTrajectory, judge_many

GOLD_COLUMNS = ("gold", "solution", "answer")
KINDS = ("outcome", "action", "verification")


class S2RReward:
    """A reward function in TRL's sense: called with prompts, completions and the columns of the dataset.

    Args:
        kind: "outcome" (±1 of the last attempt), "action" (mean ±1 of all attempts and verifications) or
            "verification" (mean ±1 of the verifications; None where there is none).
        grammar: "paper", "released", "tags" or a Grammar.
        gold_column: the column with the golden answer; default: the first of `gold`, `solution`, `answer`.
            A golden text with a boxed answer counts as that answer.
        metrics: hand the behaviour metrics of each batch to TRL's `log_metric`.
    """

    def __init__(
        self,
        kind: str = "outcome",
        grammar: Any = "paper",
        gold_column: str | None = None,
        metrics: bool = False,
    ) -> None:
        if kind not in KINDS:
            raise ValueError(f"kind {kind!r}: expected one of {', '.join(map(repr, KINDS))}")
        self.kind, self.grammar, self.gold_column, self.metrics = kind, grammar, gold_column, metrics
        self.__name__ = f"s2r_{kind}_reward"  # TRL logs a reward under the name of its function

    def __call__(
        self,
        prompts: Sequence[Any] | None = None,
        completions: Sequence[Any] = (),
        log_metric: Callable[[str, float], None] | None = None,
        **columns: Any,
    ) -> list[float | None]:
        """One reward per completion (text, or a list of messages); B in, B out."""
        golds = self._golds(columns, len(completions))
        trajectories = [parse(text_of(completion), self.grammar) for completion in completions]
        judged = judge_many(trajectories, golds)
        if self.metrics and log_metric is not None:
            for name, value in behaviour_metrics(judged).items():
                if math.isfinite(value):
                    log_metric(name, value)
        return [self._reward(one) for one in judged]

    def _golds(self, columns: dict[str, Any], count: int) -> list[str]:
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
        return [_answer_in(str(gold)) if gold is not None else "" for gold in golds]

    def _reward(self, judged: JudgedTrajectory) -> float | None:
        if any(check.verdict == "ungradable" for check in judged.checks):
            return None
        if self.kind == "outcome":
            return outcome_of(judged)
        rewards = action_rewards(judged)
        chosen = rewards if self.kind == "action" else rewards[1::2]
        return sum(chosen) / len(chosen) if chosen else None


def text_of(completion: Any) -> str:
    """The text of a completion: itself, or the contents of its messages."""
    if isinstance(completion, str):
        return completion
    return "".join(str(message.get("content") or "") for message in completion)


def _answer_in(gold: str) -> str:
    found = extract_answer(gold)
    return found.answer if found.how == "boxed" and found.answer is not None else gold


outcome_reward = S2RReward("outcome", metrics=True)
action_reward = S2RReward("action")
verification_reward = S2RReward("verification")
