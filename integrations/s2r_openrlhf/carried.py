"""What an executor hands to the experience maker, per sample, in the place of the data set's label.

``Experience.labels`` is a list of anything that OpenRLHF carries from the rollout worker to the experience maker
without looking into it; numbers in ``extra_logs`` would be padded, averaged and logged on the way.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from s2r_openrlhf.options import Options
from s2r_rewards.adapter import score_response
from s2r_rewards.adapter.options import kind_of
from s2r_rewards.answers.gold import Gold
from s2r_rewards.answers.labels import LabelError, gold_of
from s2r_rewards.scored import ScoredRollout


@dataclass(frozen=True, slots=True)
class Carried:
    """One scored sample: the data set's own label, and the record, whose token spans count from the response."""

    label: Any
    scored: ScoredRollout


def into_output(output: dict[str, Any], label: Any, tokenizer: Any, options: Options) -> dict[str, Any]:
    """An executor's output with the response that it generated scored, from its own token ids. Never raises."""
    first, end = output["action_ranges"][0]
    scored = score_response(
        output["observation_tokens"][first:end], label, options, tokenizer=tokenizer, finished=not output["truncated"]
    )
    return carrying(output, Carried(label, scored))


def carrying(output: dict[str, Any], carried: Carried) -> dict[str, Any]:
    """The output with reward (R_o), score (0/1) and the carried sample filled in."""
    outcome = carried.scored.outcome
    return {**output, "reward": outcome, "scores": float(outcome > 0), "extra_logs": {}, "label": carried}


def gold_or_nothing(label: Any, options: Options) -> Gold:
    """The golden answer of a label, the data set's or one that is carried, of the kind that the run's policy says of
    labels that name none, as it was graded; empty where it holds none."""
    try:
        return gold_of(label.label if isinstance(label, Carried) else label, kind_of(options))
    except LabelError:
        return ""


def response_ids(experience: Any, row: int) -> list[int]:
    """The generated token ids of one sample; OpenRLHF's mask has token p in column p − 1."""
    return list(experience.sequences[row][1:][experience.action_mask[row].bool()].tolist())
