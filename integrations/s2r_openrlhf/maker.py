"""The experience maker: per-action advantages in the place of one advantage per response."""

from __future__ import annotations

from typing import Any

import torch
from openrlhf.trainer.ppo_utils.experience import Experience
from openrlhf.trainer.ppo_utils.experience_maker import RemoteExperienceMaker

from s2r_openrlhf.carried import Carried, shift
from s2r_openrlhf.options import Options
from s2r_rewards.advantages import process_advantages
from s2r_rewards.alarms import alarm_metrics, find_alarms
from s2r_rewards.losses import kl_penalised
from s2r_rewards.metrics import BehaviourCounts, behaviour_metrics
from s2r_rewards.server.labels import level_of
from s2r_rewards.server.protocol import COUNT_FIELDS, COUNT_PREFIX, FAILED
from s2r_rewards.tensors import action_ids, spread


class S2RExperienceMaker(RemoteExperienceMaker):
    """OpenRLHF's maker; at the process level, and offline, the advantages are S²R's (Eq. 5, arXiv:2502.12853).

    ``metrics`` holds the ``s2r/*`` metrics of the latest batch.
    """

    def __init__(self, *args: Any, options: Options, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.options = options
        self.baseline = options.make_baseline()
        self.metrics: dict[str, float] = {}

    @torch.no_grad()
    def compute_advantages_and_returns(self, experiences: list[Experience]) -> list[Experience]:
        metrics = take_metrics(experiences)
        carried = [take_carried(e) for e in experiences]
        self.metrics = {**metrics, **alarms_of(experiences, carried), **levels_of(carried)}
        kl = [e.kl for e in experiences]  # the base class drops it
        experiences = super().compute_advantages_and_returns(experiences)
        if self.options.level == "outcome" and not self.options.offline:
            return experiences  # RLOO over the prompt's samples is what OpenRLHF computed
        require_carried(experiences, carried)
        advantages = iter(self._action_advantages([c for batch in carried for c in batch]))
        beta = max(float(self.kl_ctl.value), 0.0)
        for experience, batch, log_ratio in zip(experiences, carried, kl, strict=True):
            values = [next(advantages) for _ in batch]
            experience.advantages = token_advantages(values, batch, log_ratio, beta)
            experience.returns = experience.advantages.clone()
        return experiences

    def _action_advantages(self, batch: list[Carried]) -> list[tuple[float, ...]]:
        """One value per action, for the whole batch at once: contexts are shared over every prompt (Eq. 4)."""
        if self.options.offline:
            return [c.advantages or () for c in batch]
        return list(
            process_advantages([c.rewards for c in batch], preset=self.options.rules, baseline=self.baseline)
        )


def token_advantages(
    values: list[tuple[float, ...]], batch: list[Carried], log_ratio: torch.Tensor, beta: float
) -> torch.Tensor:
    """[B, T − 1]: A(a_t) − β log(π(a_t)/π_ref(a_t)) on the tokens of a_t, 0 elsewhere.

    Args:
        values: A(a_t) without its KL term, per trajectory and action.
        log_ratio: log π − log π_ref of the tokens, [B, T − 1]; OpenRLHF's column p − 1 is token p.
    """
    spans = [shift(c.spans, -1) for c in batch]
    length = log_ratio.shape[1]
    log_ratio = log_ratio.float()
    plain = spread(values, spans, length)
    return kl_penalised(plain, log_ratio, torch.zeros_like(log_ratio), action_ids(spans, length), beta)


def take_carried(experience: Experience) -> list[Carried]:
    """The scored samples of a batch; the data set's labels are put back in their place."""
    carried = [label for label in experience.labels if isinstance(label, Carried)]
    experience.labels = [label.label if isinstance(label, Carried) else label for label in experience.labels]
    return carried


def require_carried(experiences: list[Experience], carried: list[list[Carried]]) -> None:
    """RuntimeError with a way out where samples come from an executor that is not ours."""
    if [len(batch) for batch in carried] != [len(e.labels) for e in experiences]:
        raise RuntimeError(
            "process-level and offline advantages need samples of s2r_openrlhf's executors: leave "
            "--train.agent_func_path out, or let your executor call s2r_openrlhf.carried.into_output"
        )


def alarms_of(experiences: list[Experience], carried: list[list[Carried]]) -> dict[str, float]:
    """``s2r/alarm/*`` over the batch; nothing where the samples did not come through our executors."""
    judged = [c.scored.judged for batch in carried for c in batch]
    prompts = [prompt for e in experiences for prompt in e.prompts]
    return alarm_metrics(find_alarms(judged, prompts)) if judged and len(judged) == len(prompts) else {}


def levels_of(carried: list[list[Carried]]) -> dict[str, float]:
    """``s2r/level/<level>/…`` where labels name a level."""
    samples = [c for batch in carried for c in batch]
    levels = [level_of(c.label) for c in samples]
    if not any(levels):
        return {}
    metrics = behaviour_metrics([c.scored.judged for c in samples], levels)
    return {name: value for name, value in metrics.items() if name.startswith("s2r/level/")}


def take_metrics(experiences: list[Experience]) -> dict[str, float]:
    """Exact ratios over the batch out of the per-sample counts, which leave ``info`` (their means stay unlogged)."""
    columns = [_take_columns(e.info) for e in experiences]
    if not all(columns):
        return {}
    total = {name: sum(float(column[name].sum()) for column in columns) for name in columns[0]}
    counts = BehaviourCounts(**{name: int(total[COUNT_PREFIX + name]) for name in COUNT_FIELDS})
    return {**counts.metrics(), FAILED: total[FAILED] / max(counts.trajectories, 1)}


def _take_columns(info: dict[str, Any]) -> dict[str, torch.Tensor]:
    names = [name for name in info if name.startswith(COUNT_PREFIX) or name == FAILED]
    return {name: torch.as_tensor(info.pop(name)) for name in names}
