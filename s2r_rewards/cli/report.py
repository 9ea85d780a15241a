"""s2r report: one self-contained HTML page out of stored rollouts."""

from pathlib import Path

import click

from s2r_rewards.cli.kit.paths import OutputFile, verb
from s2r_rewards.cli.kit.reading import Paths, Reading, paths_argument, reading_options
from s2r_rewards.cli.kit.scoring import Scoring, scoring_options
from s2r_rewards.cli.kit.show import say
from s2r_rewards.report import Limits, render
from s2r_rewards.rollouts.records import atomic_path

PAGE = OutputFile(".html", ".htm")


@verb()
@paths_argument
@click.option("-o", "--output", type=PAGE, default="report.html", show_default=True, help="Where the page goes.")
@click.option("--title", help="Default: the name of the first file or directory.")
@click.option(
    "--max-rollouts",
    type=click.IntRange(1),
    default=5_000,
    show_default=True,
    help="How many rollouts the page carries; its figures always cover all.",
)
@click.option("--max-mb", type=click.FloatRange(0.1), default=20.0, show_default=True, help="Room for their texts.")
@scoring_options()
@reading_options
def command(
    paths: Paths, output: Path, title: str | None, max_rollouts: int, max_mb: float, scoring: Scoring, reading: Reading
) -> None:
    """Write one HTML page that shows what the model does: figures, curves, alarms, and the rollouts themselves.

    The page needs no network. Rollouts that are not scored yet are scored first; scored ones are taken as they
    are unless a method, grammar, checker … is given.

    \b
    Examples:
      s2r report scored.jsonl -o report.html
      s2r report verl_dumps/ -o run.html --title "my verl run"
      s2r report rollouts.parquet --max-rollouts 500
    """
    rollouts = scoring.all(reading.all_rollouts(paths))
    page = render(rollouts, title or paths[0].name, Limits(max_rollouts, max_mb))
    with atomic_path(output) as partial:
        partial.write_text(page, encoding="utf-8")
    say(f"{len(rollouts):,} rollouts → {output} ({output.stat().st_size / 1e6:.1f} MB)")
