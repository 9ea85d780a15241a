"""Offline RL: an executor that generates nothing and returns the stored rollout that its label holds.

One row of the prompt data set is one rollout (``s2r_rewards.datasets.formats.openrlhf_replay``), so use
``--rollout.n_samples_per_prompt 1`` with an estimator that needs no group, e.g. ``reinforce``; the stored
advantages (appendix F, arXiv:2502.12853) replace whatever it computes.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from openrlhf.utils.agent import AgentExecutorBase

from s2r_openrlhf.carried import Carried, carrying
from s2r_openrlhf.options import Options
from s2r_openrlhf.stored import read_payload
from s2r_openrlhf.versions import require_supported
from s2r_rewards.adapter import failures, resolve_method, score_response
from s2r_rewards.records import RecordError
from s2r_rewards.scored import ScoredAction, ScoredRollout
from s2r_rewards.tokens import token_spans


class AgentExecutor(AgentExecutorBase):
    """Stored rollouts as if they had just been sampled; ``llm_engine`` is left alone."""

    def __init__(self) -> None:
        require_supported()
        self.options = Options.from_environment()

    async def execute(
        self, prompt: str, label: Any, sampling_params: Any, max_length: int, hf_tokenizer: Any, llm_engine: Any,
        **kwargs: Any,
    ) -> dict[str, Any]:  # fmt: skip
        payload = _payload_or_failure(label, resolve_method(self.options).level)
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
        scored = await asyncio.to_thread(stored_record, payload, response_ids, hf_tokenizer, self.options)
        return carrying(output, Carried(payload["gold"], scored))


def _payload_or_failure(label: Any, level: str) -> dict[str, Any]:
    """A row that cannot be replayed becomes an empty response without actions: counted, and no gradient."""
    try:
        return read_payload(label, level=level)
    except RecordError as error:
        cause = failures.note(error, "stored rollout", "it has no gradient")
        return {"response": "", "gold": "", "finished": True, "failure": cause}


def _ids(tokenizer: Any, text: str) -> list[int]:
    return list(tokenizer(text, add_special_tokens=False)["input_ids"])


def stored_record(
    payload: Mapping[str, Any], response_ids: list[int], tokenizer: Any, options: Options
) -> ScoredRollout:
    """The record of a stored rollout: its own actions, rewards and advantages; judged again for the metrics only."""
    if "failure" in payload:
        return ScoredRollout((), -1.0, failure=payload["failure"], outcome_advantage=0.0)
    judged = score_response(payload["response"], payload["gold"], options, finished=payload["finished"])
    known = {(action.start, action.end): action for action in judged.scored}
    spans = [(action["start"], action["end"]) for action in payload["actions"]]
    actions = tuple(
        replace(
            known.get(span) or ScoredAction(action["kind"], *span),
            reward=action["reward"],
            advantage=action["advantage"],
            tokens=tokens,
        )
        for action, span, tokens in zip(
            payload["actions"], spans, token_spans(response_ids, tokenizer, spans), strict=True
        )
    )
    return replace(
        judged,
        actions=actions,
        outcome=payload["outcome"],
        outcome_advantage=payload["outcome_advantage"],
    )
