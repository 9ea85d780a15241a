"""Agent loop ``s2r_replay``: offline RL. It returns a stored response and its precomputed advantages.

``actor_rollout_ref.rollout.agent.default_agent_loop=s2r_replay`` with ``algorithm.adv_estimator=s2r_dense``,
``rollout.n=1`` and ``rollout.calculate_log_probs=False``. Each row of the data set is one stored rollout; its
``extra_info["replay"]`` (JSON text, written by ``s2r data offline … --verl FILE``) holds ``response``,
``finished``, ``outcome``, ``outcome_advantage`` and, per action, ``kind, start, end, reward, advantage``.
Nothing is generated, and the baselines are those of the whole data set (appendix F of arXiv:2502.12853).
In validation the policy answers itself, as in ``s2r_agent``.
"""

from __future__ import annotations

import json
from typing import Any

from verl.experimental.agent_loop.agent_loop import AgentLoopMetrics, AgentLoopOutput, register
from verl.experimental.agent_loop.single_turn_agent_loop import SingleTurnAgentLoop

from s2r_rewards.tensors import action_ids, spread
from s2r_rewards.tokens import token_spans
from s2r_verl.checks import find
from s2r_verl.options import ConfigError, Options
from s2r_verl.trace import ACTION_IDS

MISSING = (
    "s2r_replay: column extra_info lacks the text field 'replay' in row {index}; "
    "write the file with `s2r data offline … --verl FILE`"
)


class ReplayOutput(AgentLoopOutput):
    """Stored tokens whose reward channel carries each token's advantage."""

    s2r_advantages: list[float]
    s2r_spans: list[tuple[int, int]]

    def as_dict(self) -> dict[str, Any]:
        output = super().as_dict()
        for name in ("s2r_advantages", "s2r_spans"):
            output.pop(name, None)
        length = len(output["response_mask"])
        output["rm_scores"] = spread([self.s2r_advantages], [self.s2r_spans], length)[0]
        output[ACTION_IDS] = action_ids([self.s2r_spans], length)[0] + 1
        return output


@register("s2r_replay")
class ReplayAgentLoop(SingleTurnAgentLoop):
    async def run(self, sampling_params: dict[str, Any], **columns: Any) -> AgentLoopOutput:
        level = Options.from_algorithm(find(self.config, "algorithm")).level
        info = columns.get("extra_info") or {}
        stored = info.get("replay")
        if stored is None and info.get("split", "train") != "train":
            from s2r_verl.agent_loop import as_action_output

            return as_action_output(await super().run(sampling_params, **columns), level)
        if not isinstance(stored, str):
            raise ConfigError(MISSING.format(index=info.get("index")))
        prompt = await self.ct_build_initial_tokens(list(columns["raw_prompt"]))
        rollout = json.loads(stored)
        ids = self.tokenizer.encode(rollout["response"], add_special_tokens=False)
        if rollout.get("finished", True) and ids[-1:] != [self.tokenizer.eos_token_id]:
            ids = [*ids, self.tokenizer.eos_token_id]
        ids = ids[: self.response_length]
        advantages, spans = stored_actions(rollout, level, ids, self.tokenizer)
        step = columns["global_steps"]
        return ReplayOutput(
            prompt_ids=prompt,
            response_ids=ids,
            response_mask=[1] * len(ids),
            num_turns=2,
            metrics=AgentLoopMetrics(),
            s2r_advantages=advantages,
            s2r_spans=spans,
            extra_fields={
                "turn_scores": [],
                "tool_rewards": [],
                "min_global_steps": step,
                "max_global_steps": step,
            },
        )


def stored_actions(
    rollout: dict[str, Any], level: str, ids: list[int], tokenizer: Any
) -> tuple[list[float], list[tuple[int, int]]]:
    """(advantages, token spans [first, end)) of a stored rollout whose T tokens are ``ids``.

    At the outcome level the whole response is one action.
    """
    if level == "outcome":
        return [float(rollout["outcome_advantage"])], [(0, len(ids))]
    actions = [action for action in rollout["actions"] if action["kind"] != "end"]
    found = token_spans(ids, tokenizer, [(action["start"], action["end"]) for action in actions])
    spans = list(found)
    if spans and spans[-1][1] < len(ids):
        spans.append((spans[-1][1], len(ids)))  # the end token is an action of its own, which earns nothing
    return [float(action["advantage"]) for action in actions], spans
