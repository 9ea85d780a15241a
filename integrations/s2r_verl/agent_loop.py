"""Agent loops ``s2r_agent``, ``s2r_conversation`` and ``s2r_replay``, whose outputs carry their actions.

``actor_rollout_ref.rollout.agent.default_agent_loop=s2r_agent``. The trainer builds its tensors out of ``as_dict()``,
where the spans of the actions are added, two numbers an action.

``s2r_replay`` is offline RL (appendix F of arXiv:2502.12853), with ``algorithm.adv_estimator=s2r_dense``, ``rollout.n=1``
and ``rollout.calculate_log_probs=False``. Nothing is generated: each row of the data set is one stored rollout, whose
``extra_info["replay"]`` (JSON text, written by ``s2r data offline … --verl FILE``) holds it. The baselines are those of
the whole data set. In validation the policy answers itself, as in ``s2r_agent``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from verl.experimental.agent_loop.agent_loop import AgentLoopMetrics, AgentLoopOutput, register
from verl.experimental.agent_loop.single_turn_agent_loop import SingleTurnAgentLoop

from s2r_rewards.adapter import ConfigError, resolve_method
from s2r_rewards.adapter.replay import in_tokens, read_stored
from s2r_rewards.methods import Method
from s2r_rewards.scored import ScoredRollout
from s2r_rewards.trajectory import Span
from s2r_rewards.turns import get_conversation
from s2r_verl.checks import read_options
from s2r_verl.records import ADVANTAGES, SPANS, pack, record_of
from s2r_verl.turns.conversation import hold


class ActionOutput(AgentLoopOutput):  # type: ignore[misc]
    """An output that knows its actions: from the record that the reward manager sent back, or as stored."""

    s2r_level: str = "process"
    s2r_count_end: bool = True
    s2r_stored: tuple[list[float], list[Span]] | None = None
    """Advantages and token spans of a replayed response."""

    def as_dict(self) -> dict[str, Any]:
        """verl's fields, with the spans of the actions and, of a replayed response, their advantages. The reward stays
        verl's: the outcome, on the last token."""
        output: dict[str, Any] = super().as_dict()
        for name in ("s2r_level", "s2r_count_end", "s2r_stored"):
            output.pop(name, None)
        scored = record_of(self.extra_fields)
        spans: Sequence[Span] = scored.objective_spans(self.s2r_count_end) if scored else ()
        if self.s2r_stored is not None:
            advantages, spans = self.s2r_stored
            output[ADVANTAGES] = torch.tensor(advantages or [0.0])
        elif scored and scored.left_out:
            pass
        elif self.s2r_level == "outcome":  # the whole response is one action (Eq. 3)
            spans = ((0, len(output["response_mask"])),)
        output[SPANS] = pack(spans)
        return output


@register("s2r_agent")
class S2RAgentLoop(SingleTurnAgentLoop):  # type: ignore[misc]
    """Generates as verl's loop does."""

    async def run(self, sampling_params: dict[str, Any], **columns: Any) -> AgentLoopOutput:
        output = await super().run(sampling_params, **columns)
        return as_action_output(output, self._method())

    def _method(self) -> Method:
        return resolve_method(read_options(self.config))


@register("s2r_conversation")
class ConversationAgentLoop(S2RAgentLoop):
    """Holds the conversation that ``algorithm.s2r.conversation`` names (:mod:`s2r_verl.turns.conversation`)."""

    async def run(self, sampling_params: dict[str, Any], **columns: Any) -> AgentLoopOutput:
        method, plan = self._method(), get_conversation(read_options(self.config).conversation or "s2r")
        return as_action_output(await hold(self, plan, method.grammar, sampling_params, columns), method)


@register("s2r_replay")
class ReplayAgentLoop(S2RAgentLoop):
    """Answers with what is stored; generates only in validation."""

    async def run(self, sampling_params: dict[str, Any], **columns: Any) -> AgentLoopOutput:
        info = columns.get("extra_info") or {}
        stored = info.get("replay")
        if stored is None and info.get("split", "train") != "train":
            return await super().run(sampling_params, **columns)
        if not isinstance(stored, str):
            raise ConfigError(
                f"s2r_replay: column extra_info lacks the text field 'replay' in row {info.get('index')}; "
                "write the file with `s2r data offline … --verl FILE`"
            )
        prompt = await self.ct_build_initial_tokens(list(columns["raw_prompt"]))
        method = self._method()
        rollout = read_stored(stored, method.level, "extra_info", info.get("index", 0), "replay")
        ids, scored = in_tokens(rollout, self.tokenizer, self.response_length)
        return ActionOutput(
            prompt_ids=prompt,
            response_ids=ids,
            response_mask=[1] * len(ids),
            num_turns=2,
            metrics=AgentLoopMetrics(),
            s2r_stored=stored_actions(scored, method, len(ids)),
            extra_fields={"turn_scores": [], "tool_rewards": []}
            | dict.fromkeys(("min_global_steps", "max_global_steps"), columns["global_steps"]),
        )


def as_action_output(output: AgentLoopOutput, method: Method) -> ActionOutput:
    """The same output, as one that knows its actions."""
    values = {name: getattr(output, name) for name in AgentLoopOutput.model_fields}
    given = set(output.model_fields_set)
    found: ActionOutput = ActionOutput.model_construct(
        _fields_set=given, **values, s2r_level=method.level, s2r_count_end=method.count_end
    )
    return found


def stored_actions(scored: ScoredRollout, method: Method, length: int) -> tuple[list[float], list[Span]]:
    """(advantages, token spans [first, end)) of a stored response of T tokens.

    At the outcome level the whole response is one action.
    """
    if method.level == "outcome":
        scored = scored.as_one_action(length)
    return [action.advantage or 0.0 for action in scored.scored], list(scored.objective_spans(method.count_end))
