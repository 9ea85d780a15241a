"""``s2r eval``."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from s2r_rewards.answers import batch_checker, get_policy
from s2r_rewards.cli.kit.commands import needed
from s2r_rewards.cli.kit.comparing import Comparison, comparison_options
from s2r_rewards.cli.kit.options import json_option
from s2r_rewards.cli.kit.paths import FOLDER, verb
from s2r_rewards.cli.kit.reading import Reading, reading_options
from s2r_rewards.cli.kit.scoring import Scoring, scoring_options
from s2r_rewards.cli.kit.serving import Model, asking_options, model_options
from s2r_rewards.cli.kit.show import Progress, say, say_json
from s2r_rewards.datasets.llm.requests import EXTENT, Request, sample_requests
from s2r_rewards.datasets.loading import is_hub_name
from s2r_rewards.datasets.resume import fingerprint
from s2r_rewards.evaluation.benchmarks import (
    BENCHMARKS,
    CROSS_DOMAIN,
    IN_DOMAIN,
    benchmark_of,
    canonical,
    files_in,
    load_benchmark,
)
from s2r_rewards.evaluation.scoring import score_generations
from s2r_rewards.rollouts.records import atomic_path

GROUPS = {"in-domain": IN_DOMAIN, "cross-domain": CROSS_DOMAIN, "all": tuple(BENCHMARKS)}
WHICH = f"One of {', '.join(BENCHMARKS)}; a group ({', '.join(GROUPS)}); or a name of your own. Repeatable."


@verb()
@click.option("-o", "--output", "folder", required=True, type=FOLDER, help="Folder of this run.")
@click.option("-b", "--benchmark", "names", multiple=True, help=WHICH)
@click.option("--data", multiple=True, help="NAME=PATH: read this benchmark from a local file. Repeatable.")
@click.option(
    "--data-dir",
    type=click.Path(exists=True, file_okay=False),
    help="Folder of benchmark files, NAME/test.jsonl or NAME.jsonl; without -b all of them.",
)
@click.option("--rescore", is_flag=True, help="Score the folder's generations again, without a model.")
@asking_options("-n", "Generations a problem, for pass@k.", samples=1)
@click.option("--limit", type=click.IntRange(1), help="Only the first so many problems of each benchmark.")
@comparison_options
@json_option
@scoring_options()
@reading_options
@model_options(required=False, temperature=0.0, max_tokens=8000)
def command(
    folder: Path,
    names: tuple[str, ...],
    data: tuple[str, ...],
    data_dir: str | None,
    rescore: bool,
    asking: dict[str, Any],
    limit: int | None,
    comparison: Comparison,
    as_json: bool,
    scoring: Scoring,
    reading: Reading,
    model: Model | None,
) -> None:
    """Accuracy and behaviour of a model on the paper's benchmarks, beside the paper's own figures.

    Generations are kept as rollouts in the folder -o, one file a benchmark, and results.json with them. A
    killed run goes on where it stopped. With --rescore nothing is generated. Default: greedy pass@1.

    --paper prints the paper's tables 2 (in-domain), 3 (cross-domain), 4 (verification styles of trained models, on
    MATH500), 5 (online and offline), 10 (accuracy bands) and 11 (offline baselines) with this run among their rows.
    Numbers are those of version 1; in the ACL version, tables from 4 on have the next number.

    \b
    Example:
      s2r eval -o runs/mine -b math500 --data math500=math500.jsonl --url http://localhost:8000/v1 --model my-model
      s2r eval -o runs/mine --data-dir Qwen2.5-Math/evaluation/data --url http://localhost:8000/v1 --model my-model
      s2r eval -o runs/mine --rescore --paper Qwen2.5-Math-7B
    """
    comparison.check(folder)
    places: dict[str, str] = files_in(data_dir) if data_dir else {}
    for item in data:
        name, _, place = item.partition("=")
        if not (name and place):
            raise click.UsageError(f"{item!r}: expected --data NAME=PATH")
        if not Path(place).exists() and not is_hub_name(place):
            raise click.UsageError(f"--data {item}: no such file")
        if Path(place).resolve().parent == folder.resolve():
            raise click.UsageError(
                f"--data {item}: lies in -o {folder}, where the generations go; choose another folder"
            )
        places[canonical(name)] = place
    # Groups taken apart, each benchmark once.
    chosen = list(dict.fromkeys(single for name in names for single in GROUPS.get(name, (canonical(name),))))
    if rescore:
        chosen = chosen or sorted(p.stem for p in folder.glob("*.jsonl"))
        if not chosen:
            raise ValueError(f"{folder}: no generations (*.jsonl) to score")
    else:
        if model is None:
            raise click.UsageError("give --model and either --url or --launch-vllm, or --rescore")
        chosen = chosen or list(places)
        if not chosen:
            raise click.UsageError("name a benchmark with -b")
        for name in chosen:
            _generate(folder, name, places.get(name), limit, asking, model, reading)
        if limit:
            say(f"--limit {limit}: the first {limit} problems of each set; the paper's figures are of whole sets")
    results = [_score(folder, name, scoring, reading) for name in chosen]
    with atomic_path(folder / "results.json") as path:
        path.write_text(json.dumps(results, indent=1, ensure_ascii=False) + "\n")
    runs = comparison.runs(folder, results)
    if as_json:
        say_json(comparison.record(runs))
    else:
        comparison.show(runs)
    say(f"{folder / 'results.json'}: written")
    comparison.draw(runs)


def _generate(
    folder: Path, name: str, data: str | None, limit: int | None, asking: dict[str, Any], model: Model, reading: Reading
) -> None:
    benchmark = benchmark_of(name)
    source = fingerprint(data) if data and Path(data).is_file() else data or benchmark.hub

    def requests() -> list[Request]:
        with reading:
            problems = load_benchmark(benchmark, data, reading, limit, reading.fields)
        needed(len(problems), f"{data or benchmark.hub}: no problem of {name} in it", "Name another --data file.")
        return list(sample_requests(problems, **asking))

    settings = {
        "command": "eval",
        "benchmark": name,
        "data": source,
        "limit": limit,
        "fields": reading.fields,
        **asking,
    }
    model.write(folder / f"{name}.jsonl", settings, requests, reading, extent=EXTENT)


def _score(folder: Path, name: str, scoring: Scoring, reading: Reading) -> dict[str, Any]:
    options = scoring.options
    kind = benchmark_of(name).kind
    policy = options.policy if options.checker else replace(get_policy(options.policy), kind=kind)
    checker = batch_checker(options.checker, policy, options.workers)
    with reading, Progress(f"scoring {name}") as bar:
        generations = bar.over(reading.rollouts(folder / f"{name}.jsonl"))
        return score_generations(name, generations, scoring.method.grammar, checker).to_record()
