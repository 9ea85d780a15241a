"""Stage 1: behaviour-initialisation data out of the base model's own samples (§3.1, arXiv:2502.12853)."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

from s2r_rewards import Verdict
from s2r_rewards.datasets.initialization import (
    Dropped,
    InitializationPreset,
    InitializationTrajectory,
    VerifiedAttempt,
    build_trajectory,
    single_attempt,
)
from s2r_rewards.rollouts.scoring import judge_rollouts

from ..data import task
from ..data.responses import to_rollouts
from ..data.tokenizer import END_TEXT, encode
from ..learn.sampler import Sampler
from ..runfolder import write_atomically

if TYPE_CHECKING:
    import numpy as np

    from s2r_rewards.judging import JudgedTrajectory

    from ..config import DataConfig
    from ..context import Context


def run(context: Context) -> None:
    """data/bi.jsonl: trajectories with one to four attempts; data/plain.jsonl: right solutions of the same problems."""
    settings = context.config.data
    problems = task.sample_problems(settings.problems, context.rng)
    repeated = [p for p in problems for _ in range(settings.samples)]
    sampler = Sampler(context.folder.load("base"))
    solution_length = len(encode((*task.attempt(2), END_TEXT)))
    samples = sampler([encode(p.prompt) for p in repeated], solution_length, 1.0, context.generator)
    judged = judge_rollouts(to_rollouts(repeated, samples))
    rows: list[str] = []
    plain: list[str] = []
    fates: Counter[str] = Counter()
    for i, problem in enumerate(problems):
        drawn = judged[i * settings.samples : (i + 1) * settings.samples]
        trajectory = build(problem, drawn, settings, f"{i}/{problem.id}", context.rng)
        if isinstance(trajectory, Dropped):
            fates[trajectory.reason] += 1
            continue
        fates[f"attempts_{trajectory.attempts}"] += 1
        rows.append(_row(problem, trajectory))
        plain.append(_row(problem, single_attempt("".join(task.attempt(problem.prime)))))
        context.report(i + 1, len(problems), f"{len(rows)} trajectories")
    for name, lines in (("bi", rows), ("plain", plain)):
        write_atomically(context.folder.path / "data" / f"{name}.jsonl", "".join(lines))
    counts = {f"tiny/data/{name}": float(count) for name, count in sorted(fates.items())}
    context.metrics.append({"stage": context.stage, **counts})


def build(
    problem: task.Problem, drawn: list[JudgedTrajectory], settings: DataConfig, key: str, rng: np.random.Generator
) -> InitializationTrajectory | Dropped:
    """One problem's samples, each with a verification, made into one trajectory; harder problems get more attempts."""
    preset = InitializationPreset(
        "tiny", settings.attempts, recheck=task.BREAK + task.RECHECK, retry=task.BREAK + task.RETRY
    )
    answered = [j for j in drawn if j.trajectory.attempts and _prime(j) is not None]
    attempts = [_verified(problem, j) for j in answered]
    wrong = sum(not j.last_correct for j in drawn)
    seed = int(rng.integers(2**31))
    made = build_trajectory(attempts, wrong=wrong, total=len(drawn), preset=preset, key=key, seed=seed)
    return made if isinstance(made, Dropped) else _with_glances(made, settings.glances, rng)


def _with_glances(
    trajectory: InitializationTrajectory, shares: tuple[float, ...], rng: np.random.Generator
) -> InitializationTrajectory:
    """Some verifications cut down to a glance with the same verdict; the last share holds for all later ones."""
    segments = list(trajectory.segments)
    verifications = [i for i, s in enumerate(segments) if s.kind == "verify"]
    for number, i in enumerate(verifications):
        if rng.random() < shares[min(number, len(shares) - 1)]:
            verdict = segments[i].text[segments[i].text.index(task.VERDICT) :]
            segments[i] = replace(segments[i], text=task.RECHECK + task.GLANCE + verdict)
    return replace(trajectory, segments=tuple(segments))


def _verified(problem: task.Problem, judged: JudgedTrajectory) -> VerifiedAttempt:
    prime = _prime(judged)
    assert prime is not None
    return VerifiedAttempt(
        text="".join(task.attempt(prime)),
        answer=str(prime),
        correct=judged.last_correct,
        verification="".join(task.verification(problem.number, prime)),
        verdict=Verdict.INCORRECT if problem.number % prime else Verdict.CORRECT,
    )


def _prime(judged: JudgedTrajectory) -> int | None:
    answer = judged.trajectory.attempts[-1].answer
    return int(answer) if answer is not None and answer in map(str, task.PRIMES) else None


def _row(problem: task.Problem, trajectory: InitializationTrajectory) -> str:
    segments = [{"kind": s.kind, "text": s.text, "trained": s.trained} for s in trajectory.segments]
    row = {"problem_id": problem.id, "prompt": "".join(problem.prompt), "gold": problem.gold, "segments": segments}
    return json.dumps(row) + "\n"
