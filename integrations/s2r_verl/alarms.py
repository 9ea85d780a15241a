"""Signs of reward hacking in the responses of a training step, from their tokens and traces; nothing is checked again."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from s2r_rewards import parse
from s2r_rewards.alarms import alarm_metrics, find_alarms
from s2r_rewards.answers import CheckResult
from s2r_rewards.judging import JudgedTrajectory
from s2r_rewards.tokens import decode_with_offsets
from s2r_verl.options import Options
from s2r_verl.trace import Trace

Ids = Sequence[int]


def step_alarms(
    prompts: Sequence[Ids],
    responses: Sequence[Ids],
    traces: Sequence[Trace],
    tokenizer: Any,
    options: Options,
) -> dict[str, float]:
    """``s2r/alarm/*`` over a batch of B responses; those whose scoring failed are left out."""
    grammar = options.grammar or options.rules.grammar
    judged, texts = [], []
    for prompt, response, trace in zip(prompts, responses, traces, strict=True):
        if trace.error is not None:
            continue
        text, _ = decode_with_offsets(response, tokenizer)
        finished = bool(response) and response[-1] == tokenizer.eos_token_id
        trajectory = parse(text, grammar, finished)
        if len(trajectory.scored) != len(trace.rewards):
            continue
        judged.append(JudgedTrajectory(trajectory, "", tuple(map(_check, trace.rewards[::2]))))
        texts.append(tokenizer.decode(prompt, skip_special_tokens=True))
    return alarm_metrics(find_alarms(judged, texts)) if judged else {}


def _check(reward: float) -> CheckResult:
    """What the reward worker found, as far as the alarms need it: an attempt is right or not."""
    return CheckResult("correct" if reward > 0 else "incorrect", "trace", "rewarded by the reward worker")
