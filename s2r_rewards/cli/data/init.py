"""``s2r data init``."""

from collections import Counter
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from typing import Any

import click

from s2r_rewards.answers import check
from s2r_rewards.answers.gold import gold_label, gold_of_kind, gold_of_text, split_gold
from s2r_rewards.cli.kit.commands import needed
from s2r_rewards.cli.kit.formats import Built, Formats, sft_formats
from s2r_rewards.cli.kit.options import json_option, output_option, seed_option, take_option
from s2r_rewards.cli.kit.paths import verb
from s2r_rewards.cli.kit.reading import Reading, reading_options
from s2r_rewards.cli.kit.show import Progress, counts_table, say, say_json, show_table
from s2r_rewards.datasets.collecting import take
from s2r_rewards.datasets.initialization import (
    INITIALIZATION_PRESETS,
    Dropped,
    InitializationTrajectory,
    Same,
    build_trajectory,
    single_attempt,
)
from s2r_rewards.datasets.loading import Located, load_records
from s2r_rewards.datasets.paper.mixture import TABLE_1
from s2r_rewards.datasets.paper.published import HUB, SFT_FILE, trajectories
from s2r_rewards.datasets.problems import Problem
from s2r_rewards.datasets.verification import FREE, STYLES, checked_attempts, verified_attempt
from s2r_rewards.rollouts.records import RecordError, read_records, with_fields, write_records

SETS = ("behaviour", "original-solution", "long-cot", "published")
SOURCE = (
    "SOURCE is: verifications; problems with solutions; samples of a long-thinking model; or the authors' own "
    f"{SFT_FILE}, of {HUB} where SOURCE is that name."
)


@verb()
@click.argument("source")
@output_option("Trajectories as segments with their loss mask, JSONL or parquet.")
@click.option("--set", "kind", type=click.Choice(SETS), default=SETS[0], show_default=True, help=SOURCE)
@take_option
@click.option(
    "--paper", type=click.Choice(list(TABLE_1), case_sensitive=False), help="Say how many the paper has for this model."
)
@click.option("--preset", type=click.Choice(list(INITIALIZATION_PRESETS)), default="paper", show_default=True)
@click.option("--style", type=click.Choice([*STYLES, FREE, "both"]), default="confirmative", show_default=True)
@click.option(
    "--preview", default=0, type=click.IntRange(0), help="Show the first N trajectories with their loss mask."
)
@seed_option
@json_option
@reading_options
@sft_formats
def command(
    source: str,
    output: Path,
    kind: str,
    number: int | None,
    paper: str | None,
    preset: str,
    style: str,
    preview: int,
    seed: int,
    as_json: bool,
    reading: Reading,
    formats: Formats,
) -> None:
    """Behaviour-initialisation data (section 2.2 of the paper) out of the verifications in SOURCE.

    Attempts by difficulty, wrong answers distinct, the last attempt right; wrong attempts are not trained.
    The comparison sets of C.2.3 are --set original-solution and --set long-cot, with --take as many examples.

    \b
    Example:
      s2r data init verified.jsonl -o sft.jsonl --preset paper --verl sft.parquet --openrlhf sft-openrlhf.jsonl
      s2r data init problems.jsonl --set original-solution --take 3111 -o original.jsonl --verl sft-original-solution.parquet
    """
    dropped: Counter[str] = Counter()
    with reading, Progress("building") as bar:
        if kind == "behaviour":
            found = _behaviour(source, preset, style, seed, reading, dropped)
        elif kind == "published":
            found = trajectories(_published(source, reading), dropped, reading)
        else:
            found = (_solutions if kind == "original-solution" else _long_cot)(source, reading, dropped)
        built = take(list(bar.over(found)), number, seed)
    reasons = ", ".join(f"{count} {reason}" for reason, count in dropped.most_common()) or "no record in it"
    needed(
        len(built), f"{source}: no trajectory came of it ({reasons})", f"--set {kind} wants another SOURCE: {SOURCE}"
    )
    formats.check_masks(built)
    write_records(output, (_record(problem, trajectory) for problem, trajectory in built))
    formats.write_sft(built)
    for problem, trajectory in built[:preview]:
        click.secho(f"\n{problem.id}: {problem.problem}", bold=True)
        for segment in trajectory.segments:
            mark, colour = ("trained ", "green") if segment.trained else ("masked  ", "red")
            for line in (segment.text or "<end>").strip().splitlines():
                click.secho(f"{mark}{segment.kind:7}| {line}", fg=colour)
    beside = f"; the paper's {paper}: {TABLE_1[paper].initialization}" if paper else ""
    say(f"{output}: {len(built)} trajectories{beside}")
    if number is not None and number > len(built):
        say(f"--take {number}: there are no more than {len(built)}")
    by_attempts = Counter(trajectory.attempts for _, trajectory in built)
    fell_back = Counter(trajectory.attempts for _, trajectory in built if trajectory.fell_back)
    if as_json:
        say_json({"trajectories": len(built), "attempts": by_attempts, "fell_back": fell_back, "dropped": dropped})
        return
    if dropped:
        counts_table("problems without a trajectory", dict(dropped.most_common()))
    rows = [(str(k), str(by_attempts[k]), str(fell_back[k])) for k in sorted(by_attempts)]
    show_table("trajectories", ("attempts", "number", "fewer than wanted"), rows)


