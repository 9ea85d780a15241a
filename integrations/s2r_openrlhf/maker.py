"""The experience maker: per-action advantages in the place of one advantage per response."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from openrlhf.trainer.ppo_utils.experience import Experience
from openrlhf.trainer.ppo_utils.experience_maker import RemoteExperienceMaker

from s2r_openrlhf.carried import Carried, gold_or_nothing, response_ids
from s2r_openrlhf.options import Options, is_openrlhfs_own
from s2r_rewards.adapter import FAILED_METRIC, batch_metrics, resolve_method, step_alarms
from s2r_rewards.baselines.base import Values
from s2r_rewards.losses import kl_penalised
from s2r_rewards.metrics import BehaviourCounts
from s2r_rewards.scored import ScoredRollout
from s2r_rewards.server.protocol import COUNT_FIELDS, COUNT_PREFIX
from s2r_rewards.tensors import action_ids, spread


class S2RExperienceMaker(RemoteExperienceMaker):
    """OpenRLHF's maker; unless the method is RLOO over outcomes, which it has itself, advantages are the method's.

    ``metrics`` holds the ``s2r/*`` metrics of the latest batch, ``state`` what a running baseline remembers.
    """

    def __init__(self, *args: Any, options: Options, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.options = options
        self.method = resolve_method(options)
        self.state = self.method.new_state()
        self.metrics: dict[str, float] = {}

    @torch.no_grad()
    def compute_advantages_and_returns(self, experiences: list[Experience]) -> list[Experience]:
        carried = [label for e in experiences for label in e.labels if isinstance(label, Carried)]
        complete = len(carried) == sum(len(e.labels) for e in experiences)
        self.metrics = self._metrics(experiences, carried) if complete else take_counts(experiences)
        for e in experiences:  # the data set's own labels again
            e.labels = [label.label if isinstance(label, Carried) else label for label in e.labels]
        kl = [e.kl for e in experiences]  # the base class drops it
        experiences = super().compute_advantages_and_returns(experiences)
        left_out = any(c.scored.left_out for c in carried)
        if is_openrlhfs_own(self.method) and not self.options.offline and not left_out:
            return experiences
        if not complete:
            raise RuntimeError(
                f"the advantages of {self.method.name}, and offline ones, need samples of s2r_openrlhf's executors: "
                "leave --train.agent_func_path out, or let your executor call s2r_openrlhf.carried.into_output"
            )
        scored = [c.scored for c in carried]
        if self.method.level == "outcome":
            lengths = torch.cat([e.action_mask.sum(dim=1) for e in experiences]).tolist()
            scored = [item.as_one_action(length) for item, length in zip(scored, lengths, strict=True)]
        if self.options.offline:
            advantages: Values = tuple(tuple(a.advantage or 0.0 for a in item.scored) for item in scored)
        else:  # the whole batch at once: contexts are shared over every prompt (Eq. 4)
            samples = self.strategy.args.rollout.n_samples_per_prompt
            prompts = [i // samples for e in experiences for i in e.index]
            advantages = self.method.advantages(scored, prompts, state=self.state)
        beta = max(float(self.kl_ctl.value), 0.0)
        start = 0
        for e, log_ratio in zip(experiences, kl, strict=True):
            rows = slice(start, start + len(e.labels))
            start = rows.stop
            e.advantages = token_advantages(
                advantages[rows], scored[rows], e.action_mask, log_ratio, beta, self.method.count_end
            )
            e.returns = e.advantages.clone()
        return experiences

    def _metrics(self, experiences: list[Experience], carried: Sequence[Carried]) -> dict[str, float]:
        scored, golds = [c.scored for c in carried], [gold_or_nothing(c) for c in carried]
        ids = (response_ids(e, row) for e in experiences for row in range(len(e.labels)))
        prompts = (prompt for e in experiences for prompt in e.prompts)
        alarms = step_alarms(scored, golds, prompts, ids, self.tokenizer, self.options)
        return {**batch_metrics(scored), **alarms}


def token_advantages(
    values: Values,
    scored: Sequence[ScoredRollout],
    mask: torch.Tensor,
    log_ratio: torch.Tensor,
    beta: float,
    count_end: bool = True,
) -> torch.Tensor:
    """[B, T − 1]: A(a_t) − β log(π(a_t)/π_ref(a_t)) on the tokens of a_t, 0 elsewhere.

    Args:
        values: A(a_t) without its KL term, per trajectory and action.
        mask: the generated tokens, [B, T − 1]; OpenRLHF's column p − 1 is token p.
        log_ratio: log π − log π_ref of the tokens, [B, T − 1].
        count_end: whether ``end`` is an action, with a KL term of its own.
    """
    starts = mask.int().argmax(dim=1).tolist()
    spans = [
        [(first + start, end + start) for first, end in item.objective_spans(count_end)]
        for item, start in zip(scored, starts, strict=True)
    ]
    length = log_ratio.shape[1]
    log_ratio = log_ratio.float()
    plain = spread([row if where else () for row, where in zip(values, spans, strict=True)], spans, length)
    return kl_penalised(plain, log_ratio, torch.zeros_like(log_ratio), action_ids(spans, length), beta)


def take_counts(experiences: list[Experience]) -> dict[str, float]:
    """Exact ratios over the batch, of samples that came through ``--reward.remote_url``.

    Their counts leave ``info``, so that means of them stay unlogged.
    """
    columns = [
        {
            name: torch.as_tensor(e.info.pop(name))
            for name in list(e.info)
            if name.startswith(COUNT_PREFIX) or name == FAILED_METRIC
        }
        for e in experiences
    ]
    if not all(columns):
        return {}
    total = {name: sum(float(column[name].sum()) for column in columns) for name in columns[0]}
    counts = BehaviourCounts(**{name: int(total[COUNT_PREFIX + name]) for name in COUNT_FIELDS})
    return {**counts.metrics(), FAILED_METRIC: total[FAILED_METRIC] / max(counts.trajectories, 1)}
