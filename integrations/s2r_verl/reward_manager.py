"""Reward manager ``s2r``: scores one response in the reward worker and sends its record along.

``reward.reward_manager.name=s2r``. The float that verl wants is the outcome reward; the rewards of the single
actions travel in the record. Baselines need the whole batch and so belong to the advantage estimator.
"""

from __future__ import annotations

from typing import Any

from verl.experimental.reward_loop.reward_manager.base import RewardManagerBase
from verl.experimental.reward_loop.reward_manager.registry import register

from s2r_rewards.adapter import TokenTurn, failures, score_response
from s2r_rewards.scored import ScoredRollout
from s2r_rewards.tokens import end_tokens, ended
from s2r_verl.checks import find, read_options, require_good_config
from s2r_verl.records import reward_info, turns_of


@register("s2r")
class S2RRewardManager(RewardManagerBase):  # type: ignore[misc]
    """verl's reward manager whose reward is the method's outcome."""

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

    async def run_single(self, data: Any) -> dict[str, Any]:
        """One response: {"reward_score": its outcome, "reward_extra_info": {"acc": 0/1, "s2r_scored": …}}."""
        scored = await self.loop.run_in_executor(None, self._score, data)
        return {"reward_score": float(scored.outcome), "reward_extra_info": reward_info(scored)}

    def _score(self, data: Any) -> ScoredRollout:
        ids: list[int] = []
        gold: Any = None  # as golden answer it earns the failing reward
        level: Any = None
        finished: bool | None = None
        prompt: str | None = None
        turns: list[TokenTurn] | None = None
        given: str | None = None
        try:
            item = data[-1]
            attended = item.batch["attention_mask"]
            ids, turns, given = read_outputs(data)
            finished = ended(ids, self.ends)
            columns = item.non_tensor_batch
            if self.options.alarms:
                asked = item.batch["prompts"]
                there = attended[: asked.shape[-1]].bool()
                prompt = self.tokenizer.decode(asked[there], skip_special_tokens=True)
            level = (columns.get("extra_info") or {}).get("level")
            gold = columns["reward_model"]["ground_truth"]
        except Exception as error:  # scoring what is known keeps the sample
            failures.note(error, "sample without golden answer")
        return score_response(
            ids, gold, self.options, tokenizer=self.tokenizer, finished=finished, level=level, prompt=prompt,
            turns=turns, given=given,
        )  # fmt: skip


def read_outputs(data: Any) -> tuple[list[int], list[TokenTurn] | None, str | None]:
    """(token ids, turns, given attempt) of every output of one trajectory, one after the other.

    An agent loop may give a trajectory in several outputs (a turn each, for example): verl hands over all of them and
    rewards the last (verl#6228). Each is a turn here, or as many as it says itself.
    """
    ids: list[int] = []
    turns: list[TokenTurn] = []
    given: str | None = None
    told = False
    for i in range(len(data)):
        item = data[i]
        responses, attended = item.batch["responses"], item.batch["attention_mask"]
        own = responses[: int(attended[-responses.shape[-1] :].sum())].tolist()
        inside, attempt = turns_of(item.non_tensor_batch.get("tool_extra_fields"))
        told = told or inside is not None
        given = attempt if given is None else given
        for turn in inside if inside is not None else [TokenTurn(0, len(own))]:
            turns.append(TokenTurn(turn.first + len(ids), turn.end + len(ids), turn.asked))
        ids += own
    return ids, turns if told or len(data) > 1 else None, given
