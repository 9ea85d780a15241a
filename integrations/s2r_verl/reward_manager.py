"""Reward manager ``s2r``: scores one response in the reward worker and sends its trace along.

``reward.reward_manager.name=s2r``. The float that verl wants is the outcome reward; the rewards of the single
actions travel in the trace, and the agent loop writes them at their tokens. Baselines need the whole batch
and so belong to the advantage estimator.
"""

from __future__ import annotations

from typing import Any

from verl.experimental.reward_loop.reward_manager.base import RewardManagerBase
from verl.experimental.reward_loop.reward_manager.registry import register

from s2r_verl.checks import find, require_good_config
from s2r_verl.options import Options
from s2r_verl.scoring import failures, score_tokens
from s2r_verl.trace import FIELD, Trace


@register("s2r")
class S2RRewardManager(RewardManagerBase):
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
        self.options = Options.from_algorithm(find(config, "algorithm"))

    async def run_single(self, data: Any) -> dict[str, Any]:
        """One response: {"reward_score": ±1.0, "reward_extra_info": {"acc": 0/1, "s2r_trace": …}}."""
        trace = await self.loop.run_in_executor(None, self._score, data)
        return {
            "reward_score": trace.outcome,
            "reward_extra_info": {"acc": float(trace.outcome > 0), FIELD: trace.dumps()},
        }

    def _score(self, data: Any) -> Trace:
        ids: Any = []
        gold: Any = None
        level: Any = None
        finished: bool | None = None
        try:
            item = data[-1]
            responses = item.batch["responses"]
            length = int(item.batch["attention_mask"][-responses.shape[-1] :].sum())
            ids = responses[:length].tolist()
            finished = bool(ids) and ids[-1] == self.tokenizer.eos_token_id
            columns = item.non_tensor_batch
            gold = columns["reward_model"]["ground_truth"]
            level = (columns.get("extra_info") or {}).get("level")
        except (
            Exception
        ) as error:  # scoring what is known keeps the sample; None as gold earns the failing score
            failures.note(error, "sample without golden answer")
        return score_tokens(ids, self.tokenizer, gold, self.options, level, finished)
