"""Offline RL: an executor that generates nothing and returns the stored rollout that its label holds.

One row of the prompt data set is one rollout (``s2r_rewards.datasets.formats.openrlhf_replay``), so use
``--rollout.n_samples_per_prompt 1`` with an estimator that needs no group, e.g. ``reinforce``; the stored
advantages (appendix F, arXiv:2502.12853) replace whatever it computes.
"""

from __future__ import annotations

import asyncio
import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

from openrlhf.utils.agent import AgentExecutorBase

from s2r_openrlhf import require_supported
from s2r_openrlhf.carried import Carried, carrying
from s2r_openrlhf.options import Options
from s2r_rewards.adapter import failures, resolve_method
from s2r_rewards.rollouts import Rollout
from s2r_rewards.rollouts.records import RecordError, read_records
from s2r_rewards.scored import ScoredRollout
from s2r_rewards.tokens import token_spans


class AgentExecutor(AgentExecutorBase):
    """Stored rollouts as if they had just been sampled; ``llm_engine`` is left alone."""

    def __init__(self) -> None:
        require_supported()
        self.level = resolve_method(Options.from_environment()).level

    async def execute(
        self, prompt: str, label: Any, sampling_params: Any, max_length: int, hf_tokenizer: Any, llm_engine: Any,
        **kwargs: Any,
    ) -> dict[str, Any]:  # fmt: skip
        rollout, scored = _stored_or_failed(label, self.level)
        finished = rollout.finished is not False
        prompt_ids = _ids(hf_tokenizer, prompt)
        response_ids = _ids(hf_tokenizer, rollout.response)
        if finished and response_ids[-1:] != [hf_tokenizer.eos_token_id]:
            response_ids.append(hf_tokenizer.eos_token_id)
        output = {
            "prompt": prompt,
            "label": label,
            "images": kwargs.get("images"),
            "mm_train_inputs": None,
            "observation_tokens": prompt_ids + response_ids,
            "action_ranges": [(len(prompt_ids), len(prompt_ids) + len(response_ids))],
            "rollout_log_probs": None,  # whoever sampled them left none; train_ppo_ray refuses to ask for them
            "truncated": not finished,
        }
        placed = await asyncio.to_thread(in_tokens, scored, response_ids, hf_tokenizer)
        return carrying(output, Carried(rollout.gold, placed))


def _stored_or_failed(label: Any, level: str) -> tuple[Rollout, ScoredRollout]:
    """A row that cannot be replayed becomes an empty response without actions: counted, and no gradient."""
    try:
        return read_stored(label, level=level)
    except RecordError as error:
        cause = failures.note(error, "stored rollout", "it has no gradient")
        return Rollout("", "", "", ""), ScoredRollout((), -1.0, failure=cause, outcome_advantage=0.0)


def _ids(tokenizer: Any, text: str) -> list[int]:
    return list(tokenizer(text, add_special_tokens=False)["input_ids"])


def in_tokens(scored: ScoredRollout, response_ids: list[int], tokenizer: Any) -> ScoredRollout:
    """The record with the token spans of its attempts and verifications in these tokens."""
    spans = token_spans(response_ids, tokenizer, [(a.start, a.end) for a in scored.scored])
    actions = tuple(replace(a, tokens=span) for a, span in zip(scored.scored, spans, strict=True))
    return replace(scored, actions=actions)


def read_stored(
    label: Any, path: str = "<label>", line: int = 0, level: str = "process"
) -> tuple[Rollout, ScoredRollout]:
    """The stored rollout out of a row's label, and its record with the advantages of that level.

    Raises:
        RecordError: names what is missing, of the wrong type or not finite.
    """
    try:
        record = json.loads(label) if isinstance(label, str) else label
    except ValueError:
        record = None
    if not isinstance(record, dict):
        problem = "expected the JSON text of a stored rollout, as `s2r data offline --openrlhf` writes it"
        raise RecordError(path, line, "label", problem)
    try:
        rollout = Rollout.from_record(record)
    except RecordError as error:
        raise RecordError(path, line, f"label.{error.field}", error.problem) from None
    scored = rollout.s2r
    if scored is None:
        raise RecordError(path, line, "label.s2r", "found nothing; write the file with `s2r data offline`")
    if level == "outcome":
        needed = [("outcome_advantage", scored.outcome_advantage)]
    else:
        names = ("start", "end", "reward", "advantage")
        needed = [(name, getattr(action, name)) for action in scored.scored for name in names]
    for name, value in needed:
        if not isinstance(value, (int, float)) or not math.isfinite(value):
            raise RecordError(path, line, f"label.s2r.{name}", f"found {value!r}; expected a number")
    return rollout, scored


def check_file(path: str | Path, level: str, label_key: str = "label") -> int:
    """Reads a whole replay data set before a GPU is taken; the number of its rows.

    Raises:
        RecordError: the first bad row, naming file, line and field.
    """
    rows = 0
    for line, record in read_records(path):
        read_stored(record.get(label_key), str(path), line, level)
        rows += 1
    if not rows:
        raise RecordError(str(path), 0, label_key, "the file holds no row")
    return rows
