"""Stage 1: behaviour-initialisation data out of the base model's own samples (§2.2, arXiv:2502.12853)."""

import itertools
import json
from collections import Counter
from dataclasses import asdict, replace

import numpy as np

from s2r_rewards import JudgedTrajectory, Verdict
from s2r_rewards.datasets.initialization import (
    Dropped,
    InitializationPreset,
    InitializationTrajectory,
    VerifiedAttempt,
    build_trajectory,
    single_attempt,
)
from s2r_rewards.rollouts.scoring import judge_rollouts

from ..config import DataConfig
from ..context import Context
from ..data import task
from ..runfolder import write_atomically


def run(context: Context) -> None:
    """data/bi.jsonl: trajectories with one to four attempts; data/plain.jsonl: right solutions of the same problems."""
    settings = context.config.data
    problems = list(dict.fromkeys(task.Problems(context.rng).draw(settings.problems)))
    repeated = [p for p in problems for _ in range(settings.samples)]
    solution_length = len((*task.attempt(2), task.END_TEXT))
    judged = judge_rollouts(context.respond(context.load("base"), repeated, 1.0, max_tokens=solution_length)[1])
    rows: dict[str, list[str]] = {"bi": [], "plain": []}
    fates: Counter[str] = Counter()
    for i, problem in enumerate(problems):
        drawn = judged[i * settings.samples : (i + 1) * settings.samples]
        trajectory = build(problem, drawn, settings, f"{i}/{problem.id}", context.rng)
        if isinstance(trajectory, Dropped):
            fates[trajectory.reason] += 1
            continue
        fates[f"attempts_{trajectory.attempts}"] += 1
        rows["bi"].append(_row(problem, trajectory))
        rows["plain"].append(_row(problem, single_attempt("".join(task.attempt(problem.prime)))))
        context.report(i + 1, len(problems), f"{len(rows['bi'])} trajectories")
    for name, lines in rows.items():
        write_atomically(context.folder.documents(name), "".join(lines))
    counts = {f"tiny/data/{name}": float(count) for name, count in sorted(fates.items())}
    context.metrics.append({"stage": context.stage, **counts})


def build(
    problem: task.Problem, drawn: list[JudgedTrajectory], settings: DataConfig, key: str, rng: np.random.Generator
) -> InitializationTrajectory | Dropped:
    """One problem's samples, each with a verification, made into one trajectory; harder problems get more attempts."""
    preset = InitializationPreset(
        "tiny", settings.attempts, recheck=task.BREAK + task.RECHECK, retry=task.BREAK + task.RETRY
    )
    answers = [j.trajectory.attempts[-1].answer if j.trajectory.attempts else None for j in drawn]
    attempts = [
        VerifiedAttempt(
            text="".join(task.attempt(prime)),
            answer=str(prime),
            correct=j.last_correct,
            verification=_verification(problem, prime, settings.style, answers, rng),
            verdict=Verdict.INCORRECT if problem.number % prime else Verdict.CORRECT,
        )
        for j, answer in zip(drawn, answers, strict=True)
        for prime in task.PRIMES
        if answer == str(prime)
    ]
    wrong = sum(not j.last_correct for j in drawn)
    seed = int(rng.integers(2**31))
    made = build_trajectory(attempts, wrong=wrong, total=len(drawn), preset=preset, key=key, seed=seed)
    return made if isinstance(made, Dropped) else _with_glances(made, settings.glances, rng)


def _verification(
    problem: task.Problem, prime: int, style: str, answers: list[str | None], rng: np.random.Generator
) -> str:
    """In the style asked for. A second solution is one of the model's own that leads to the true verdict (§3.1: those
    that lead to a false one are dropped)."""
    if style == "division":
        return "".join(task.verification(problem.number, prime))
    if style != "again":
        raise ValueError(f"data.style is {style!r}; expected division or again")
    others = [p for p in task.PRIMES if p != prime and str(p) in answers] or [problem.prime]
    return "".join(task.solved_again(prime, prime if prime == problem.prime else int(rng.choice(others))))


def _with_glances(
    trajectory: InitializationTrajectory, shares: tuple[float, ...], rng: np.random.Generator
) -> InitializationTrajectory:
    """Some verifications cut down to a glance with the same verdict; `shares` go by the level of the proposed prime."""
    segments = list(trajectory.segments)
    for i, (solved, check) in enumerate(itertools.pairwise(trajectory.segments), start=1):
        if check.kind == "verify" and rng.random() < shares[task.level_of(solved.text) - 1]:
            verdict = check.text[check.text.index(task.VERDICT) :]
            segments[i] = replace(check, text=task.RECHECK + task.GLANCE + verdict)
    return replace(trajectory, segments=tuple(segments))


def _row(problem: task.Problem, trajectory: InitializationTrajectory) -> str:
    segments = [asdict(segment) for segment in trajectory.segments]
    row = {"problem_id": problem.id, "prompt": "".join(problem.prompt), "gold": problem.gold, "segments": segments}
    return json.dumps(row) + "\n"
