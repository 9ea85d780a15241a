"""``s2r score``: parse, judge and reward stored rollouts."""

from itertools import accumulate
from pathlib import Path

import click

from s2r_rewards.cli.kit.finding import find_files
from s2r_rewards.cli.kit.options import output_option
from s2r_rewards.cli.kit.paths import verb
from s2r_rewards.cli.kit.reading import Paths, Reading, paths_argument, reading_options
from s2r_rewards.cli.kit.scoring import Scoring, cut, load_tokenizer, scoring_options
from s2r_rewards.cli.kit.show import say
from s2r_rewards.datasets.resume import SequenceLog, fingerprint
from s2r_rewards.rollouts import to_file_record


@verb()
@paths_argument
@output_option("JSONL or parquet.")
@scoring_options()
@click.option(
    "--batch",
    default="step",
    show_default=True,
    help="What baselines are taken over: 'step' (rollouts of one step; all where none is given), 'all', or a number.",
)
@click.option("--tokenizer", help="Path or name; stores the token span of every action as well.")
@click.option("--resume", is_flag=True, help="Go on where an earlier run with the same settings stopped.")
@reading_options
def command(
    paths: Paths, output: Path, scoring: Scoring, batch: str, tokenizer: str | None, resume: bool, reading: Reading
) -> None:
    """Parse, judge and reward rollouts; adds to each what was found, as its field `s2r`.

    ROLLOUTS are JSONL or parquet files, or directories of them (verl's rollout_data_dir).

    \b
    Examples:
      s2r score rollouts.jsonl -o scored.jsonl
      s2r score verl_dumps/ -o scored.parquet --method released-prl
      s2r score rollouts.parquet -o all.jsonl --batch 512 --resume
    """
    files = find_files(paths)
    rollouts = reading.all_rollouts(files)
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
