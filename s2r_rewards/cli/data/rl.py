"""``s2r data rl``."""

from collections import Counter
from pathlib import Path

import click

from s2r_rewards.cli.kit.commands import needed
from s2r_rewards.cli.kit.formats import Formats, prompt_formats
from s2r_rewards.cli.kit.options import band_option, json_option, output_option, seed_option, take_option
from s2r_rewards.cli.kit.paths import verb
from s2r_rewards.cli.kit.reading import Reading, reading_options
from s2r_rewards.cli.kit.scoring import Scoring, scoring_options
from s2r_rewards.cli.kit.show import Progress, counts_table
from s2r_rewards.datasets.collecting import shuffled, take
from s2r_rewards.datasets.offline import in_band
from s2r_rewards.datasets.problems import Problem
from s2r_rewards.datasets.streaming import accuracy_by_problem
from s2r_rewards.rollouts.records import write_records


@verb()
@click.argument("problems", nargs=-1, required=True)
@output_option("The problems that are kept, JSONL or parquet.")
@click.option("--rollouts", help="Samples of the SFT model on these problems, for the accuracy band.")
@band_option
@take_option
@click.option("--in-order", is_flag=True, help="Keep the order of PROBLEMS; without it, one drawn by --seed.")
@scoring_options()
@seed_option
@json_option
@reading_options
@prompt_formats
def command(
    problems: tuple[str, ...],
    output: Path,
    rollouts: str | None,
    band: tuple[float, float],
    number: int | None,
    in_order: bool,
    scoring: Scoring,
    seed: int,
    as_json: bool,
    reading: Reading,
    formats: Formats,
) -> None:
    """RL prompts: the PROBLEMS (one file or several) on which the SFT model's accuracy lies in a band.

    They are written in an order drawn by --seed: a trainer that reads the first so many gets a fair part of all.

    \b
    Example:
      s2r data rl problems.jsonl --rollouts sft-samples.jsonl -o rl.jsonl --band 0.1 0.7 --verl rl.parquet
    """
    items = _together({path: reading.problems(path) for path in problems})
    counts = Counter(problems=len(items))
    if rollouts is not None:
        with reading, Progress("judging") as bar:
            accuracy = accuracy_by_problem(
                bar.over(reading.rollouts(rollouts)), scoring.method.grammar, scoring.checker_many
            )
        counts["without rollouts"] = sum(p.id not in accuracy for p in items)
        items = [p for p in items if p.id in accuracy]
        counts["too easy"] = sum(accuracy[p.id] > band[1] + 1e-9 for p in items)
        counts["too hard"] = sum(accuracy[p.id] < band[0] - 1e-9 for p in items)
        items = [p for p in items if in_band(accuracy[p.id], *band)]
    items = take(items if in_order else shuffled(items, seed), number, seed)
    counts["kept"] = len(items)
    found = ", ".join(f"{count} {name}" for name, count in counts.items())
    needed(len(items), f"no problem is left ({found})", "Choose another --band, or other --rollouts.")
    write_records(output, (p.to_record() for p in items))
    formats.write_prompts(items)
    counts_table("problems", counts, as_json)


def _together(files: dict[str, list[Problem]]) -> list[Problem]:
    """The problems of all files. ValueError where two files name a problem alike: rollouts are found by that name."""
    place: dict[str, str] = {}
    for path, items in files.items():
        for problem in items:
            if place.setdefault(problem.id, path) != path:
                raise ValueError(
                    f"problem {problem.id!r} is in {place[problem.id]} and in {path}; make one file of both, without "
                    "duplicates: s2r data problems A B -o both.jsonl"
                )
    return [problem for items in files.values() for problem in items]
