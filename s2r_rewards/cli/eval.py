"""``s2r eval``."""

import json
from pathlib import Path
from typing import Any

import click

from s2r_rewards.cli.data.common import (
    friendly_errors,
    on_error_option,
    progress,
    reading,
    restart_option,
    say,
    seed_option,
    show_table,
)
from s2r_rewards.cli.data.serving import Served, Serving, run_requests, serving_options, usage_summary
from s2r_rewards.datasets.formats import SYSTEM_PROMPT
from s2r_rewards.datasets.resume import WorkLog, atomic_path, fingerprint
from s2r_rewards.datasets.sampling import sample_requests
from s2r_rewards.evaluation.benchmarks import BENCHMARKS, CROSS_DOMAIN, IN_DOMAIN, benchmark_of
from s2r_rewards.evaluation.items import load_benchmark
from s2r_rewards.evaluation.published import ACCURACY
from s2r_rewards.evaluation.scoring import score_generations
from s2r_rewards.evaluation.tables import accuracy_table, average, behaviour_table, efficiency_figure
from s2r_rewards.grammar import GRAMMARS
from s2r_rewards.records import write_records
from s2r_rewards.rollouts import read_rollouts

GROUPS = {"in-domain": IN_DOMAIN, "cross-domain": CROSS_DOMAIN, "all": tuple(BENCHMARKS)}


@click.command()
@click.option("-o", "--output", required=True, type=click.Path(file_okay=False), help="Folder of this run.")
@click.option(
    "-b",
    "--benchmark",
    "names",
    multiple=True,
    help=f"One of {', '.join(BENCHMARKS)}; a group ({', '.join(GROUPS)}); or a name of your own. Repeatable.",
)
@click.option("--data", multiple=True, help="NAME=PATH: read this benchmark from a local file. Repeatable.")
@click.option("--rescore", is_flag=True, help="Score the folder's generations again, without a model.")
@click.option("-n", "--samples", default=1, show_default=True, help="Generations a problem, for pass@k.")
@click.option("--limit", type=int, help="Only the first so many problems of each benchmark.")
@click.option("--paper", type=click.Choice(list(ACCURACY)), help="Show the paper's figures of this model.")
@click.option("--grammar", type=click.Choice(list(GRAMMARS)), default="paper", show_default=True)
@click.option("--system", default=SYSTEM_PROMPT, show_default=True, help="System prompt; empty: none.")
@click.option("--template", default="{problem}", show_default=True, help="Text around the problem.")
@click.option("--workers", default=1, show_default=True, help="Processes for checking answers.")
@click.option("--figure", help="Also draw accuracy over training-set size, from --compare.")
@click.option("--compare", multiple=True, help="LABEL:SIZE:FOLDER, a run for --figure. Repeatable.")
@seed_option
@on_error_option
@restart_option
@serving_options(temperature=0.0, max_tokens=8000, required=False)
@friendly_errors
def command(
    output: str,
    names: tuple[str, ...],
    data: tuple[str, ...],
    rescore: bool,
    samples: int,
    limit: int | None,
    paper: str | None,
    grammar: str,
    system: str,
    template: str,
    workers: int,
    figure: str | None,
    compare: tuple[str, ...],
    seed: int,
    on_error: str,
    restart: bool,
    serving: Serving | None,
) -> None:
    """Accuracy and behaviour of a model on the paper's benchmarks, beside the paper's own figures.

    Generations are kept as rollouts in the folder -o, one file a benchmark, and results.json with them. A
    killed run goes on where it stopped. With --rescore nothing is generated. Default: greedy pass@1.

    \b
    Example:
      s2r eval -o runs/mine -b math500 --data math500=math500.jsonl --url http://localhost:8000/v1 --model my-model
      s2r eval -o runs/mine --rescore --paper Qwen2.5-Math-7B
    """
    folder = Path(output)
    places = dict(_pair(item, "--data NAME=PATH") for item in data)
    if rescore:
        chosen = list(_expanded(names)) or sorted(p.stem for p in folder.glob("*.jsonl"))
        if not chosen:
            raise click.ClickException(f"{folder}: no generations (*.jsonl) to score")
    else:
        if serving is None:
            raise click.UsageError("give --model and either --url or --launch-vllm, or --rescore")
        chosen = list(_expanded(names)) or list(places)
        if not chosen:
            raise click.UsageError("name a benchmark with -b")
        options = {"samples": samples, "limit": limit, "system": system, "template": template}
        with Served(serving, str(folder / "server")) as server:
            for name in chosen:
                _generate(folder, name, places.get(name), options, server, seed, on_error, restart)
    results = [_score(folder, name, grammar, workers, on_error) for name in chosen]
    results_path = folder / "results.json"
    with atomic_path(results_path) as temporary:
        temporary.write_text(json.dumps(results, indent=1, ensure_ascii=False) + "\n")
    show_table("accuracy", *accuracy_table(results, paper))
    for result in results:
        show_table(f"behaviour: {benchmark_of(result['benchmark']).title}", *behaviour_table(result, paper))
    say(f"{results_path}: written")
    if figure:
        _draw(figure, compare)


def _generate(
    folder: Path,
    name: str,
    data: str | None,
    options: dict[str, Any],
    server: Served,
    seed: int,
    on_error: str,
    restart: bool,
) -> None:
    output = folder / f"{name}.jsonl"
    benchmark = benchmark_of(name)
    source = fingerprint(data) if data and Path(data).is_file() else data or benchmark.hub
    settings = {
        "command": "eval",
        "benchmark": name,
        "data": source,
        "seed": seed,
        "on_error": on_error,
        **options,
        **server.serving.settings(),
    }
    with WorkLog(output, settings, restart) as log:
        if log.complete:
            return
        with reading(on_error) as errors:
            problems = load_benchmark(benchmark, data, errors, options["limit"])
        requests = list(
            sample_requests(problems, options["samples"], options["system"] or None, options["template"])
        )
        failures = run_requests(benchmark.title, requests, log, server, seed, on_error)
        keys = [r.key for r in requests]
        write_records(output, log.rows(keys))
        if failures:
            say(
                f"{name}: {len(failures)} generations failed and are missing; the same command tries them again"
            )
        else:
            log.finish(usage_summary(log.rows(keys), server.serving))


def _score(folder: Path, name: str, grammar: str, workers: int, on_error: str) -> dict[str, Any]:
    path = folder / f"{name}.jsonl"
    with reading(on_error) as errors, progress(f"scoring {name}") as bar:
        generations = read_rollouts(path, errors)
        kind = benchmark_of(name).kind
        return score_generations(name, generations, kind, grammar, workers, bar.advance).to_record()


def _expanded(names: tuple[str, ...]) -> list[str]:
    """Benchmarks by name, groups taken apart, each once."""
    return list(dict.fromkeys(single for name in names for single in GROUPS.get(name, (name,))))


def _pair(text: str, form: str) -> tuple[str, str]:
    left, sign, right = text.partition("=")
    if not (left and sign and right):
        raise click.UsageError(f"{text!r}: expected {form}")
    return left, right


def _draw(figure: str, compare: tuple[str, ...]) -> None:
    points = []
    for item in compare:
        label, size, folder = [*item.split(":", 2), "", ""][:3]
        if not size.isdigit() or not folder:
            raise click.UsageError(f"{item!r}: expected --compare LABEL:SIZE:FOLDER")
        points.append((label, int(size), average(json.loads((Path(folder) / "results.json").read_text()))))
    if not points:
        raise click.UsageError("--figure needs at least one --compare LABEL:SIZE:FOLDER")
    efficiency_figure(points, figure)
    say(f"{figure}: written")
