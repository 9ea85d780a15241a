"""Rollout backend ``hf``: transformers generates in a Ray actor; the trainer's weights reach it each step.

``S2R_VERL_CPU_SCRIPT`` may name a JSON file ``{user prompt fragment: [response, …]}``. Where a fragment
occurs in the prompt its responses are replayed in turn, still with the model's own log-probabilities, so
that a test knows every token that the reward code will see.
"""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Sequence
from typing import Any

import ray
import torch
from verl.workers.rollout.replica import RolloutReplica, TokenOutput

SCRIPT_ENV = "S2R_VERL_CPU_SCRIPT"
Request = tuple[list[int], dict[str, Any]]
"""Token ids of a prompt, and how to sample."""


@ray.remote(num_cpus=0)
class Server:
    def __init__(self, path: str, max_new: int, max_len: int, script: dict[str, list[str]]) -> None:
        from transformers import AutoModelForCausalLM, AutoTokenizer

        torch.set_num_threads(1)
        torch.manual_seed(0)
        self.tokenizer = AutoTokenizer.from_pretrained(path)
        self.model = AutoModelForCausalLM.from_pretrained(path, dtype=torch.float32).eval()
        self.max_new, self.max_len = max_new, max_len
        self.script, self.played = script, dict.fromkeys(script, 0)
        self.step: int | None = None
        self.waiting: list[tuple[Request, asyncio.Future]] = []
        self.serving: asyncio.Task | None = None
        self.open, self.stopping = asyncio.Event(), False
        self.open.set()

    async def generate(self, request_id, prompt_ids, sampling_params, **unused) -> TokenOutput:
        await self.open.wait()
        future = asyncio.get_running_loop().create_future()
        self.waiting.append(((list(prompt_ids), dict(sampling_params)), future))
        if self.serving is None:
            self.serving = asyncio.create_task(self._serve())
        ids, log_probs, stop = await future
        return TokenOutput(
            token_ids=ids,
            log_probs=log_probs if sampling_params.get("logprobs") else None,
            stop_reason=stop,
            extra_fields={"global_steps": self.step},
        )

    async def _serve(self) -> None:
        """Answers what waits, all of one temperature together, until nothing does."""
        await asyncio.sleep(0.02)  # requests come in a bunch
        while self.waiting:
            temperature = self.waiting[0][0][1].get("temperature", 1.0)
            now = [one for one in self.waiting if one[0][1].get("temperature", 1.0) == temperature]
            self.waiting = [one for one in self.waiting if one not in now]
            requests, futures = zip(*now, strict=True)
            try:
                loop = asyncio.get_running_loop()
                answers = await loop.run_in_executor(None, self._respond, requests, temperature)
            except Exception as error:
                for future in futures:
                    future.set_exception(error)
                continue
            for future, answer in zip(futures, answers, strict=True):
                future.set_result(answer)
        self.serving = None

    def _respond(self, requests: Sequence[Request], temperature: float) -> list[tuple[list[int], list[float], str]]:
        """(token ids, their log-probabilities, why it stopped) of each request."""
        prompts = [prompt for prompt, _ in requests]
        rooms = [
            min(self.max_new, self.max_len - len(prompt), sampling.get("max_tokens") or self.max_new)
            for prompt, sampling in requests
        ]
        answers = [self._scripted(prompt) for prompt in prompts]
        open_ = [i for i, answer in enumerate(answers) if answer is None]
        with torch.no_grad():
            if open_:
                sampled = self._sample([prompts[i] for i in open_], max(rooms[i] for i in open_), temperature)
                for i, answer in zip(open_, sampled, strict=True):
                    answers[i] = answer
            answers = [answer[:room] for answer, room in zip(answers, rooms, strict=True)]
            both = [torch.tensor(prompt + answer) for prompt, answer in zip(prompts, answers, strict=True)]
            # Behind a row the padding is seen by nobody.
            logits = self.model(torch.nn.utils.rnn.pad_sequence(both, batch_first=True)).logits
        found = []
        for row, prompt, answer, room in zip(logits, prompts, answers, rooms, strict=True):
            log_probs = torch.log_softmax(
                row[len(prompt) - 1 : len(prompt) + len(answer) - 1] / (temperature or 1.0), -1
            )
            chosen = log_probs.gather(-1, torch.tensor(answer)[:, None])[:, 0].tolist()
            finished = answer[-1] == self.tokenizer.eos_token_id
            cut_short = self.stopping and not finished and len(answer) < room
            found.append((answer, chosen, "completed" if finished else "aborted" if cut_short else "length"))
        return found

    async def abort_all_requests(self, reject_request: bool = False) -> None:
        """verl asks before an update; what is not finished is asked for again, from where it stopped."""
        self.open.clear()
        self.stopping = True
        while self.serving is not None:
            await asyncio.sleep(0.01)

    async def resume_generation(self) -> None:
        self.stopping = False
        self.open.set()

    def _scripted(self, prompt_ids: list[int]) -> list[int] | None:
        prompt = self.tokenizer.decode(prompt_ids)
        last = {fragment: prompt.rfind(fragment) for fragment in self.script if fragment in prompt}
        if not last:
            return None
        fragment = max(last, key=lambda f: last[f])  # in a conversation: what was asked last
        text = self.script[fragment][self.played[fragment] % len(self.script[fragment])]
        self.played[fragment] += 1
        return [*self.tokenizer.encode(text, add_special_tokens=False), self.tokenizer.eos_token_id]

    def _sample(self, prompts: list[list[int]], room: int, temperature: float) -> list[list[int]]:
        end, pad = self.tokenizer.eos_token_id, self.tokenizer.pad_token_id
        width = max(map(len, prompts))
        left = [[pad] * (width - len(prompt)) + prompt for prompt in prompts]
        mask = [[0] * (width - len(prompt)) + [1] * len(prompt) for prompt in prompts]
        how = {"do_sample": True, "temperature": temperature, "top_k": 0} if temperature > 0 else {"do_sample": False}
        out = self.model.generate(
            torch.tensor(left),
            attention_mask=torch.tensor(mask),
            max_new_tokens=room,
            eos_token_id=end,
            pad_token_id=pad,
            stopping_criteria=[lambda ids, scores, **more: torch.full((len(ids),), self.stopping, dtype=torch.bool)],
            **how,
        )
        rows = [row[width:].tolist() for row in out]
        return [row[: row.index(end) + 1] if end in row else row for row in rows]

    async def update_weights(self, state: dict[str, torch.Tensor], global_steps: int | None) -> None:
        missing, unexpected = self.model.load_state_dict(state, strict=False)
        tied = {"lm_head.weight"} if self.model.config.tie_word_embeddings else set()
        if unexpected or set(missing) - tied:
            raise RuntimeError(f"weight sync: unexpected {unexpected}, missing {missing}")
        self.model.tie_weights()
        self.step = global_steps

    async def _nothing(self, *args, **kwargs) -> None:
        return None

    wake_up = sleep = clear_kv_cache = _nothing
    release_kv_cache = resume_kv_cache = start_profile = stop_profile = _nothing


