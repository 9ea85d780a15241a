"""``s2r data problems``."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from s2r_rewards.cli.kit.commands import needed
from s2r_rewards.cli.kit.options import json_option, output_option, seed_option, take_option, workers_option
from s2r_rewards.cli.kit.paths import RECORD_FILE, verb
from s2r_rewards.cli.kit.reading import Reading, on_error_option
from s2r_rewards.cli.kit.show import Progress, counts_table
from s2r_rewards.datasets.collecting import DEFAULT_NGRAM, Collector, take
from s2r_rewards.datasets.loading import converted, source_records
from s2r_rewards.datasets.problems import SOURCES, Problem, Record, Source, source_with, to_problem
from s2r_rewards.evaluation.benchmarks import (
    BENCHMARKS,
    CROSS_DOMAIN,
    Benchmark,
    evaluation_index,
    read_item,
    training_split,
)
from s2r_rewards.rollouts.records import write_records

#: What can be trained on: the mathematical sources, and the paper's cross-domain tasks.
KNOWN: dict[str, Source] = {**SOURCES, **{name: BENCHMARKS[name] for name in CROSS_DOMAIN}}


def hub_place(source: Source) -> str:
    """Where a source is read from without a file: ``owner/name`` with split and file; "" for nowhere."""
    split = training_split(source)
    if not source.hub or split is None:
        return ""
    return f"{source.hub} ({source.file or split})"


def _read(record: Record, source: Source, name: str | None) -> Problem:
    """Evaluation sets number their questions from 0 each: their names go before."""
    if not isinstance(source, Benchmark):
        return to_problem(record, source, name)
    problem = read_item(source, record)
    return replace(problem, source=name) if name else problem


@verb()
@click.argument("data", nargs=-1)
@output_option("Problems: id, problem, answer, level, source, solution. JSONL or parquet.")
@click.option(
    "--source",
    "source_name",
    type=click.Choice(list(KNOWN)),
    default="plain",
    show_default=True,
    help="Its fields; and, without DATA, what is read from the hub: "
    + ", ".join(filter(None, map(hub_place, KNOWN.values())))
    + ".",
)
@click.option("--problem-field", "problem", help="Field with the problem, where it is not the source's.")
@click.option("--answer-field", "answer", help="Field with the golden answer, where it is not the source's.")
@click.option("--level-field", "level", help="Field with the difficulty level.")
@click.option("--name", help="Name of the source in the output.")
@click.option("--split", help="Split, for hub data sets. [default: the source's, to train on]")
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
    split: str | None,
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
    its own checker does not accept would make every response wrong. Choices, truth values and literals keep
    their kind, and are checked as such wherever the problems go.

    \b
    Example:
      s2r data problems train.jsonl --source gsm8k -o problems.jsonl --against test.jsonl
      s2r data problems --source strategyqa -o strategyqa.jsonl --against strategyqa
    """
    source = source_with(KNOWN[source_name], **fields)
    if not data and not hub_place(source):
        way_out = "the hub has its evaluation questions only" if source.hub else "it has no data set of its own"
        raise click.UsageError(f"--source {source_name}: {way_out}; name a file of this form")
    index = evaluation_index(against, ngram)
    dropped: list[dict[str, Any]] = []
    collector = Collector(index, workers, dropped.append if dropped_path else None)
    with reading, Progress("reading") as bar:
        records = source_records(source, data, reading, split or training_split(source), config)
        found = converted(records, lambda record: _read(record, source, name), reading)
        kept = list(collector.keep(bar.over(found)))
    if not kept and not collector.counts:
        raise ValueError(f"no records in {', '.join(data or [source.hub])}")
    kept = take(kept, number, seed)
    counts = ", ".join(f"{count} {name}" for name, count in collector.counts.items())
    needed(len(kept), f"no problem is left ({counts})", "--dropped FILE with another -o shows why each was dropped.")
    write_records(output, (p.to_record() for p in kept))
    if dropped_path:
        write_records(dropped_path, dropped)
    counts_table("problems", {**collector.counts, "written": len(kept)}, as_json)
