"""``--train.agent_func_path``: one generation, scored from its own token ids (no text is tokenised again)."""

from __future__ import annotations

import asyncio
from typing import Any

from openrlhf.utils.agent import SingleTurnAgentExecutor

from s2r_openrlhf import require_supported
from s2r_openrlhf.carried import into_output
from s2r_openrlhf.options import Options


class AgentExecutor(SingleTurnAgentExecutor):
    """Generates as OpenRLHF does, then parses and judges the response in a thread.

    ``reward`` and ``scores`` are the outcome (R_o, 0/1); the actions with their rewards and token spans travel to
    :class:`s2r_openrlhf.maker.S2RExperienceMaker` in the place of the label.
    """

    def __init__(self) -> None:
        require_supported()
        super().__init__(remote_rm_url=None)
        self.options = Options.from_environment()

    async def execute(
        self, prompt: str, label: Any, sampling_params: Any, max_length: int, hf_tokenizer: Any, llm_engine: Any,
        **kwargs: Any,
    ) -> dict[str, Any]:  # fmt: skip
        output = await super().execute(prompt, label, sampling_params, max_length, hf_tokenizer, llm_engine, **kwargs)
        return await asyncio.to_thread(into_output, output, label, hf_tokenizer, self.options)
