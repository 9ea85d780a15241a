"""Samples meet the library here: text, parse, judge, rollouts on disk."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from s2r_rewards import parse
from s2r_rewards.judging import JudgedTrajectory, judge_many
from s2r_rewards.rollouts import Rollout, RolloutWriter
from s2r_rewards.scoring import score_rollouts

from . import task
from .tokenizer import decode

if TYPE_CHECKING:
    from .sampler import Sample


def judge_samples(problems: Sequence[task.Problem], samples: Sequence[Sample]) -> list[JudgedTrajectory]:
    """One judged trajectory per sample, in order."""
    trajectories = [parse(decode(s.ids), finished=s.finished) for s in samples]
    return judge_many(trajectories, [p.gold for p in problems])


def extra_metrics(judged: Sequence[JudgedTrajectory]) -> dict[str, float]:
    """What this task adds to the library's metrics: empty glances, repeated answers, ended responses."""
    verifications = [j.trajectory.text_of(v) for j in judged for v in j.trajectory.verifications]
    answers = [[a.answer for a in j.trajectory.attempts] for j in judged]
    retries = sum(max(0, len(row) - 1) for row in answers)
    repeats = sum(len(row) - len(set(row)) for row in answers)
    return {
        "tiny/glances": _share(sum(task.GLANCE in v for v in verifications), len(verifications)),
        "tiny/repeated_answers": _share(repeats, retries),
        "tiny/ended": _share(sum(bool(j.trajectory.ended) for j in judged), len(judged)),
    }


def write_rollouts(
    path: Path, problems: Sequence[task.Problem], samples: Sequence[Sample], step: int | None = None
) -> None:
    """Scored rollouts in the library's format; steps after the first are added to the file."""
    rollouts = [
        Rollout(
            problem_id=p.id,
            prompt="".join(p.prompt),
            response=decode(s.ids),
            gold=p.gold,
            level=p.level,
            step=step,
            token_ids=s.ids,
            finished=s.finished,
        )
        for p, s in zip(problems, samples, strict=True)
    ]
    with RolloutWriter(path, append=bool(step)) as writer:
        for rollout in score_rollouts(rollouts):
            writer.write(rollout)


def _share(part: int, whole: int) -> float:
    return part / whole if whole else float("nan")
