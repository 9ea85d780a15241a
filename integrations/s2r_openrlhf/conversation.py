"""With ``--s2r.conversation``: the user asks for a verification after each attempt, a new attempt after each rejection.

OpenRLHF's own multi-turn executor holds the conversation, token-exact: a turn's prompt is all tokens before it. The user's
tokens are in no action range, so OpenRLHF masks them. ``--rollout.max_new_tokens`` limits the whole conversation, its
prompts included; a turn that is cut off is the last one.

A label with a field ``attempt`` (an object, or its JSON text) is a verification prompt (RISE's mixed batch): the data set's
prompt asks for the verification of that attempt, which is one turn and earns that verification's reward.
"""

from __future__ import annotations

import asyncio
from copy import deepcopy
from typing import Any

import torch
from openrlhf.utils.agent import AgentInstanceBase, MultiTurnAgentExecutor

from s2r_openrlhf.carried import Carried, carrying
from s2r_openrlhf.options import Options
from s2r_rewards.adapter import TokenTurn, attempt_of, resolve_method, score_response
from s2r_rewards.trajectory import ActionKind
from s2r_rewards.turns import Conversation, get_conversation

_MARK = "S2R-TURN"


def user_turn(prompt: str, tokenizer: Any, ended: bool) -> str:
    """The text between two turns of the model, by the tokenizer's chat template.

    Args:
        ended: whether the model closed its turn with the end token itself.
    """
    said = [{"role": "user", "content": "?"}, {"role": "assistant", "content": _MARK}]
    asked = [*said, {"role": "user", "content": prompt}]
    text = str(tokenizer.apply_chat_template(asked, tokenize=False, add_generation_prompt=True)).rpartition(_MARK)[2]
    return text.removeprefix(tokenizer.eos_token or "") if ended else text


class _Talk:
    """One conversation: the engine that its turns come from, and what was said. Stands between executor and engine."""

    def __init__(
        self, engine: Any, tokenizer: Any, plan: Conversation, grammar: Any, budget: int, one_turn: bool
    ) -> None:
        self.engine, self.tokenizer, self.plan, self.grammar = engine, tokenizer, plan, grammar
        self.budget, self.one_turn = budget, one_turn
        self.start = 0  # tokens of the prompt
        self.used = 0  # tokens behind it, so far
        self.last: list[int] = []
        self.cut_off = False
        self.asked: list[ActionKind | None] = ["verify" if one_turn else None]
        self.said: list[tuple[str, ActionKind | None]] = []

    async def generate(self, ids: list[int], sampling_params: Any, **more: Any) -> Any:
        """One turn, within what is left of the conversation."""
        if not self.said:
            self.start = len(ids)
        params = deepcopy(sampling_params)
        room = max(1, self.budget - (len(ids) - self.start))
        params.max_tokens = min(room, params.max_tokens, self.plan.max_turn_tokens or room)
        found = await self.engine.generate(ids, params, **more)
        turn = found.outputs[0]
        turn.token_ids = list(turn.token_ids)
        self.last, self.cut_off = turn.token_ids, turn.finish_reason == "length"
        self.used = len(ids) - self.start + len(self.last)
        text = self.tokenizer.decode(self.last, skip_special_tokens=True)
        self.said.append((text, self.asked[-1]))
        return found

    def go_on(self) -> str:
        """The user's next turn; "" where the conversation is over."""
        following = None if self.cut_off or self.one_turn else self.plan.next(self.said, self.grammar)
        if following is None:
            return ""
        ended = bool(self.last) and self.last[-1] == self.tokenizer.eos_token_id
        text = user_turn(following.prompt, self.tokenizer, ended)
        if self.used + len(self.tokenizer(text, add_special_tokens=False)["input_ids"]) >= self.budget:
            return ""
        self.asked.append(following.asks)
        return text


class ConversationExecutor(MultiTurnAgentExecutor):
    """OpenRLHF's multi-turn executor over one conversation a call."""

    def __init__(self, options: Options) -> None:
        super().__init__(AgentInstanceBase)
        self.options = options
        self.plan = get_conversation(options.conversation or "s2r")
        self.grammar = resolve_method(options).grammar

    async def execute(
        self, prompt: str, label: Any, sampling_params: Any, max_length: int, hf_tokenizer: Any, llm_engine: Any,
        images: Any = None, **kwargs: Any,
    ) -> dict[str, Any]:  # fmt: skip
        given = attempt_of(label)
        length = len(hf_tokenizer(prompt, add_special_tokens=False)["input_ids"])
        budget = sampling_params.max_tokens or max(1, max_length - length)
        talk = _Talk(llm_engine, hf_tokenizer, self.plan, self.grammar, budget, given is not None)

        class Instance(AgentInstanceBase):
            def __init__(self) -> None:
                pass

            async def step(self, state_dict: dict[str, Any], **unused: Any) -> dict[str, Any]:
                feedback = talk.go_on()
                zero = torch.zeros(())  # rewards come with the whole conversation
                return {"rewards": zero, "scores": zero, "environment_feedback": feedback, "done": not feedback}

        executor = MultiTurnAgentExecutor(Instance)
        output = await executor.execute(
            prompt, label, deepcopy(sampling_params), max_length, hf_tokenizer, talk, images=images, **kwargs
        )
        return await asyncio.to_thread(self._score, output, label, given, talk, hf_tokenizer)

    def _score(
        self, output: dict[str, Any], label: Any, given: str | None, talk: _Talk, tokenizer: Any
    ) -> dict[str, Any]:
        output["truncated"] = talk.cut_off  # OpenRLHF 0.10.2 does not say
        ranges = output["action_ranges"]
        first, end = (ranges[0][0], ranges[-1][1]) if ranges else (len(output["observation_tokens"]),) * 2
        for name in ("observation_tokens", "rollout_log_probs"):  # a prompt that nobody answered is no part of it
            if output.get(name) is not None:
                output[name] = output[name][:end]
        turns = [TokenTurn(a - first, b - first, asked) for (a, b), asked in zip(ranges, talk.asked, strict=False)]
        scored = score_response(
            output["observation_tokens"][first:end], label, self.options, tokenizer=tokenizer,
            finished=not talk.cut_off, turns=turns, given=given,
        )  # fmt: skip
        return carrying(output, Carried(label, scored))