def _server_name(rank: int) -> str:
    return f"s2r_verl_cpu_server_{rank}"


class Replica(RolloutReplica):
    async def launch_servers(self) -> None:
        script_path = os.environ.get(SCRIPT_ENV)
        script: dict[str, list[str]] = {}
        if script_path:
            with open(script_path, encoding="utf-8") as file:
                script = json.load(file)
        name = _server_name(self.replica_rank)
        path = self.model_config["path"] if isinstance(self.model_config, dict) else self.model_config.path
        length = self.config.prompt_length + self.config.response_length
        server = Server.options(name=name, max_concurrency=64).remote(path, self.config.response_length, length, script)
        self.servers, self._server_handle, self._server_address = [server], server, name


class Adapter:
    """The trainer's side: the first rank of each replica pushes every weight to its server after a step."""

    def __init__(self, config, model_config, device_mesh, replica_rank: int = -1, **unused) -> None:
        self.config = config
        size = config.tensor_model_parallel_size * config.data_parallel_size * config.pipeline_model_parallel_size
        rank = torch.distributed.get_rank() if torch.distributed.is_initialized() else 0
        alone = replica_rank != -1
        self.replica_rank = replica_rank if alone else rank // size
        self.is_leader_rank = alone or rank % size == 0

    async def resume(self, tags) -> None:
        return None

    async def release(self) -> None:
        return None

    async def update_weights(self, weights, global_steps=None, **kwargs) -> None:
        from verl.workers.rollout.utils import ensure_async_iterator

        pairs = ensure_async_iterator(weights)
        state = {name: tensor.detach().to("cpu", torch.float32).clone() async for name, tensor in pairs}
        if self.is_leader_rank:
            await ray.get_actor(_server_name(self.replica_rank)).update_weights.remote(state, global_steps)
