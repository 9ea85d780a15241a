"""Agent loop ``s2r_agent``: verl's single-turn loop, whose output carries a reward at the end of every
action.

``actor_rollout_ref.rollout.agent.default_agent_loop=s2r_agent``. The trainer builds the token-level reward
out of ``as_dict()``; verl's own puts the one score on the last token.
"""

from __future__ import annotations

from typing import Any

from verl.experimental.agent_loop.agent_loop import AgentLoopOutput, register
from verl.experimental.agent_loop.single_turn_agent_loop import SingleTurnAgentLoop

from s2r_rewards.tensors import action_ids, at_action_ends
from s2r_verl.checks import find
from s2r_verl.options import Options
from s2r_verl.trace import ACTION_IDS, FIELD, Trace


class ActionOutput(AgentLoopOutput):
    """An output whose rewards come from the trace that the reward manager sent back."""

    s2r_level: str = "process"

    def as_dict(self) -> dict[str, Any]:
        level = self.s2r_level
        output = super().as_dict()
        output.pop("s2r_level", None)
        length = len(output["response_mask"])
        text = (self.extra_fields.get("reward_extra_info") or {}).get(FIELD)
        trace = Trace.loads(text) if text else None
        spans = trace.spans if trace else ()
        if level == "outcome":  # the whole response is one action (eq. 3)
            spans = ((0, length),)
        output[ACTION_IDS] = action_ids([spans], length)[0] + 1
        if trace and level == "process":
            output["rm_scores"] = at_action_ends([trace.rewards], [spans], length)[0]
        return output


@register("s2r_agent")
class S2RAgentLoop(SingleTurnAgentLoop):
    async def run(self, sampling_params: dict[str, Any], **columns: Any) -> AgentLoopOutput:
        output = await super().run(sampling_params, **columns)
        level = Options.from_algorithm(find(self.config, "algorithm")).level
        return as_action_output(output, level)


def as_action_output(output: AgentLoopOutput, level: str) -> ActionOutput:
    values = {name: getattr(output, name) for name in AgentLoopOutput.model_fields}
    return ActionOutput.model_construct(_fields_set=set(output.model_fields_set), **values, s2r_level=level)
