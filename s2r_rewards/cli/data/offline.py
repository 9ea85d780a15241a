"""``s2r data offline``."""

from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import click

from s2r_rewards.adapter import resolve_method
from s2r_rewards.baselines import Baseline, accuracy_baseline
from s2r_rewards.baselines.accuracy_group import BY, bins_of
from s2r_rewards.cli.kit.commands import needed
from s2r_rewards.cli.kit.formats import Formats, replay_formats
from s2r_rewards.cli.kit.options import band_option, json_option, output_option, restart_option
from s2r_rewards.cli.kit.paths import verb
from s2r_rewards.cli.kit.reading import Reading, reading_options
from s2r_rewards.cli.kit.scoring import Scoring, scoring_options
from s2r_rewards.cli.kit.show import Progress, counts_table, say
from s2r_rewards.datasets.resume import SequenceLog, fingerprint
from s2r_rewards.datasets.streaming import Selection, score_into
from s2r_rewards.methods import Method
from s2r_rewards.rollouts import write_rollouts


@verb()
@click.argument("rollouts")
@output_option("Kept rollouts with accuracy, baselines and advantages, JSONL or parquet.")
@scoring_options("s2r-offline-prl")
@band_option
@click.option(
    "--by",
    type=click.Choice(list(BY)),
    help="Short for --baseline: accuracy group × position, × reward context, or the accuracy group alone. "
    "[default: the method's]",
)
@click.option("--bins", type=click.IntRange(min=1), help="Accuracy groups. [the method's own]")
@click.option(
    "--others", is_flag=True, help="Groups by the accuracy of a prompt's other rollouts: unbiased (docs/bias.md)."
)
@click.option("--mode", "rejection", type=click.Choice(["discard", "truncate"]), help="[default: the method's]")
@click.option("--max-actions", type=click.IntRange(1), help="[default: the method's]")
@click.option("--balance/--no-balance", default=None, help="[default: the method's]")
@click.option("--min-count", type=click.IntRange(1), help="Smaller groups have baseline 0. [default: the method's]")
@restart_option
@json_option
@reading_options
@replay_formats
def command(
    rollouts: str,
    output: Path,
    scoring: Scoring,
    band: tuple[float, float],
    by: str | None,
    bins: int | None,
    min_count: int | None,
    others: bool,
    restart: bool,
    as_json: bool,
    reading: Reading,
    formats: Formats,
    **rules: Any,
) -> None:
    """Offline RL data (appendix F of the paper) out of stored ROLLOUTS.

    Filters prompts by accuracy, rejects or truncates rollouts with counted reasons, and adds baselines and
    advantages. Streams: a million rollouts need no more memory than their prompts do.

    \b
    Example:
      s2r data offline rollouts.jsonl -o offline.jsonl --by context --verl offline.parquet
    """
    method = _method(scoring, by, bins, min_count)
    if others:
        if not method.groups.startswith("accuracy"):
            raise click.UsageError(f"--others is for accuracy groups; method {method.name} has none: drop it")
        method = replace(method, name=f"{method.name}[others]", groups="accuracy_of_others")
    given = {name: value for name, value in rules.items() if value is not None}
    method = replace(method, filter=replace(method.filter, **given))
    settings: dict[str, Any] = {"command": "offline", "rollouts": fingerprint(rollouts), "band": band, "bins": bins}
    settings |= {"filter": asdict(method.filter), **scoring.settings(), "method": method.name}
    with SequenceLog(output, settings, restart) as log:
        if log.complete:
            say(f"{output} is complete already; --restart does it again")
            counts = log.summary()
        else:
            if log.count:
                say(f"going on behind {log.count} rollouts that an earlier run scored")
            with reading, Progress("scoring", done=log.count) as bar:
                found = reading.rollouts(rollouts)
                score_into(found, log, method, scoring.checker_many, scoring.checker, bar.advance)
            selection = Selection(log, method, band)
            reasons = ", ".join(f"{count} {reason}" for reason, count in selection.counts.items())
            if not selection.counts["kept"]:
                log.discard()
            needed(selection.counts["kept"], f"no rollout is kept ({reasons})", "Choose another --band or --mode.")
            with Progress("writing", selection.counts["kept"]) as bar:
                again = replace(reading).rollouts(rollouts)  # what is skipped was said before
                write_rollouts(output, bar.over(selection.kept(again)))
            counts = dict(selection.counts)
            log.finish(counts)
    counts_table("rollouts", counts, as_json)
    formats.write_replay(output)


def _method(scoring: Scoring, by: str | None, bins: int | None, min_count: int | None) -> Method:
    """The method asked for, with the baseline that --by, --bins and --min-count make of its own."""
    method = resolve_method(replace(scoring.options, min_count=min_count))
    kind, _, own = getattr(method.baseline, "name", "").partition("/")
    if by in (None, own) and bins is None:
        return method
    if "baseline" in scoring.asked or (kind != "accuracy_group" and by is None):
        raise click.UsageError("--by and --bins are for baselines by accuracy group; leave --baseline away")
    bins = bins or bins_of(method.baseline)
    baseline = accuracy_baseline(by or own, bins)
    if isinstance(method.baseline, Baseline):
        baseline = replace(method.baseline, name=baseline.name, keys=baseline.keys)
    return replace(method, name=f"{method.name}[by={by or own},bins={bins}]", baseline=baseline)
