"""s2r report: one self-contained HTML page out of stored rollouts."""

from pathlib import Path

import click
from click.core import ParameterSource

from s2r_rewards.cli.kit.finding import distinct_names, find_files, waiting_files
from s2r_rewards.cli.kit.paths import OutputFile, verb
from s2r_rewards.cli.kit.reading import Paths, Reading, paths_argument, reading_options
from s2r_rewards.cli.kit.scoring import Scoring, scoring_options
from s2r_rewards.cli.kit.show import Progress, say
from s2r_rewards.report import MOST_RUNS, Limits, render_compared, render_run
from s2r_rewards.report.parts import Rules
from s2r_rewards.report.sources import Stored
from s2r_rewards.rollouts.records import atomic_path

PAGE = OutputFile(".html", ".htm")


@verb()
@paths_argument
@click.option("-o", "--output", type=PAGE, default="report.html", show_default=True, help="Where the page goes.")
@click.option("--title", help="Default: the names of the runs.")
@click.option("--name", "names", multiple=True, help="The name of a run, once for each. [default: from the paths]")
@click.option("--follow", is_flag=True, help="Serve the page of a run that is still going, and keep it up to date.")
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="With --follow. [default: any that is free]")
@click.option("--no-browser", is_flag=True, help="With --follow: print the address and open nothing.")
@click.option(
    "--trained-on",
    type=click.IntRange(1),
    multiple=True,
    help="Training examples of a run, once for each, for the paper's figure 1 (data efficiency).",
)
@click.option("--merge", is_flag=True, help="The files and folders are parts of one run.")
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
    paths: Paths,
    output: Path,
    title: str | None,
    names: tuple[str, ...],
    follow: bool,
    port: int,
    no_browser: bool,
    trained_on: tuple[int, ...],
    merge: bool,
    max_rollouts: int,
    max_mb: float,
    scoring: Scoring,
    reading: Reading,
) -> None:
    """Write one HTML page that shows what the model does: figures, curves, alarms, and the rollouts themselves.

    Several files or folders are several runs, side by side: what changed against the first, and on which problems.
    A folder is one run, as are files with --merge.

    With --follow the page of one run is served on 127.0.0.1 until Ctrl-C, and shows rollouts as its files grow. All of
    them: texts are kept in an index on disk.

    The page needs no network. Rollouts that are not scored yet are scored first; scored ones are taken as they
    are unless a method, grammar, checker … is given.

    \b
    Examples:
      s2r report scored.jsonl -o report.html
      s2r report verl_dumps/ -o run.html --title "my verl run"
      s2r report rollouts.parquet --max-rollouts 500
      s2r report before.jsonl after.jsonl --name SFT --name RL
      s2r report part-1.jsonl part-2.jsonl --merge
      s2r report verl_dumps/ --follow
    """
    _check_follow(follow)
    named = _runs(paths, names, merge or follow)
    if trained_on and len(trained_on) != len(named):
        given = f"{len(trained_on)} numbers for {len(named)} runs; expected one each"
        raise click.BadParameter(given, param_hint="--trained-on")
    if len(named) > 1:
        say(f"{len(named)} runs side by side: {', '.join(named)} (--merge takes them for parts of one)")
    if follow:
        _follow(paths, title or " · ".join(named), port, not no_browser, scoring, reading)
        return
    title, limits = title or " · ".join(named), Limits(max_rollouts, max_mb)
    if len(named) > 1:
        runs = {name: _stored(parts, scoring, reading, compared=True) for name, parts in named.items()}
        count = sum(len(one.flags) for one in runs.values())
        page = render_compared(runs, title, limits, trained_on)
    else:
        run = _stored(paths, scoring, reading)
        count, page = len(run.flags), render_run(run, title, limits, trained_on)
    with atomic_path(output) as partial:
        partial.write_text(page, encoding="utf-8")
    say(f"{count:,} rollouts → {output} ({output.stat().st_size / 1e6:.1f} MB)")


def _check_follow(follow: bool) -> None:
    """Raises UsageError for options that would be ignored."""
    given = click.get_current_context().get_parameter_source
    alone = ("port", "no_browser")
    never = dict.fromkeys(("output", "names", "trained_on", "max_rollouts", "max_mb"), "writes no file") | {
        "merge": "takes all that is named for one run",
        "on_error": "leaves bad records out and counts them",
    }
    for name in never if follow else alone:
        if given(name) is ParameterSource.COMMANDLINE:
            flag = {"names": "--name"}.get(name, f"--{name.replace('_', '-')}")
            raise click.UsageError(
                f"{flag} is of no use with --follow, which {never[name]}" if follow else f"{flag} needs --follow"
            )


def _follow(paths: Paths, title: str, port: int, browser: bool, scoring: Scoring, reading: Reading) -> None:
    from s2r_rewards.report.live.following import Following
    from s2r_rewards.report.live.server import Server

    def find() -> list[Path]:
        return [file for path in paths for file in waiting_files(path)]

    rules = Rules(scoring.options, reading.fields, bool(scoring.asked))
    following = Following(find, rules, tell=say)
    try:
        server = Server(following, title, port)
    except OSError as error:
        following.index.close()
        raise click.UsageError(f"--port {port}: {error.strerror or error}; choose another, or none") from error
    click.echo(server.address)
    say("Ctrl-C ends it.")
    server.follow(browser)


def _stored(paths: Paths, scoring: Scoring, reading: Reading, compared: bool = False) -> Stored:
    """The rollouts of one run, read in parts: never all of them are in memory."""
    rules = Rules(scoring.options, reading.fields, bool(scoring.asked), compared)
    with reading, Progress("reading") as bar:
        run = Stored(find_files(paths), rules, reading, bar.advance)
    if not run.flags:
        raise ValueError("there are no rollouts in the files given")
    return run


def _runs(paths: Paths, names: tuple[str, ...], merge: bool) -> dict[str, Paths]:
    """Run → its files and folders. Raises UsageError for names that do not fit."""
    parts = [paths] if merge or len(paths) == 1 else [(path,) for path in paths]
    if len(parts) > MOST_RUNS:
        raise click.UsageError(
            f"{len(parts)} files or folders: at most {MOST_RUNS} runs can be read side by side; "
            "give their folder, or --merge where they are parts of one run"
        )
    if names and len({*names}) != len(parts):
        raise click.BadParameter(
            f"{len({*names})} different names for {len(parts)} runs; expected one each", param_hint="--name"
        )
    return dict(zip(names or distinct_names([part[0] for part in parts]), parts, strict=True))
