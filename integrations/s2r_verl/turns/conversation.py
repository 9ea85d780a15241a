"""What agent loop ``s2r_conversation`` does: the user asks for a verification after each attempt, and for a new attempt after each
rejection.

``actor_rollout_ref.rollout.agent.default_agent_loop=s2r_conversation``, with ``+algorithm.s2r.conversation=s2r``, ``pag``,
``score``, ``rise`` or ``package.module:OBJECT`` (:class:`s2r_rewards.turns.Conversation`). The whole conversation is one
output: the user's tokens are in ``response_ids`` with mask 0, so they count in ``data.max_response_length``, and earn and
train nothing. A row whose ``extra_info["attempt"]`` holds an attempt is a verification prompt (RISE's mixed batch): its
``prompt`` asks for the verification, which is one turn and earns that verification's reward.
"""

from __future__ import annotations

import json
from typing import Any
from uuid import uuid4

from verl.experimental.agent_loop.agent_loop import AgentLoopMetrics, AgentLoopOutput
from verl.utils.profiler import simple_timer

from s2r_rewards.adapter import TokenTurn
from s2r_rewards.grammar import Grammar
from s2r_rewards.tokens import end_tokens, ended
from s2r_rewards.trajectory import ActionKind
from s2r_rewards.turns import Conversation
from s2r_verl.records import TURNS, turns_info


async def hold(
    loop: Any, plan: Conversation, grammar: str | Grammar, sampling_params: dict[str, Any], columns: dict[str, Any]
) -> AgentLoopOutput:
    """One conversation of an agent loop about one row of the data set."""
    given = (columns.get("extra_info") or {}).get("attempt")
    talk = _Talk(loop, plan, dict(sampling_params))
    await talk.begin(list(columns["raw_prompt"]))
    asked: ActionKind | None = "verify" if given is not None else None
    while await talk.hear(asked):
        following = None if given is not None else plan.next(talk.said, grammar)
        if following is None or not await talk.ask(following.prompt):
            break
        asked = following.asks
    return talk.output(given)


class _Talk:
    """One conversation: its messages, and the tokens that they became."""

    def __init__(self, loop: Any, plan: Conversation, sampling: dict[str, Any]) -> None:
        self.loop, self.plan, self.sampling = loop, plan, sampling
        self.messages: list[dict[str, Any]] = []
        self.ids: list[int] = []
        self.prompt = 0  # tokens of the prompt
        self.mask: list[int] = []
        self.log_probs: list[float] = []
        self.turns: list[TokenTurn] = []
        self.said: list[tuple[str, ActionKind | None]] = []
        self.extra: dict[str, Any] = {}
        self.metrics: dict[str, Any] = {}
        self.request_id = uuid4().hex

    @property
    def room(self) -> int:
        """Tokens that the response still has."""
        return int(self.loop.response_length) - len(self.mask)

    async def begin(self, messages: list[dict[str, Any]]) -> None:
        self.messages = messages
        self.ids = await self.loop.ct_build_initial_tokens(messages)
        self.prompt = len(self.ids)

    async def hear(self, asked: ActionKind | None) -> bool:
        """Generate one turn; whether the conversation can go on behind it."""
        room = min(self.room, self.plan.max_turn_tokens or self.room)
        with simple_timer("generate_sequences", self.metrics):
            reply = await self.loop.server_manager.generate(
                request_id=self.request_id, prompt_ids=self.ids, sampling_params={**self.sampling, "max_tokens": room}
            )
        tokens = list(reply.token_ids)[:room]
        if not tokens:
            return False
        known = list(reply.log_probs)[:room] if reply.log_probs else None
        self.turns.append(TokenTurn(len(self.mask), len(self.mask) + len(tokens), asked))
        self.ids = [*self.ids, *tokens]
        self.mask += [1] * len(tokens)
        self.log_probs += known or []
        text = self.loop.tokenizer.decode(tokens, skip_special_tokens=True)
        self.said.append((text, asked))
        self.messages = [*self.messages, {"role": "assistant", "content": text}]
        self._note(reply)
        return ended(tokens, end_tokens(self.loop.tokenizer))  # a turn that was cut off is the last one

    async def ask(self, prompt: str) -> bool:
        """Append the user's turn; False, and nothing, where no token would be left to answer it."""
        asked = [*self.messages, {"role": "user", "content": prompt}]
        merged, mask, log_probs = await self.loop.ct_merge_context_msg(
            self.messages, asked, self.ids, list(self.mask), list(self.log_probs) if self.log_probs else None
        )
        if len(mask) >= self.loop.response_length:
            return False
        self.messages, self.ids, self.mask, self.log_probs = asked, list(merged.token_ids), list(mask), log_probs or []
        return True

    def _note(self, reply: Any) -> None:
        """Weights may change between turns: the conversation began with the first turn's."""
        found = dict(reply.extra_fields or {})
        if "min_global_steps" in found:
            found["min_global_steps"] = self.extra.get("min_global_steps", found["min_global_steps"])
        self.extra |= found

    def output(self, given: str | None) -> AgentLoopOutput:
        info = json.dumps(turns_info(self.turns, given))
        return AgentLoopOutput(
            prompt_ids=self.ids[: self.prompt],
            response_ids=self.ids[self.prompt :],
            response_mask=self.mask,
            response_logprobs=self.log_probs or None,
            num_turns=2 * max(1, len(self.turns)),
            metrics=AgentLoopMetrics(**self.metrics),
            extra_fields={**self.extra, "turn_scores": [], "tool_rewards": [], TURNS: info},
        )
