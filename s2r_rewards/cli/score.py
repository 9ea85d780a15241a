"""``s2r score``: parse, judge and reward stored rollouts."""

from dataclasses import asdict
from itertools import accumulate
from pathlib import Path

import click

from s2r_rewards.cli.kit.finding import find_files
from s2r_rewards.cli.kit.options import json_option, output_option
from s2r_rewards.cli.kit.paths import verb
from s2r_rewards.cli.kit.reading import Paths, Reading, paths_argument, reading_options
from s2r_rewards.cli.kit.scoring import Scoring, cut, load_tokenizer, scoring_options
from s2r_rewards.cli.kit.show import finite, say, say_json, show_table
from s2r_rewards.datasets.resume import SequenceLog, fingerprint
from s2r_rewards.metrics import behaviour_metrics
from s2r_rewards.rollouts import read_rollouts, to_file_record
from s2r_rewards.rollouts.suggesting import suggest_grammar


@verb()
@paths_argument
@output_option("JSONL or parquet; not needed with --suggest-grammar.", required=False)
@scoring_options()
@click.option(
    "--batch",
    default="step",
    show_default=True,
    help="What baselines are taken over: 'step' (rollouts of one step; all where none is given), 'all', or a number.",
)
@click.option("--tokenizer", help="Path or name; stores the token span of every action as well.")
@click.option("--resume", is_flag=True, help="Go on where an earlier run with the same settings stopped.")
@click.option(
    "--suggest-grammar",
    "suggest",
    is_flag=True,
    help="Score nothing: show what each grammar finds in the responses, and which one fits.",
)
@json_option
@reading_options
def command(
    paths: Paths,
    output: Path | None,
    scoring: Scoring,
    batch: str,
    tokenizer: str | None,
    resume: bool,
    suggest: bool,
    as_json: bool,
    reading: Reading,
) -> None:
    """Parse, judge and reward rollouts; adds to each what was found, as its field `s2r`.

    ROLLOUTS are JSONL or parquet files, or directories of them (verl's rollout_data_dir).

    \b
    Examples:
      s2r score rollouts.jsonl -o scored.jsonl
      s2r score verl_dumps/ -o scored.parquet --method released-prl
      s2r score rollouts.parquet -o all.jsonl --batch 512 --resume
      s2r score rollouts.jsonl --suggest-grammar
    """
    files = find_files(paths)
    rollouts = reading.all_rollouts(files)
    if suggest:
        return show_suggestion([rollout.response for rollout in rollouts], as_json)
    if output is None:
        raise click.UsageError("Missing option '-o' / '--output'.")
    parts = cut(rollouts, batch)
    decoder = load_tokenizer(tokenizer) if tokenizer else None
    inputs = [fingerprint(path) for path in files]
    settings = {
        "command": "score",
        "rollouts": inputs,
        "batch": batch,
        "tokenizer": tokenizer,
        "fields": reading.fields,
    }
    settings |= scoring.settings()
    with SequenceLog(output, settings, restart=not resume, way_out="leave --resume away") as log:
        if log.complete:
            say(f"{output} is complete already; without --resume it is made again")
            return
        if resume:
            say(f"resuming behind {log.count:,} rollouts")
        # The batches that are not wholly done, and how many of the rollouts of each are.
        starts = list(accumulate(map(len, parts), initial=0))
        left = [part for part, end in zip(parts, starts[1:], strict=True) if end > log.count]
        done = log.count - starts[len(parts) - len(left)]
        for part in scoring.batches(left, decoder):
            log.append(to_file_record(rollout, output) for rollout in part[done:])
            done = 0
        log.write()
        log.finish({"rollouts": log.count})
    say(f"{len(rollouts):,} rollouts scored → {output}")
    if as_json:
        judged = [rollout.judged for rollout in read_rollouts(output)]
        say_json({"rollouts": len(judged), "output": str(output), "metrics": finite(behaviour_metrics(judged))})


def show_suggestion(texts: list[str], as_json: bool) -> None:
    """A table of what each grammar catches, and the one proposed, as the last line on stdout."""
    found = suggest_grammar(texts)
    if as_json:
        return say_json(asdict(found))
    columns = ("grammar", "verified", "verifications", "verdicts read", "retries", "answered", "malformed", "uncertain")
    rows = [
        (c.grammar, *(f"{n:,}" for n in (c.verified, c.verifications, c.verdicts, c.retries, c.answered)),
         f"{c.malformed:,}", f"{c.uncertain:,}")
        for c in found.catches
    ]  # fmt: skip
    show_table(f"{len(texts):,} responses", columns, rows)
    click.echo(f"--grammar {found.grammar}: {found.reason}")
