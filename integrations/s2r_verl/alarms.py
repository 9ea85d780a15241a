"""Signs of reward hacking in the responses of a training step, from their tokens and records; nothing is checked again."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from s2r_rewards import parse
from s2r_rewards.alarms import alarm_metrics, find_alarms
from s2r_rewards.judging import JudgedTrajectory
from s2r_rewards.methods import Method
from s2r_rewards.scored import ScoredRollout
from s2r_rewards.tokens import decode_with_offsets

Ids = Sequence[int]


def step_alarms(
    prompts: Sequence[Ids],
    responses: Sequence[Ids],
    records: Sequence[ScoredRollout],
    tokenizer: Any,
    method: Method,
) -> dict[str, float]:
    """``s2r/alarm/*`` over a batch of B responses; those whose scoring failed are left out.

    Responses are parsed again, since the records travel without the answers that some alarms compare.
    """
    judged, texts = [], []
    for prompt, response, record in zip(prompts, responses, records, strict=True):
        if record.failure is not None:
            continue
        text, _ = decode_with_offsets(response, tokenizer)
        trajectory = parse(text, method.grammar, record.ended)
        if len(trajectory.attempts) != len(record.checks):
            continue
        judged.append(JudgedTrajectory(trajectory, "", record.checks))
        texts.append(tokenizer.decode(prompt, skip_special_tokens=True))
    return alarm_metrics(find_alarms(judged, texts)) if judged else {}
