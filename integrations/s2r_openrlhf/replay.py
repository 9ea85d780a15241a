"""Offline RL: an executor that generates nothing and returns the stored rollout that its label holds.

One row of the prompt data set is one rollout (``s2r_rewards.datasets.formats.openrlhf_replay``), so use
``--rollout.n_samples_per_prompt 1`` with an estimator that needs no group, e.g. ``reinforce``; the stored
advantages (appendix F, arXiv:2502.12853) replace whatever it computes.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from openrlhf.utils.agent import AgentExecutorBase

from s2r_openrlhf.carried import Carried, into_output, shift
from s2r_openrlhf.options import Options
from s2r_openrlhf.stored import read_payload, scored_actions
from s2r_openrlhf.versions import require_supported
from s2r_rewards.records import RecordError
from s2r_rewards.server.protocol import Sample, Scored, judge_samples
from s2r_rewards.tokens import decode_with_offsets, spans_from_offsets


class AgentExecutor(AgentExecutorBase):
    """Stored rollouts as if they had just been sampled; ``llm_engine`` is left alone."""

    def __init__(self) -> None:
        require_supported()
        self.options = Options.from_environment()

    async def execute(
        self, prompt: str, label: Any, sampling_params: Any, max_length: int, hf_tokenizer: Any, llm_engine: Any,
        **kwargs: Any,
    ) -> dict[str, Any]:  # fmt: skip
        payload = _payload_or_failure(label, self.options.level)
        prompt_ids = _ids(hf_tokenizer, prompt)
        response_ids = _ids(hf_tokenizer, payload["response"])
        if payload["finished"] and response_ids[-1:] != [hf_tokenizer.eos_token_id]:
            response_ids.append(hf_tokenizer.eos_token_id)
        output = {
            "prompt": prompt,
            "label": label,
            "images": kwargs.get("images"),
            "mm_train_inputs": None,
            "observation_tokens": prompt_ids + response_ids,
            "action_ranges": [(len(prompt_ids), len(prompt_ids) + len(response_ids))],
            "rollout_log_probs": None,  # whoever sampled them left none; train_ppo_ray refuses to ask for them
            "truncated": not payload["finished"],
        }
        carried = await asyncio.to_thread(
            _carry, response_ids, len(prompt_ids), payload, hf_tokenizer, self.options
        )
        return into_output(output, carried, self.options)


def _payload_or_failure(label: Any, level: str) -> dict[str, Any]:
    """A row that cannot be replayed becomes an empty response without actions: counted, and no gradient."""
    try:
        return read_payload(label, level=level)
    except RecordError as error:
        nothing = {"response": "", "gold": "", "finished": True, "outcome": -1.0, "outcome_advantage": 0.0}
        return {**nothing, "actions": [], "failure": str(error)}


def _ids(tokenizer: Any, text: str) -> list[int]:
    return list(tokenizer(text, add_special_tokens=False)["input_ids"])


def _carry(
    response_ids: list[int], offset: int, payload: Mapping[str, Any], tokenizer: Any, options: Options
) -> Carried:
    text, offsets = decode_with_offsets(response_ids, tokenizer)
    if options.level == "process":
        actions = scored_actions(payload)
    else:  # the whole response, its end token included, is one action
        whole = {"start": 0, "end": len(text)}
        actions = [{**whole, "reward": payload["outcome"], "advantage": payload["outcome_advantage"]}]
    spans = spans_from_offsets(offsets, [(a["start"], a["end"]) for a in actions])
    return Carried(
        label=payload["gold"],
        scored=_judge(payload, options),
        rewards=tuple(a["reward"] for a in actions),
        spans=shift(spans, offset),
        advantages=tuple(a["advantage"] for a in actions),
    )


def _judge(payload: Mapping[str, Any], options: Options) -> Scored:
    """Judged again for the metrics; the stored advantages stay what they are."""
    text = None if "failure" in payload else payload["response"]
    sample = Sample(text, payload["gold"], payload["finished"])
    return judge_samples([sample], options.grammar_name)[0]
