"""``s2r data init``."""

from collections import Counter
from collections.abc import Iterator
from itertools import groupby
from typing import Any

import click

from s2r_rewards.answers import check
from s2r_rewards.cli.data.common import (
    counts_table,
    friendly_errors,
    on_error_option,
    output_option,
    progress,
    reading,
    say,
    seed_option,
    show_table,
)
from s2r_rewards.cli.data.formats import format_options, system_of, write_sft
from s2r_rewards.datasets.attempts import verified_attempt
from s2r_rewards.datasets.initialization import (
    INITIALIZATION_PRESETS,
    Dropped,
    InitializationTrajectory,
    build_trajectory,
    single_attempt,
)
from s2r_rewards.datasets.loading import ErrorCount, read_problems
from s2r_rewards.datasets.problems import Problem
from s2r_rewards.datasets.verification import STYLES
from s2r_rewards.records import RecordError, read_records, write_records
from s2r_rewards.rollouts import read_rollouts

Built = tuple[Problem, InitializationTrajectory]


@click.command()
@click.argument("source")
@output_option("Trajectories as segments with their loss mask, JSONL or parquet.")
@click.option(
    "--set",
    "kind",
    type=click.Choice(["behaviour", "original-solution", "long-cot"]),
    default="behaviour",
    show_default=True,
    help="SOURCE is: verifications; problems with solutions; or samples of a long-thinking model.",
)
@click.option("--preset", type=click.Choice(list(INITIALIZATION_PRESETS)), default="paper", show_default=True)
@click.option("--style", type=click.Choice([*STYLES, "both"]), default="confirmative", show_default=True)
@click.option("--preview", default=0, help="Show the first N trajectories with their loss mask.")
@seed_option
@on_error_option
@format_options
@friendly_errors
def command(
    source: str,
    output: str,
    kind: str,
    preset: str,
    style: str,
    preview: int,
    seed: int,
    on_error: str,
    **formats: Any,
) -> None:
    """Behaviour-initialisation data (section 3.1 of the paper) out of the verifications in SOURCE.

    Attempts by difficulty, wrong answers distinct, the last attempt right; wrong attempts are not trained.

    \b
    Example:
      s2r data init verified.jsonl -o sft.jsonl --preset paper --verl sft.parquet --openrlhf sft-openrlhf.jsonl
    """
    dropped: Counter[str] = Counter()
    with reading(on_error) as errors, progress("building") as bar:
        if kind == "behaviour":
            built = list(bar.over(_behaviour(source, preset, style, seed, errors, dropped)))
        elif kind == "original-solution":
            built = list(bar.over(_solutions(source, errors, dropped)))
        else:
            built = list(bar.over(_long_cot(source, errors, dropped)))
    write_records(output, (_record(problem, trajectory) for problem, trajectory in built))
    write_sft(built, system_of(formats), formats)
    for problem, trajectory in built[:preview]:
        _preview(problem, trajectory)
    _report(output, built, dropped)


def _behaviour(
    source: str, preset: str, style: str, seed: int, errors: ErrorCount, dropped: Counter[str]
) -> Iterator[Built]:
    rows = _verified_rows(source, errors)
    # Verifications of one problem lie together: `s2r data verify` writes them in the order of the samples.
    seen: set[str] = set()
    styles: set[str] = set()
    for name, group in groupby(rows, key=lambda row: row["problem_id"]):
        if name in seen:
            raise ValueError(
                f"{source}: rows of problem {name!r} do not lie together; sort them by problem_id"
            )
        seen.add(name)
        members = list(group)
        styles.update(r["style"] for r in members)
        usable = [r for r in members if r["kept"] and style in ("both", r["style"])]
        built = build_trajectory(
            [verified_attempt(r) for r in usable],
            wrong=members[0]["wrong"],
            total=members[0]["total"],
            preset=preset,
            key=name,
            seed=seed,
            same=lambda a, b: bool(check(a, b)),
        )
        if isinstance(built, Dropped):
            dropped[built.reason] += 1
        else:
            row = members[0]
            yield Problem(name, row["problem"], row["gold"], row.get("level"), row.get("source") or ""), built
    if styles and style != "both" and style not in styles:
        raise ValueError(
            f"{source}: no verification of style {style}; choose --style {' or '.join(sorted(styles))}"
        )


NEEDED = {
    "problem_id": str,
    "problem": str,
    "gold": str,
    "wrong": int,
    "total": int,
    "attempt": str,
    "answer": str,
    "correct": bool,
    "style": str,
    "verification": str,
    "kept": bool,
}


def _verified_rows(source: str, errors: ErrorCount) -> Iterator[dict[str, Any]]:
    for line, row in read_records(source, errors):
        bad = next((name for name, kind in NEEDED.items() if not isinstance(row.get(name), kind)), None)
        if bad is None:
            yield row
        else:
            found, expected = type(row.get(bad)).__name__, NEEDED[bad].__name__
            problem = f"found {found}; expected {expected}, as `s2r data verify` writes it"
            errors(RecordError(source, line, bad, problem))


def _solutions(source: str, errors: ErrorCount, dropped: Counter[str]) -> Iterator[Built]:
    for problem in read_problems(source, errors):
        if problem.solution:
            yield problem, single_attempt(problem.solution)
        else:
            dropped["no_solution"] += 1


def _long_cot(source: str, errors: ErrorCount, dropped: Counter[str]) -> Iterator[Built]:
    from s2r_rewards.datasets.attempts import checked_attempts

    taken: set[str] = set()
    for rollout in read_rollouts(source, errors):
        attempt = checked_attempts([rollout])[0]
        reason = "already_taken" if attempt.problem_id in taken else attempt.unusable
        # A long chain of thought may well say "Wait": it is one attempt all the same.
        if reason not in (None, "marker_inside") or not attempt.correct:
            dropped[reason or "wrong"] += 1
            continue
        taken.add(attempt.problem_id)
        problem = Problem(
            attempt.problem_id, attempt.problem, attempt.gold, attempt.level, attempt.source, None
        )
        yield problem, single_attempt(attempt.text)


def _record(problem: Problem, trajectory: InitializationTrajectory) -> dict[str, Any]:
    return {
        "problem_id": problem.id,
        "prompt": problem.problem,
        "response": trajectory.text,
        "gold": problem.answer,
        "level": problem.level,
        "source": problem.source,
        "finished": True,
        "attempts": trajectory.attempts,
        "wanted": trajectory.wanted,
        "segments": [{"kind": s.kind, "text": s.text, "trained": s.trained} for s in trajectory.segments],
    }


def _preview(problem: Problem, trajectory: InitializationTrajectory) -> None:
    click.secho(f"\n{problem.id}: {problem.problem}", bold=True)
    for segment in trajectory.segments:
        mark = "trained " if segment.trained else "masked  "
        for line in (segment.text or "<end>").strip().splitlines():
            click.secho(f"{mark}{segment.kind:7}| {line}", fg="green" if segment.trained else "red")


def _report(output: str, built: list[Built], dropped: Counter[str]) -> None:
    say(f"{output}: {len(built)} trajectories")
    if dropped:
        counts_table("problems without a trajectory", dict(dropped.most_common()))
    by_attempts: Counter[int] = Counter()
    fell_back: Counter[int] = Counter()
    for _, trajectory in built:
        by_attempts[trajectory.attempts] += 1
        fell_back[trajectory.attempts] += trajectory.fell_back
    rows = [(str(k), str(by_attempts[k]), str(fell_back[k])) for k in sorted(by_attempts)]
    show_table("trajectories", ("attempts", "number", "fewer than wanted"), rows)
