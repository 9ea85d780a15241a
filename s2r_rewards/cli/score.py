"""s2r score: parse, judge and reward stored rollouts."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from s2r_rewards.cli import _options as options
from s2r_rewards.cli._rollouts import batches, load_rollouts, score_batches, to_file_record, without_score


@click.command("score")
@options.paths_argument
@click.option("-o", "--output", required=True, type=click.Path(path_type=Path), help="JSONL or parquet.")
@options.scoring_options
@click.option(
    "--batch",
    default="step",
    show_default=True,
    help="What baselines are taken over: 'step' (rollouts of one step; all where none is given), 'all', or a number.",
)
@click.option(
    "--tokenizer", default=None, help="Path or name; stores the token span of every action as well."
)
@click.option("--resume", is_flag=True, help="Keep the batches that a JSONL output already holds.")
@options.reading_options
@options.readable_errors
def command(
    paths: tuple[Path, ...],
    output: Path,
    grammar: str | None,
    preset: str | None,
    workers: int,
    batch: str,
    tokenizer: str | None,
    resume: bool,
    fields: Mapping[str, str] | None,
    skip_bad: bool,
) -> None:
    """Parse, judge and reward rollouts; adds to each what was found, as its field `s2r`.

    ROLLOUTS are JSONL or parquet files, or directories of them (verl's rollout_data_dir).

    \b
    Examples:
      s2r score rollouts.jsonl -o scored.jsonl
      s2r score verl_dumps/ -o scored.parquet --preset released
      s2r score rollouts.parquet -o scored.jsonl --batch 512 --resume
    """
    rollouts = without_score(load_rollouts(paths, fields, skip_bad))
    parts = batches(rollouts, batch)
    rules: dict[str, Any] = {"grammar": grammar, "preset": preset or "paper"}
    if tokenizer:
        from s2r_rewards.cli._tokens import load_tokenizer, spans_of
        from s2r_rewards.presets import get_preset

        loaded = load_tokenizer(tokenizer)
        rules["spans"] = lambda part: spans_of(part, grammar or get_preset(preset or "paper").grammar, loaded)
    if output.suffix == ".parquet":
        if resume:
            raise click.UsageError(
                "--resume needs a JSONL output: a parquet file is only readable once complete"
            )
        from s2r_rewards.records import write_records

        scored = (one for part in score_batches(parts, rules, workers) for one in part)
        count = write_records(output, (to_file_record(one, output) for one in scored))
    else:
        count = _append(parts, output, rules, workers, resume)
    click.echo(f"{count:,} rollouts scored → {output}", err=True)


def _append(parts, output: Path, rules: dict, workers: int, resume: bool) -> int:
    """Write batch after batch, so that a run that was stopped can go on at the first missing one."""
    from s2r_rewards.rollouts import RolloutWriter

    done = 0
    if resume and output.exists():
        done = _keep_whole_batches(output, [len(part) for part in parts])
        click.echo(f"resuming behind {sum(len(p) for p in parts[:done]):,} rollouts", err=True)
    with RolloutWriter(output, append=bool(done)) as writer:
        for part in score_batches(parts[done:], rules, workers):
            for rollout in part:
                writer.write(rollout)
            writer.flush()
    return sum(map(len, parts))


def _keep_whole_batches(output: Path, sizes: list[int]) -> int:
    """Cut the file behind its last whole batch and return how many batches that leaves."""
    if output.name.endswith(".gz"):
        raise click.UsageError("--resume needs a plain JSONL output")
    ends = []
    with open(output, "rb") as file:
        for line in iter(file.readline, b""):
            if line.endswith(b"\n"):
                ends.append(file.tell())
    kept = lines = 0
    for size in sizes:
        if lines + size > len(ends):
            break
        kept, lines = kept + 1, lines + size
    os.truncate(output, ends[lines - 1] if lines else 0)
    return kept
