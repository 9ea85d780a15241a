"""``s2r data paper``."""

from collections.abc import Iterator
from pathlib import Path

import click

from s2r_rewards.cli.data.problems import hub_place
from s2r_rewards.cli.kit.commands import needed
from s2r_rewards.cli.kit.formats import Formats, prompt_formats
from s2r_rewards.cli.kit.options import json_option, output_option, seed_option, workers_option
from s2r_rewards.cli.kit.paths import verb
from s2r_rewards.cli.kit.reading import Reading, on_error_option
from s2r_rewards.cli.kit.show import Progress, say, say_json, show_table
from s2r_rewards.datasets.collecting import Collector
from s2r_rewards.datasets.loading import converted, is_hub_name, source_records
from s2r_rewards.datasets.paper.mixture import TABLE_1, TooManyError, differences, mixture
from s2r_rewards.datasets.problems import SOURCES, Problem, to_problem
from s2r_rewards.evaluation.benchmarks import evaluation_index
from s2r_rewards.rollouts.records import write_records

NAMES = tuple(dict.fromkeys(name for row in TABLE_1.values() for name in (*row.sources, row.published)))
READ = ", ".join(f"{name} = {hub_place(SOURCES[name])}" for name in NAMES)


@verb()
@click.option(
    "--model", type=click.Choice(list(TABLE_1), case_sensitive=False), required=True, help="Whose row of table 1."
)
@output_option("The prompts in random order, JSONL or parquet.")
@click.option(
    "--data",
    multiple=True,
    metavar="SOURCE=PLACE",
    help=f"Read a source from a file, folder or hub name instead of its own place on the hub: {READ}. Repeatable.",
)
@click.option(
    "--math",
    "first",
    type=click.IntRange(0),
    help="So many problems of MATH, at random. [default: all, and the other source fills the set up]",
)
@click.option("--published", is_flag=True, help="The authors' own published prompts instead of a mixture.")
@click.option("--take", "number", type=click.IntRange(1), help="Size of the set. [default: the paper's]")
@click.option("--against", multiple=True, help="Drop problems of this evaluation set: a file, or a name of `s2r eval`.")
@workers_option
@seed_option
@json_option
@on_error_option
@prompt_formats
def command(
    model: str,
    output: Path,
    data: tuple[str, ...],
    first: int | None,
    published: bool,
    number: int | None,
    against: tuple[str, ...],
    workers: int,
    seed: int,
    as_json: bool,
    reading: Reading,
    formats: Formats,
) -> None:
    """The RL prompts of table 1 of the paper: MATH and GSM8K, or MATH and OpenMathInstruct-2, shuffled.

    Golden answers are tested, duplicates dropped. The paper prints the sizes alone; what this set has in common
    with the paper's, and what not, is said at the end.

    \b
    Example:
      s2r data paper --model qwen2-7b-instruct -o prompts.jsonl --data math=MATH --data gsm8k=train.jsonl
      s2r data paper --model qwen2-7b-instruct -o prompts.jsonl --against math500 --openrlhf rl.jsonl
      s2r data paper --model qwen2.5-math-7b --published -o prompts.jsonl --verl rl.parquet
    """
    row = TABLE_1[model]
    sources = (row.published,) if published else tuple(row.sources)
    if published and (first is not None or number is not None):
        raise click.UsageError("--published takes all of the authors' prompts: drop --math and --take")
    places = dict(map(_place, data))
    for name in places:
        if name not in sources:
            raise click.UsageError(f"--data {name}=…: {model} reads {' and '.join(sources)}")
    collector = Collector(evaluation_index(against), workers)
    read: dict[str, int] = {}

    def problems(name: str, bar: Progress) -> Iterator[Problem]:
        before = collector.counts["read"]
        own = [places[name]] if name in places else []
        found = converted(source_records(SOURCES[name], own, reading), lambda r: to_problem(r, SOURCES[name]), reading)
        yield from collector.keep(bar.over(found))
        read[name] = collector.counts["read"] - before

    size = 10**9 if published else number or row.prompts
    with reading, Progress("reading") as bar:
        try:
            chosen, sizes = mixture([problems(name, bar) for name in sources], size, first, seed)
        except TooManyError as error:
            raise click.UsageError(f"{error}: say how many of {sources[0]} with --math N, or --take more") from error
    counts = ", ".join(f"{count} {name}" for name, count in collector.counts.items())
    needed(len(chosen), f"no prompt is left ({counts or 'no records'})", "Name the sources' files with --data.")
    write_records(output, (p.to_record() for p in chosen))
    formats.write_prompts(chosen)
    paper = f"the paper, {' + '.join(row.sources)}"
    notes = list(differences(row, len(chosen), sizes, published))
    shares = dict(zip(sources, sizes, strict=True))
    if as_json:
        say_json(
            {"prompts": len(chosen), "sources": shares, "paper": row.prompts, "differs": notes, **collector.counts}
        )
        return
    rows = [(name, str(read.get(name, 0)), str(share)) for name, share in shares.items()]
    rows += [("together", str(sum(read.values())), str(len(chosen))), (paper, "", str(row.prompts))]
    show_table(f"table 1: {model}", ("prompts", "records", "in the set"), rows)
    dropped = {name: count for name, count in collector.counts.items() if name != "read"}
    if dropped:
        say("dropped: " + ", ".join(f"{count} {name}" for name, count in dropped.items()))
    for note in notes:
        say(f"differs: {note}")


def _place(given: str) -> tuple[str, str]:
    """``math=MATH/train`` as a source and its place. UsageError where it is none, or there is nothing."""
    name, _, place = given.partition("=")
    if not (name and place):
        raise click.UsageError(f"{given!r}: expected --data SOURCE=PLACE")
    if not Path(place).exists() and not is_hub_name(place):
        raise click.UsageError(f"--data {given}: no such file")
    return name, place
