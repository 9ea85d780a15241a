"""The command line of the recipe."""

import dataclasses
import os
import shutil
import time
from importlib.util import find_spec
from pathlib import Path

import click

from .config import QUICK, Config, ConfigError, override
from .runfolder import RunFolder, RunFolderError
from .stages import STAGES, with_needs

COUNT = click.IntRange(1)


def _seeds(ctx: click.Context, param: click.Parameter, value: str) -> list[int]:
    try:
        return list(dict.fromkeys(int(part) for part in value.split(",")))
    except ValueError:
        raise click.BadParameter(f"expected numbers separated by commas, found {value!r}") from None


def _stages(ctx: click.Context, param: click.Parameter, value: str | None) -> list[str]:
    chosen = list(STAGES) if value is None else value.split(",")
    for name in chosen:
        if name not in STAGES:
            raise click.BadParameter(f"no stage {name!r}; there are {', '.join(STAGES)}")
    return chosen


@click.command(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.option("--quick", is_flag=True, help="A shorter run: fewer steps, problems and rollouts.")
@click.option("--seed", "--seeds", "seeds", default="0", callback=_seeds, help="Seeds, e.g. 0,1,2.  [0]")
@click.option("--out", type=click.Path(path_type=Path), help="Run folder.  [runs/tiny or runs/tiny-quick]")
@click.option("--stages", callback=_stages, help=f"Only these (and what they build on): {','.join(STAGES)}.")
@click.option("--jobs", type=COUNT, help="Stages that run side by side.  [cores, at most 4]")
@click.option("--threads", type=COUNT, default=1, help="Threads per job; part of what a seed reproduces.  [1]")
@click.option("--set", "settings", multiple=True, metavar="NAME=VALUE", help="Change one, e.g. online.steps=60.")
@click.option("--fresh", is_flag=True, help="Delete the seed folders first instead of resuming.")
@click.option("--plots/--no-plots", default=True, help="PNG pictures (needs matplotlib).")
def main(
    quick: bool,
    seeds: list[int],
    out: Path | None,
    stages: list[str],
    jobs: int | None,
    threads: int,
    settings: tuple[str, ...],
    fresh: bool,
    plots: bool,
) -> None:
    """The whole of S²R on a CPU: a tiny model learns to verify and correct itself.

    An interrupted run goes on where it stopped when the same command is given again.

    \b
    Examples:
      s2r recipes run tiny --quick
      s2r recipes run tiny --seeds 0,1,2
      s2r recipes run tiny --stages bi,prl --set online.steps=60 --out runs/longer
    """
    out = out or Path("runs/tiny-quick" if quick else "runs/tiny")
    try:
        config = override(Config(threads=threads), [*(QUICK if quick else ()), *settings])
    except ConfigError as error:
        raise click.UsageError(str(error)) from None
    folders = [RunFolder(out / f"seed-{s}", dataclasses.replace(config, seed=s)) for s in seeds]
    for folder in folders:
        if fresh and folder.path.exists():
            shutil.rmtree(folder.path)
        try:
            folder.open()
        except RunFolderError as error:
            raise click.ClickException(str(error)) from None
    needed = ["torch", "transformers", "tokenizers", *(["matplotlib"] if plots else [])]
    if missing := [m for m in needed if find_spec(m) is None]:
        hint = ", or run it with --no-plots" if missing == ["matplotlib"] else ""
        raise click.ClickException(f"this recipe needs {', '.join(missing)}: pip install 's2r-rewards[tiny]'{hint}")
    _run(folders, stages, jobs or min(4, os.cpu_count() or 1), out, plots)


def _run(folders: list[RunFolder], stages: list[str], jobs: int, out: Path, plots: bool) -> None:
    from rich.console import Console

    from .pipeline import run
    from .show import summary
    from .show.progress import Watch

    console = Console()
    start = time.monotonic()
    plan = with_needs(stages)
    with Watch(console, len(folders) * len(plan), len(folders) > 1) as progress:
        for finished in run(folders, plan, jobs, progress.step):
            progress.done(*finished)
    seeds = [f.path for f in folders]
    found = summary.gather(seeds)
    console.print()
    summary.show(found, console)
    summary.write_summary(out, found)
    written = [out / "summary.json", out / "table.md"]
    if plots:
        from .show.plots import draw_all

        written += draw_all(out, seeds, found)
    lines = [f"{time.monotonic() - start:.0f} s. Everything is in {out}:", *(f"  {path}" for path in written)]
    lines.append(f"Read the rollouts: s2r report {seeds[0] / 'rollouts' / (plan[-1] + '.jsonl')}")
    for line in lines:
        console.print(line, highlight=False)