def _behaviour(
    source: str, preset: str, style: str, seed: int, reading: Reading, dropped: Counter[str]
) -> Iterator[Built]:
    # Verifications of one problem lie together: `s2r data verify` writes them in the order of the samples.
    seen: set[str] = set()
    styles: set[str] = set()
    wanted = STYLES if style == "both" else (style,)
    for name, group in groupby(_verified_rows(source, reading), key=lambda row: row["problem_id"]):
        if name in seen:
            raise ValueError(f"{source}: rows of problem {name!r} do not lie together; sort them by problem_id")
        seen.add(name)
        members = list(group)
        styles.update(r["style"] for r in members)
        first = members[0]
        built = build_trajectory(
            [verified_attempt(r) for r in members if r["kept"] and r["style"] in wanted],
            wrong=first["wrong"],
            total=first["total"],
            preset=preset,
            key=name,
            seed=seed,
            same=_same(first["gold"]),
        )
        if isinstance(built, Dropped):
            dropped[built.reason] += 1
        else:
            gold = gold_of_text(first["gold"])
            yield Problem.of(name, first["problem"], gold, first.get("level"), first.get("source") or ""), built
    if styles and styles.isdisjoint(wanted):
        raise ValueError(f"{source}: no verification of style {style}; choose --style {' or '.join(sorted(styles))}")


def _same(gold: str) -> Same:
    """Whether two answers to one problem are the same, by the check of its golden answer's kind."""
    kind = split_gold(gold_of_text(gold))[1]
    return lambda one, other: bool(check(gold_of_kind(one, kind), other))


NEEDED = {
    **dict.fromkeys(("problem_id", "problem", "gold", "attempt", "answer", "style", "verification"), str),
    **dict.fromkeys(("wrong", "total"), int),
    **dict.fromkeys(("correct", "kept"), bool),
}


def _verified_rows(source: str, reading: Reading) -> Iterator[dict[str, Any]]:
    for line, record in read_records(source, reading):
        row = with_fields(record, (), reading.fields)
        bad = next((name for name, kind in NEEDED.items() if not isinstance(row.get(name), kind)), None)
        if bad is None:
            yield row
        else:
            found, expected = type(row.get(bad)).__name__, NEEDED[bad].__name__
            problem = f"found {found}; expected {expected}, as `s2r data verify` writes it"
            reading(RecordError(source, line, bad, problem))


def _published(source: str, reading: Reading) -> Iterator[Located]:
    file = SFT_FILE if source == HUB else None
    return load_records(source, on_error=reading, file=file)


def _solutions(source: str, reading: Reading, dropped: Counter[str]) -> Iterator[Built]:
    for problem in reading.problems(source):
        if problem.solution:
            yield problem, single_attempt(problem.solution)
        else:
            dropped["no_solution"] += 1


def _long_cot(source: str, reading: Reading, dropped: Counter[str]) -> Iterator[Built]:
    taken: set[str] = set()
    for rollout in reading.rollouts(source):
        attempt = checked_attempts([rollout])[0]
        reason = "already_taken" if attempt.problem_id in taken else attempt.unusable
        # A long chain of thought may well say "Wait": it is one attempt all the same.
        if reason not in (None, "marker_inside") or not attempt.correct:
            dropped[reason or "wrong"] += 1
            continue
        taken.add(attempt.problem_id)
        gold = gold_of_text(attempt.gold)
        problem = Problem.of(attempt.problem_id, attempt.problem, gold, attempt.level, attempt.source)
        yield problem, single_attempt(attempt.text)


def _record(problem: Problem, trajectory: InitializationTrajectory) -> dict[str, Any]:
    return {
        "problem_id": problem.id,
        "prompt": problem.problem,
        "response": trajectory.text,
        **gold_label(problem.gold),
        "level": problem.level,
        "source": problem.source,
        "finished": True,
        "attempts": trajectory.attempts,
        "wanted": trajectory.wanted,
        "segments": [{"kind": s.kind, "text": s.text, "trained": s.trained} for s in trajectory.segments],
    }
