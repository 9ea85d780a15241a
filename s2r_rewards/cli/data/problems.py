"""``s2r data problems``."""

from itertools import chain
from pathlib import Path
from typing import Any

import click

from s2r_rewards.cli.kit.commands import needed
from s2r_rewards.cli.kit.options import json_option, output_option, seed_option, take_option, workers_option
from s2r_rewards.cli.kit.paths import RECORD_FILE, verb
from s2r_rewards.cli.kit.reading import Reading, on_error_option
from s2r_rewards.cli.kit.show import Progress, counts_table
from s2r_rewards.datasets.collecting import DEFAULT_NGRAM, Collector, NgramIndex, take
from s2r_rewards.datasets.loading import converted, is_hub_name, load_records
from s2r_rewards.datasets.problems import SOURCES, source_with, to_problem
from s2r_rewards.evaluation.benchmarks import evaluation_texts
from s2r_rewards.rollouts.records import write_records


@verb()
@click.argument("data", nargs=-1)
@output_option("Problems: id, problem, answer, level, source, solution. JSONL or parquet.")
@click.option("--source", "source_name", type=click.Choice(list(SOURCES)), default="plain", show_default=True)
@click.option("--problem-field", "problem", help="Field with the problem, where it is not the source's.")
@click.option("--answer-field", "answer", help="Field with the golden answer, where it is not the source's.")
@click.option("--level-field", "level", help="Field with the difficulty level.")
@click.option("--name", help="Name of the source in the output.")
@click.option("--split", default="train", show_default=True, help="Split, for hub data sets.")
@click.option("--config", help="Configuration, for hub data sets.")
@click.option("--against", multiple=True, help="Drop problems of this evaluation set: a file, or a name of `s2r eval`.")
@click.option(
    "--ngram", default=DEFAULT_NGRAM, type=click.IntRange(1), show_default=True, help="A shared run of so many words."
)
@take_option
@click.option("--dropped", "dropped_path", type=RECORD_FILE, help="Also write what was dropped, with the reason.")
@workers_option
@seed_option
@json_option
@on_error_option
def command(
    data: tuple[str, ...],
    output: Path,
    source_name: str,
    name: str | None,
    split: str,
    config: str | None,
    against: tuple[str, ...],
    ngram: int,
    number: int | None,
    dropped_path: Path | None,
    workers: int,
    seed: int,
    as_json: bool,
    reading: Reading,
    **fields: str | None,
) -> None:
    """DATA (files, folders or hub names) in one schema: golden answers tested, duplicates and leaks dropped.

    Without DATA, the source's own hub data set is read. A golden answer is tested against itself: one that
    its own checker does not accept would make every response wrong.

    \b
    Example:
      s2r data problems train.jsonl --source gsm8k -o problems.jsonl --against test.jsonl
    """
    source = source_with(SOURCES[source_name], **fields)
    places = data or ((source.hub,) if source.hub else ())
    if not places:
        raise click.UsageError(f"--source {source_name} has no data set of its own: name a file")
    index = NgramIndex(ngram)
    for place in against:
        for label, text in evaluation_texts(place):
            index.add(text, label)
    dropped: list[dict[str, Any]] = []
    collector = Collector(index, workers, dropped.append if dropped_path else None)
    configs = [config] if config else source.configs
    with reading, Progress("reading") as bar:
        # Configurations are parts of a hub data set; a file has none.
        parts = [(p, part) for p in places for part in (configs if configs and is_hub_name(p) else [None])]
        records = chain.from_iterable(load_records(place, split, part, reading) for place, part in parts)
        found = converted(records, lambda record: to_problem(record, source, name), reading)
        kept = list(collector.keep(bar.over(found)))
    if not kept and not collector.counts:
        raise ValueError(f"no records in {', '.join(places)}")
    kept = take(kept, number, seed)
    counts = ", ".join(f"{count} {name}" for name, count in collector.counts.items())
    needed(len(kept), f"no problem is left ({counts})", "--dropped FILE with another -o shows why each was dropped.")
    write_records(output, (p.to_record() for p in kept))
    if dropped_path:
        write_records(dropped_path, dropped)
    counts_table("problems", {**collector.counts, "written": len(kept)}, as_json)
