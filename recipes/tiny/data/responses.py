"""Samples meet the library here: rollouts, judged trajectories, and what this task counts on top."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from s2r_rewards import JudgedTrajectory, get_method
from s2r_rewards.rollouts import Rollout

from . import task


@dataclass(frozen=True)
class Sample:
    """One response: token ids (with the end token where there is one) and their log-probabilities at T = 1."""

    ids: list[int]
    log_probs: list[float]

    @property
    def finished(self) -> bool:
        return bool(self.ids) and self.ids[-1] == task.END


def to_rollouts(problems: Sequence[task.Problem], samples: Sequence[Sample], step: int | None = None) -> list[Rollout]:
    """Samples in the library's format; the response keeps its end token, so text and tokens agree."""
    return [
        Rollout(
            problem_id=p.id,
            prompt="".join(p.prompt),
            response=task.decode(s.ids),
            gold=p.gold,
            level=p.level,
            step=step,
            token_ids=tuple(s.ids),
            finished=s.finished,
        )
        for p, s in zip(problems, samples, strict=True)
    ]


def extra_metrics(judged: Sequence[JudgedTrajectory]) -> dict[str, float]:
    """What this task adds to the library's metrics: empty glances, repeated answers, ended responses."""
    verifications = [j.trajectory.text_of(v) for j in judged for v in j.trajectory.verifications]
    answers = [[a.answer for a in j.trajectory.attempts] for j in judged]
    counts = {  # (part, whole)
        "tiny/glances": (sum(task.GLANCE in v for v in verifications), len(verifications)),
        "tiny/repeated_answers": (
            sum(len(row) - len(set(row)) for row in answers),
            sum(max(0, len(row) - 1) for row in answers),
        ),
        "tiny/ended": (sum(bool(j.trajectory.ended) for j in judged), len(judged)),
    }
    return {name: part / whole if whole else math.nan for name, (part, whole) in counts.items()}


def scored(rollouts: Sequence[Rollout], judged: Sequence[JudgedTrajectory]) -> list[Rollout]:
    """The rollouts as they are stored: with the rewards and advantages of `s2r-prl`, whatever trains on them."""
    method = get_method("s2r-prl")
    records = [method.score(j) for j in judged]
    found = zip(rollouts, records, *method.credit(records), strict=True)
    return [replace(rollout, s2r=record.with_advantages(b, a)) for rollout, record, b, a in found]
