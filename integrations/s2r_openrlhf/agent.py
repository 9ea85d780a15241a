"""``--train.agent_func_path``: one response, scored from its own token ids (no text is tokenised again).

With ``--s2r.offline`` nothing is generated: each row's label holds the stored rollout that is answered
(``s2r_rewards.datasets.formats.openrlhf_replay``), so use ``--rollout.n_samples_per_prompt 1`` with an estimator that
needs no group, e.g. ``reinforce``; the stored advantages (appendix F, arXiv:2502.12853) replace whatever it computes.
"""

from __future__ import annotations

import asyncio
from typing import Any

from openrlhf.utils.agent import SingleTurnAgentExecutor

from s2r_openrlhf import require_supported
from s2r_openrlhf.carried import Carried, carrying, into_output
from s2r_openrlhf.conversation import ConversationExecutor
from s2r_openrlhf.options import Options
from s2r_rewards.adapter import failures, resolve_method
from s2r_rewards.adapter.replay import in_tokens, read_stored
from s2r_rewards.rollouts import Rollout
from s2r_rewards.rollouts.records import RecordError
from s2r_rewards.scored import ScoredRollout


class AgentExecutor(SingleTurnAgentExecutor):
    """Generates as OpenRLHF does, then parses and judges the response in a thread.

    ``reward`` and ``scores`` are the outcome (R_o, 0/1); the actions with their rewards and token spans travel to
    :class:`s2r_openrlhf.maker.S2RExperienceMaker` in the place of the label.
    """

    def __init__(self) -> None:
        require_supported(warn=False)
        super().__init__(remote_rm_url=None)
        self.options = Options.from_environment()

    async def execute(
        self, prompt: str, label: Any, sampling_params: Any, max_length: int, hf_tokenizer: Any, llm_engine: Any,
        **kwargs: Any,
    ) -> dict[str, Any]:  # fmt: skip
        if self.options.conversation and not self.options.offline:
            return await ConversationExecutor(self.options).execute(
                prompt, label, sampling_params, max_length, hf_tokenizer, llm_engine, **kwargs
            )
        if self.options.offline:
            return await asyncio.to_thread(self._replay, prompt, label, hf_tokenizer, kwargs.get("images"))
        output = await super().execute(prompt, label, sampling_params, max_length, hf_tokenizer, llm_engine, **kwargs)
        return await asyncio.to_thread(into_output, output, label, hf_tokenizer, self.options)

    def _replay(self, prompt: str, label: Any, tokenizer: Any, images: Any) -> dict[str, Any]:
        """The stored rollout as if it had just been sampled."""
        prompt_ids = list(tokenizer(prompt, add_special_tokens=False)["input_ids"])
        try:
            rollout = read_stored(label, resolve_method(self.options).level)
            response_ids, scored = in_tokens(rollout, tokenizer)
        except RecordError as error:  # an empty response without actions: counted, and no gradient
            cause = failures.note(error, "stored rollout", "it has no gradient")
            empty = ScoredRollout((), -1.0, failure=cause, outcome_advantage=0.0)
            rollout = Rollout("", "", "", "", s2r=empty)
            response_ids, scored = in_tokens(rollout, tokenizer)
        output = {
            "prompt": prompt,
            "label": label,
            "images": images,
            "mm_train_inputs": None,
            "observation_tokens": prompt_ids + response_ids,
            "action_ranges": [(len(prompt_ids), len(prompt_ids) + len(response_ids))],
            "rollout_log_probs": None,  # whoever sampled them left none; train_ppo_ray refuses to ask for them
            "truncated": rollout.finished is False,
        }
        return carrying(output, Carried(rollout.gold, scored))
