"""What an executor hands to the experience maker, per sample, in the place of the data set's label.

``Experience.labels`` is a list of anything that OpenRLHF carries from the rollout worker to the experience maker
without looking into it; numbers in ``extra_logs`` would be padded, averaged and logged on the way.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from s2r_openrlhf.options import Options
from s2r_rewards.rewards import action_rewards
from s2r_rewards.server.protocol import Sample, Scored, failed_sample, judge_samples, logs_of, outcome_of
from s2r_rewards.tokens import Span, decode_with_offsets, spans_from_offsets


@dataclass(frozen=True, slots=True)
class Carried:
    """One scored sample. Spans are [first, end) into ``observation_tokens`` (prompt + response)."""

    label: Any
    scored: Scored
    rewards: tuple[float, ...]
    spans: tuple[Span, ...]
    """One per action; the span of ``end``, which earns nothing, comes last where there is one."""
    advantages: tuple[float, ...] | None = None
    """Computed beforehand (offline), one per scored action."""


def shift(spans: Sequence[Span], by: int) -> tuple[Span, ...]:
    return tuple((first + by, end + by) for first, end in spans)


def carry(
    token_ids: Sequence[int], offset: int, label: Any, tokenizer: Any, finished: bool, options: Options
) -> Carried:
    """Parses and judges the response that was generated as ``token_ids``, which begin at ``offset``. Never raises."""
    try:
        text, offsets = decode_with_offsets(token_ids, tokenizer)
        scored = judge_samples([Sample(text, label, finished)], options.grammar_name)[0]
        spans = spans_from_offsets(offsets, [(a.start, a.end) for a in scored.judged.trajectory.actions])
    except Exception as error:  # a tokenizer that cannot decode what it was given must not end the run
        scored, spans = failed_sample(None, error), ()
    rewards = action_rewards(scored.judged, options.rules.no_end_penalty)
    return Carried(label, scored, rewards, shift(spans, offset))


def into_output(output: dict[str, Any], carried: Carried, options: Options) -> dict[str, Any]:
    """The executor's output with reward, score, logs and the carried sample filled in."""
    reward, score = outcome_of(carried.scored, options.rules)
    return {
        **output,
        "reward": reward,
        "scores": score,
        "extra_logs": logs_of(carried.scored),
        "label": carried,
    }
