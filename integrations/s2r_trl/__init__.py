"""Reward functions for TRL's GRPOTrainer and RLOOTrainer; a trainer with an advantage for every action in ``trainer``.

    from s2r_trl import outcome_reward, verification_reward

    GRPOTrainer(..., reward_funcs=[outcome_reward, verification_reward], train_dataset=dataset_with_gold_column)

The dataset needs a column `gold` (or `solution`, `answer`). With these TRL gives one advantage to a whole response; the
process-level baselines of the paper, and every other method, need :class:`s2r_trl.trainer.S2RTrainer`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from s2r_rewards.adapter import TRAINING_OPTIONS, Options, Sample, batch_metrics, score_responses
from s2r_rewards.adapter.options import kind_of
from s2r_rewards.answers import batch_checker
from s2r_rewards.answers.labels import LabelError, gold_of, told, ungradable
from s2r_rewards.answers.policy import AnswerKind
from s2r_rewards.scored import ScoredRollout
from s2r_rewards.turns.chat import message_text

__all__ = ["S2RReward", "S2RTrainer", "action_reward", "outcome_reward", "require_gradable", "verification_reward"]
if TYPE_CHECKING:
    from s2r_trl.trainer import S2RTrainer
GOLD_COLUMNS = ("gold", "solution", "answer")
KINDS = ("outcome", "action", "verification")


class S2RReward:
    """A reward function in TRL's sense: called with prompts, completions and the columns of the dataset.

    Args:
        kind: "outcome" (R_o of the response), "action" (mean reward of all attempts and verifications) or
            "verification" (mean reward of the verifications; None where there is none).
        options: how completions are parsed, checked and rewarded; as in every other trainer.
        gold_column: the column with the golden answers (a text, a number, a worked solution with its answer in
            \\boxed{} or behind ####, or several accepted ones a row); default: `gold`, else whichever of `solution`
            and `answer` a row's answer can be read from. :func:`require_gradable` looks at a dataset beforehand.
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
        self.options.refuse(
            TRAINING_OPTIONS, "TRL's trainers make their own advantages; drop it, or use s2r_trl.trainer.S2RTrainer"
        )
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
        golds = golds_of(columns, len(completions), self.gold_column, kind_of(self.options))
        samples = [Sample(*pair) for pair in zip(map(text_of, completions), golds, strict=True)]
        scored = score_responses(samples, self.options)
        if self.metrics and log_metric is not None:
            for name, value in batch_metrics(scored).items():
                if math.isfinite(value):
                    log_metric(name, value)
        return [self._reward(one) for one in scored]

    def _reward(self, scored: ScoredRollout) -> float | None:
        if (
            scored.left_out
            or scored.failure is not None
            or any(check.verdict == "ungradable" for check in scored.checks)
        ):
            return None
        if self.kind == "outcome":
            return scored.outcome
        kinds = ("verify",) if self.kind == "verification" else ("solve", "verify")
        chosen = [action.reward or 0.0 for action in scored.actions if action.kind in kinds]
        return sum(chosen) / len(chosen) if chosen else None


def text_of(completion: Any) -> str | None:
    """What the model wrote of a completion: itself, or its assistant's messages; None where it is neither.

    Messages of tools and users are not the model's: a box in them earns nothing.
    """
    if isinstance(completion, str) or not isinstance(completion, Iterable):
        return completion if isinstance(completion, str) else None
    own = (m for m in completion if isinstance(m, Mapping) and m.get("role", "assistant") == "assistant")
    return "".join(map(message_text, own))


def gold_columns(columns: Iterable[str], own: str | None = None) -> list[str]:
    """The columns that hold golden answers: ``own``, or ``gold``, else those of `solution` and `answer` that exist.

    Raises:
        ValueError: there is none.
    """
    names, columns = (own,) if own else GOLD_COLUMNS, sorted(columns)
    found = [name for name in names if name in columns]
    if not found:
        raise ValueError(
            f"the dataset has no golden answers: expected a column named {' or '.join(map(repr, names))}, "
            f"found {columns}; name yours with S2RReward(gold_column=…)"
        )
    return found[:1] if found[0] not in GOLD_COLUMNS[1:] else found


def golds_of(
    columns: Mapping[str, Sequence[Any]], count: int, own: str | None = None, kind: AnswerKind = "math"
) -> list[Any]:
    """The golden answers of ``count`` completions out of the columns of a batch; arguments as of :func:`gold_columns`.

    Raises:
        ValueError: there is no such column, or not one answer a completion.
    """
    names = gold_columns(columns, own)
    for name in names:
        if len(columns[name]) != count:
            raise ValueError(f"column {name!r} holds {len(columns[name])} golden answers for {count} completions")
    return [_first_gold(row, kind) for row in zip(*(columns[name] for name in names), strict=True)]


def require_gradable(
    dataset: Iterable[Mapping[str, Any]], gold_column: str | None = None, options: Options | None = None
) -> None:
    """Call it before training: ValueError names the rows of a dataset whose golden answers cannot be graded."""
    rows = list(dataset)
    if rows:
        names = gold_columns(rows[0], gold_column)
        options = options or Options()
        kind = kind_of(options)
        checker = None if options.checker else batch_checker(policy=options.policy)
        bad = ungradable([_first_gold([row.get(name) for name in names], kind) for row in rows], checker, kind)
        if bad:
            raise ValueError(told(bad, len(rows), f"column {' or '.join(names)}"))


def _first_gold(labels: Sequence[Any], kind: AnswerKind) -> Any:
    """The first golden answer of a row's columns; a worked solution may mark none. The first label if there is none."""
    for label in labels:
        try:
            return gold_of(label, kind)
        except LabelError:
            continue
    return labels[0]  # the adapter says what is wrong with it, and counts it


def __getattr__(name: str) -> Any:
    """`S2RTrainer`, which needs TRL; the reward functions do not."""
    if name == "S2RTrainer":
        from s2r_trl.trainer import S2RTrainer

        return S2RTrainer
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


outcome_reward = S2RReward("outcome", metrics=True)
action_reward = S2RReward("action")
verification_reward = S2RReward("verification")
