"""The experience maker: per-action advantages in the place of one advantage per response."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import torch
from openrlhf.trainer.ppo_utils.experience import Experience
from openrlhf.trainer.ppo_utils.experience_maker import RemoteExperienceMaker

from s2r_openrlhf.carried import Carried, gold_or_nothing, response_ids
from s2r_openrlhf.options import Options, is_openrlhfs_own, uses_own_loss
from s2r_openrlhf.rollouts.counts import take_counts
from s2r_rewards.adapter import batch_metrics, resolve_method, step_alarms
from s2r_rewards.baselines.base import Values
from s2r_rewards.losses import kl_penalised
from s2r_rewards.scored import ScoredRollout
from s2r_rewards.tensors import action_ids


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
        ours = self.options.offline or uses_own_loss(self.options) or not is_openrlhfs_own(self.method)
        if not ours and not left_out:
            return experiences
        scored = self._records(experiences, [c.scored for c in carried] if complete else None)
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
            ids = token_ids_of_actions(scored[rows], e.action_mask, self.method.count_end)
            if uses_own_loss(self.options):  # OpenRLHF counts the responses that have a token to train
                e.action_mask = e.action_mask * (ids >= 0).any(dim=1, keepdim=True)
            e.advantages = token_advantages(advantages[rows], ids, log_ratio, beta)
            # The actor of a run without a critic reads no returns: they carry the actions to its loss.
            e.returns = (ids + 1).to(e.advantages.dtype)
        return experiences

    def _records(
        self, experiences: list[Experience], scored: Sequence[ScoredRollout] | None
    ) -> tuple[ScoredRollout, ...]:
        """A record a sample, each with an action: what has no attempt is one, as is every response at the outcome level.

        Args:
            scored: what came with the samples; None for those of ``--reward.remote_url``, which are rewarded as a whole.
        """
        outcomes = torch.cat([e.rewards.flatten() for e in experiences]).tolist()  # with OpenRLHF's penalties
        lengths = [length for e in experiences for length in extents(e.action_mask)]
        if self.method.level == "outcome" and not self.options.offline:
            given = scored or [ScoredRollout((), 0.0)] * len(outcomes)
            return tuple(
                replace(item, outcome=outcome).as_one_action(length)
                for item, outcome, length in zip(given, outcomes, lengths, strict=True)
            )
        if scored is None:
            raise RuntimeError(
                f"the advantages of {self.method.name}, and offline ones, need samples of s2r_openrlhf's executors: "
                "leave --train.agent_func_path out, or let your executor call s2r_openrlhf.carried.into_output"
            )
        whole = self.method.level == "outcome"
        return tuple(
            item.as_one_action(length) if whole or not item.scored else item
            for item, length in zip(scored, lengths, strict=True)
        )

    def _metrics(self, experiences: list[Experience], carried: Sequence[Carried]) -> dict[str, float]:
        scored, golds = [c.scored for c in carried], [gold_or_nothing(c, self.options) for c in carried]
        ids = (response_ids(e, row) for e in experiences for row in range(len(e.labels)))
        prompts = (prompt for e in experiences for prompt in e.prompts)
        alarms = step_alarms(scored, golds, prompts, ids, self.tokenizer, self.options)
        return {**batch_metrics(scored), **alarms}


def extents(mask: torch.Tensor) -> list[int]:
    """Per sample, the places from its first generated token to its last: a conversation has the user's in between."""
    behind = torch.arange(1, mask.shape[1] + 1, device=mask.device) * mask.bool()
    return (behind.amax(dim=1) - mask.int().argmax(dim=1)).tolist() if mask.numel() else [0] * len(mask)


def token_ids_of_actions(scored: Sequence[ScoredRollout], mask: torch.Tensor, count_end: bool = True) -> torch.Tensor:
    """[B, T − 1]: the action that each token belongs to, −1 for none.

    Args:
        mask: the generated tokens, [B, T − 1]; OpenRLHF's column p − 1 is token p.
        count_end: whether ``end`` is an action.
    """
    starts = mask.int().argmax(dim=1).tolist()
    spans = [
        [(first + start, end + start) for first, end in item.objective_spans(count_end)]
        for item, start in zip(scored, starts, strict=True)
    ]
    return action_ids(spans, mask.shape[1]).masked_fill(~mask.bool().cpu(), -1)  # the user's turns are nobody's


def token_advantages(values: Values, ids: torch.Tensor, log_ratio: torch.Tensor, beta: float) -> torch.Tensor:
    """[B, T − 1]: A(a_t) − β log(π(a_t)/π_ref(a_t)) on the tokens of a_t, 0 elsewhere.

    Args:
        values: A(a_t) without its KL term, per trajectory and action.
        ids: as from :func:`token_ids_of_actions`.
        log_ratio: log π − log π_ref of the tokens, [B, T − 1].
    """
    log_ratio = log_ratio.float()
    width = max(map(len, values), default=0) + 2  # `end` earns nothing, and comes behind every value
    table = torch.tensor([[*row, *[0.0] * (width - len(row))] for row in values], dtype=torch.float32)
    plain = table.gather(1, ids.clamp(min=0)) * (ids >= 0)
    return kl_penalised(plain, log_ratio, torch.zeros_like(log_ratio), ids, beta)
