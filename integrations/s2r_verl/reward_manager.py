"""Reward manager ``s2r``: scores one response in the reward worker and sends its record along.

``reward.reward_manager.name=s2r``. The float that verl wants is the outcome reward; the rewards of the single
actions travel in the record. Baselines need the whole batch and so belong to the advantage estimator.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from functools import lru_cache, partial
from typing import Any

import numpy as np
from verl.experimental.reward_loop.reward_manager.base import RewardManagerBase
from verl.experimental.reward_loop.reward_manager.registry import register

from s2r_rewards.adapter import Sample, TokenTurn, failures, score_responses
from s2r_rewards.tokens import end_tokens, ended
from s2r_verl.checks import find, read_options, require_good_config
from s2r_verl.records import reward_info, turns_of

BATCH = 32
"""Responses that are scored together, of those that wait."""
PATIENCE = 0.2
"""Seconds after which the next ones no longer wait for those that are being scored: a check may take longer."""

Waiting = tuple[Any, "asyncio.Future[dict[str, Any]]"]


@register("s2r")
class S2RRewardManager(RewardManagerBase):  # type: ignore[misc]
    """verl's reward manager whose reward is the method's outcome.

    Responses that wait are scored together, in one thread: scoring is Python, so that threads side by side would only
    take turns, and what every call costs is paid once.
    """

    def __init__(
        self,
        config: Any,
        tokenizer: Any,
        compute_score: Any = None,
        reward_router_address: str | None = None,
        reward_model_tokenizer: Any = None,
        **unused: Any,
    ) -> None:
        super().__init__(config, tokenizer, compute_score)
        require_good_config(config)
        self.options = read_options(config)
        self.ends = end_tokens(tokenizer, find(config, "actor_rollout_ref.model.path"))
        self._waiting: deque[Waiting] = deque()
        self._work: asyncio.Task[None] | None = None
        self._prompt_of = lru_cache(maxsize=1024)(self._decoded)  # a prompt's samples ask for it one after the other

    async def run_single(self, data: Any) -> dict[str, Any]:
        """One response: {"reward_score": its outcome, "reward_extra_info": {"acc": 0/1, "s2r_scored": …}}."""
        loop = asyncio.get_running_loop()
        scored: asyncio.Future[dict[str, Any]] = loop.create_future()
        self._waiting.append((data, scored))
        if self._work is None or self._work.done() or self._work.get_loop() is not loop:
            self._work = loop.create_task(self._score_waiting())
        return await scored

    async def _score_waiting(self) -> None:
        while self._waiting:
            taken = [self._waiting.popleft() for _ in range(min(BATCH, len(self._waiting)))]
            job = asyncio.get_running_loop().run_in_executor(None, self._score, [data for data, _ in taken])
            job.add_done_callback(partial(_hand_over, taken))
            await asyncio.wait([job], timeout=PATIENCE)

    def _score(self, batch: Sequence[Any]) -> list[dict[str, Any]]:
        scored = score_responses([self._sample(data) for data in batch], self.options, tokenizer=self.tokenizer)
        return [{"reward_score": float(one.outcome), "reward_extra_info": reward_info(one)} for one in scored]

    def _sample(self, data: Any) -> Sample:
        ids: Any = []
        gold: Any = None  # as golden answer it earns the failing reward
        level: Any = None
        finished: bool | None = None
        prompt: str | None = None
        turns: list[TokenTurn] | None = None
        given: str | None = None
        try:
            ids, turns, given = read_outputs(data)
            finished = ended(ids, self.ends)
            columns = data.non_tensor_batch
            if self.options.alarms:
                asked = _plain(data.batch["prompts"][-1])
                there = _plain(data.batch["attention_mask"][-1])[: len(asked)].astype(bool)
                prompt = self._prompt_of(asked[there].tobytes())
            extra = columns.get("extra_info")
            level = ((extra[-1] if extra is not None else None) or {}).get("level")
            gold = columns["reward_model"][-1]["ground_truth"]
        except Exception as error:  # scoring what is known keeps the sample
            failures.note(error, "sample without golden answer")
        return Sample(ids, gold, finished, level, prompt, turns, given)

    def _decoded(self, ids: bytes) -> str:
        text: str = self.tokenizer.decode(np.frombuffer(ids, dtype=np.int64).tolist(), skip_special_tokens=True)
        return text


def _hand_over(taken: Sequence[Waiting], job: asyncio.Future[list[dict[str, Any]]]) -> None:
    for place, (_, scored) in enumerate(taken):
        if scored.done():  # nobody waits any more
            continue
        if job.cancelled():
            scored.cancel()
        elif (error := job.exception()) is not None:
            scored.set_exception(error)
        else:
            scored.set_result(job.result()[place])


def _plain(row: Any) -> np.ndarray:
    """A row of a tensor as int64, whose pieces cost less than a tensor's."""
    found: np.ndarray = row.cpu().numpy().astype(np.int64, copy=False)
    return found


def read_outputs(data: Any) -> tuple[Sequence[int], list[TokenTurn] | None, str | None]:
    """(token ids, turns, given attempt) of every output of one trajectory, one after the other.

    An agent loop may give a trajectory in several outputs (a turn each, for example): verl hands over all of them and
    rewards the last (verl#6228). Each is a turn here, or as many as it says itself. Of one output without turns the ids
    are an array.
    """
    count = len(data)
    extra = data.non_tensor_batch.get("tool_extra_fields")
    rows: list[Any] = []
    for i in range(count):
        response, attended = _plain(data.batch["responses"][i]), _plain(data.batch["attention_mask"][i])
        rows.append(response[: int(attended[-len(response) :].sum())])
    told = [turns_of(None if extra is None else extra[i]) for i in range(count)]
    given = next((attempt for _, attempt in told if attempt is not None), None)
    if count == 1 and told[0][0] is None:
        return rows[0], None, given
    ids: list[int] = []
    turns: list[TokenTurn] = []
    for row, (inside, _) in zip(rows, told, strict=True):
        for turn in inside if inside is not None else [TokenTurn(0, len(row))]:
            turns.append(TokenTurn(turn.first + len(ids), turn.end + len(ids), turn.asked))
        ids += row.tolist()
    return ids, turns, given
