"""``s2r data sample``."""

import click

from s2r_rewards.cli.data.common import (
    friendly_errors,
    on_error_option,
    output_option,
    reading,
    restart_option,
    say,
    seed_option,
)
from s2r_rewards.cli.data.serving import (
    Served,
    Serving,
    run_requests,
    say_summary,
    serving_options,
    usage_summary,
)
from s2r_rewards.datasets.formats import SYSTEM_PROMPT
from s2r_rewards.datasets.loading import read_problems
from s2r_rewards.datasets.resume import WorkLog, fingerprint
from s2r_rewards.datasets.sampling import sample_requests
from s2r_rewards.records import write_records


@click.command()
@click.argument("problems")
@output_option("Rollouts, JSONL or parquet.")
@click.option("-k", "--samples", default=5, show_default=True, help="Responses to each problem.")
@click.option("--system", default=SYSTEM_PROMPT, show_default=True, help="System prompt; empty: none.")
@click.option("--template", default="{problem}", show_default=True, help="Text around the problem.")
@seed_option
@on_error_option
@restart_option
@serving_options(temperature=0.7, max_tokens=2048)
@friendly_errors
def command(
    problems: str,
    output: str,
    samples: int,
    system: str,
    template: str,
    seed: int,
    on_error: str,
    restart: bool,
    serving: Serving,
) -> None:
    """K responses to every problem of PROBLEMS, from any OpenAI-compatible server.

    Killed or failed runs go on where they stopped when the same command is given again: no sample is lost
    and none is asked for twice. Every request has its own seed, made of --seed, problem and sample number.

    \b
    Example:
      s2r data sample problems.jsonl -o samples.jsonl -k 5 --url http://localhost:8000/v1 --model my-model
    """
    settings = {
        "command": "sample",
        "problems": fingerprint(problems),
        "samples": samples,
        "system": system,
        "template": template,
        "seed": seed,
        "on_error": on_error,
        **serving.settings(),
    }
    with WorkLog(output, settings, restart) as log:
        if log.complete:
            say(f"{output} is complete already; --restart does it again")
            say_summary(output, log.summary())
            return
        with reading(on_error) as errors:
            items = read_problems(problems, errors)
        requests = list(sample_requests(items, samples, system or None, template))
        with Served(serving, output) as server:
            failures = run_requests("sampling", requests, log, server, seed, on_error)
        keys = [r.key for r in requests]
        write_records(output, log.rows(keys))
        summary = usage_summary(log.rows(keys), serving)
        say_summary(output, summary)
        if failures:
            say(f"{len(failures)} samples failed and are missing; the same command tries them again")
        else:
            log.finish(summary)
