"""``s2r data offline``."""

from typing import Any

import click

from s2r_rewards.answers import CHECKER_VERSION
from s2r_rewards.cli.data.common import (
    counts_table,
    friendly_errors,
    on_error_option,
    output_option,
    progress,
    reading,
    restart_option,
    say,
)
from s2r_rewards.cli.data.formats import format_options, system_of, write_replay
from s2r_rewards.datasets.loading import ErrorCount
from s2r_rewards.datasets.resume import SequenceLog, fingerprint
from s2r_rewards.datasets.streaming import OfflineOptions, Selection, score_into
from s2r_rewards.presets import PRESETS
from s2r_rewards.records import write_records
from s2r_rewards.rollouts import read_rollouts


@click.command()
@click.argument("rollouts")
@output_option("Kept rollouts with accuracy, baselines and advantages, JSONL.")
@click.option("--preset", type=click.Choice(list(PRESETS)), default="paper", show_default=True)
@click.option(
    "--band", nargs=2, type=float, default=(0.1, 0.7), show_default=True, help="Accuracies to keep."
)
@click.option(
    "--by",
    type=click.Choice(["position", "context", "outcome"]),
    default="position",
    show_default=True,
    help="Baseline: accuracy group × position, × reward context, or the accuracy group alone.",
)
@click.option("--bins", default=10, show_default=True, help="Accuracy groups.")
@click.option("--mode", type=click.Choice(["discard", "truncate"]), help="[default: the preset's]")
@click.option("--max-actions", type=int, help="[default: the preset's]")
@click.option("--balance/--no-balance", default=None, help="[default: the preset's]")
@click.option("--min-count", type=int, help="Smaller groups have baseline 0. [default: the preset's]")
@click.option("--workers", default=1, show_default=True, help="Processes for checking answers.")
@on_error_option
@restart_option
@format_options
@friendly_errors
def command(
    rollouts: str,
    output: str,
    preset: str,
    band: tuple[float, float],
    by: str,
    bins: int,
    mode: str | None,
    max_actions: int | None,
    balance: bool | None,
    min_count: int | None,
    workers: int,
    on_error: str,
    restart: bool,
    **formats: Any,
) -> None:
    """Offline RL data (appendix F of the paper) out of stored ROLLOUTS.

    Filters prompts by accuracy, rejects or truncates rollouts with counted reasons, and adds baselines and
    advantages. Streams: a million rollouts need no more memory than their prompts do.

    \b
    Example:
      s2r data offline rollouts.jsonl -o offline.jsonl --by context --verl offline.parquet
    """
    options = OfflineOptions.from_preset(
        preset,
        mode=mode,
        max_actions=max_actions,
        balance=balance,
        min_count=min_count,
        low=band[0],
        high=band[1],
        by=by,
        bins=bins,
    )
    settings = {
        "command": "offline",
        "rollouts": fingerprint(rollouts),
        "checker": CHECKER_VERSION,
        "on_error": on_error,
        "options": {name: getattr(options, name) for name in OfflineOptions.__slots__},
    }
    with SequenceLog(output, settings, restart) as log:
        if log.complete:
            say(f"{output} is complete already; --restart does it again")
            counts = log.summary()
        else:
            counts = _build(rollouts, output, log, options, workers, on_error)
            log.finish(counts)
    counts_table("rollouts", counts)
    write_replay(output, system_of(formats), formats)


def _build(
    rollouts: str, output: str, log: SequenceLog, options: OfflineOptions, workers: int, on_error: str
) -> dict[str, int]:
    if log.count:
        say(f"going on behind {log.count} rollouts that an earlier run scored")
    with reading(on_error) as errors, progress("scoring", done=log.count) as bar:
        score_into(read_rollouts(rollouts, errors), log, options.preset, workers, bar.advance)
    selection = Selection(log, options)
    selection.count_prompts()
    selection.gather_means()
    again = read_rollouts(rollouts, ErrorCount(skip=on_error == "skip"))
    with progress("writing", selection.counts["kept"]) as bar:
        write_records(output, bar.over(selection.kept(again)))
    return dict(selection.counts)
