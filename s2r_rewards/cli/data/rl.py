"""``s2r data rl``."""

from collections import Counter
from typing import Any

import click

from s2r_rewards.answers import check_many
from s2r_rewards.cli.data.common import (
    counts_table,
    friendly_errors,
    on_error_option,
    output_option,
    progress,
    reading,
    seed_option,
)
from s2r_rewards.cli.data.formats import format_options, system_of, write_prompts
from s2r_rewards.datasets.accuracy import accuracy_by_problem, take
from s2r_rewards.datasets.loading import read_problems
from s2r_rewards.datasets.offline import in_band
from s2r_rewards.presets import PRESETS
from s2r_rewards.records import write_records
from s2r_rewards.rollouts import read_rollouts


@click.command()
@click.argument("problems")
@output_option("The problems that are kept, JSONL or parquet.")
@click.option("--rollouts", help="Samples of the SFT model on these problems, for the accuracy band.")
@click.option(
    "--band", nargs=2, type=float, default=(0.1, 0.7), show_default=True, help="Accuracies to keep."
)
@click.option("--take", "number", type=int, help="Keep so many of them, drawn at random.")
@click.option("--preset", type=click.Choice(list(PRESETS)), default="paper", show_default=True)
@click.option("--workers", default=1, show_default=True, help="Processes for checking answers.")
@seed_option
@on_error_option
@format_options
@friendly_errors
def command(
    problems: str,
    output: str,
    rollouts: str | None,
    band: tuple[float, float],
    number: int | None,
    preset: str,
    workers: int,
    seed: int,
    on_error: str,
    **formats: Any,
) -> None:
    """RL prompts: the PROBLEMS on which the SFT model's accuracy lies in a band.

    \b
    Example:
      s2r data rl problems.jsonl --rollouts sft-samples.jsonl -o rl.jsonl --band 0.1 0.7 --verl rl.parquet
    """
    with reading(on_error) as errors:
        items = read_problems(problems, errors)
        counts = Counter(problems=len(items))
        if rollouts is not None:
            with progress("judging") as bar:
                accuracy = accuracy_by_problem(
                    bar.over(read_rollouts(rollouts, errors)),
                    preset,
                    checker_many=lambda pairs: check_many(pairs, workers=workers),
                )
            counts["without rollouts"] = sum(p.id not in accuracy for p in items)
            items = [p for p in items if p.id in accuracy]
            counts["too easy"] = sum(accuracy[p.id] > band[1] + 1e-9 for p in items)
            counts["too hard"] = sum(accuracy[p.id] < band[0] - 1e-9 for p in items)
            items = [p for p in items if in_band(accuracy[p.id], *band)]
    items = take(items, number, seed)
    counts["kept"] = len(items)
    write_records(output, (p.to_record() for p in items))
    write_prompts(items, system_of(formats), formats)
    counts_table("problems", dict(counts))
