"""The command line of the recipe."""

import dataclasses
import os
import shutil
import time
from importlib.util import find_spec
from pathlib import Path

import click

from .config import LARGE, QUICK, Config, override
from .methods import check
from .runfolder import RunFolder, RunFolderError
from .stages import ALL, STAGES, with_needs
from .studies import SEEDS, STUDIES

COUNT = click.IntRange(1)


def _seeds(ctx: click.Context, param: click.Parameter, value: str | None) -> list[int] | None:
    if value is None:
        return None
    try:
        return list(dict.fromkeys(int(part) for part in value.split(",")))
    except ValueError:
        raise click.BadParameter(f"expected numbers separated by commas, found {value!r}") from None


def _stages(ctx: click.Context, param: click.Parameter, value: str | None) -> list[str]:
    chosen = list(STAGES) if value is None else value.split(",")
    for name in chosen:
        if name not in ALL:
            raise click.BadParameter(f"no stage {name!r}; there are {', '.join(ALL)}")
    return chosen


@click.command(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.option(
    "--quick", is_flag=True, help="A shorter run: fewer steps, problems and rollouts. Studies always do this."
)
@click.option("--seed", "--seeds", "seeds", callback=_seeds, help="Seeds, e.g. 0,1,2.  [0; a study: 0,1,2,3,4]")
@click.option(
    "--out", type=click.Path(path_type=Path), help="Run folder.  [runs/tiny, runs/tiny-quick or runs/tiny-studies]"
)
@click.option("--stages", callback=_stages, help=f"Only these (and what they build on): {','.join(STAGES)}.")
@click.option("--study", type=click.Choice(list(STUDIES)), help="Many runs that answer one question.")
@click.option("--jobs", type=COUNT, help="Stages that run side by side.  [cores, at most 4]")
@click.option("--threads", type=COUNT, default=1, help="Threads per job; part of what a seed reproduces.  [1]")
@click.option("--device", type=click.Choice(["cpu", "cuda"]), default="cpu", help="Where models run.  [cpu]")
@click.option("--size", type=click.Choice(["tiny", "large"]), default="tiny", help="0.1 or 5 M parameters.  [tiny]")
@click.option("--set", "settings", multiple=True, metavar="NAME=VALUE", help="Change one, e.g. online.steps=60.")
@click.option("--fresh", is_flag=True, help="Delete the seed folders (a study: all stored stages) first.")
@click.option("--plots/--no-plots", default=True, help="PNG pictures (needs matplotlib).")
def main(
    quick: bool,
    seeds: list[int] | None,
    out: Path | None,
    stages: list[str],
    study: str | None,
    jobs: int | None,
    threads: int,
    device: str,
    size: str,
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
      s2r recipes run tiny --stages online --set online.method=my_module:METHOD
      s2r recipes run tiny --study controls
    """
    chosen = click.get_current_context().get_parameter_source("stages")
    if study and chosen is not click.core.ParameterSource.DEFAULT:
        raise click.UsageError("a study has stages of its own; drop --stages or --study")
    out = out or Path("runs/tiny-studies" if study else "runs/tiny-quick" if quick else "runs/tiny")
    seeds = seeds or (list(SEEDS) if study else [0])
    preset = (*(LARGE if size == "large" else ()), *(QUICK if study or quick else ()))
    try:
        config = override(Config(threads=threads, device=device), [*preset, *settings])
        check(config)
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    needed = ["torch", "transformers", "tokenizers", *(["matplotlib"] if plots else [])]
    if missing := [m for m in needed if find_spec(m) is None]:
        hint = ", or run it with --no-plots" if missing == ["matplotlib"] else ""
        raise click.ClickException(f"this recipe needs {', '.join(missing)}: pip install 's2r-rewards[tiny]'{hint}")
    if device == "cuda" and not _has_cuda():
        raise click.ClickException("--device cuda: torch finds no CUDA device here; drop --device, or use a CUDA build")
    jobs = jobs or (1 if device == "cuda" else min(4, os.cpu_count() or 1))
    if study:
        from .studies.run import run_study

        run_study(study, config, seeds, out, jobs, plots, fresh)
        return
    folders = [RunFolder(out / f"seed-{s}", dataclasses.replace(config, seed=s)) for s in seeds]
    for folder in folders:
        if fresh and folder.path.exists():
            shutil.rmtree(folder.path)
        try:
            folder.open()
        except RunFolderError as error:
            raise click.ClickException(str(error)) from None
    _run(folders, stages, jobs, out, plots)


def _has_cuda() -> bool:
    import torch

    return torch.cuda.is_available()


def _run(folders: list[RunFolder], stages: list[str], jobs: int, out: Path, plots: bool) -> None:
    from rich.console import Console

    from .pipeline import Task, run
    from .show import summary
    from .show.progress import Watch

    console = Console()
    start = time.monotonic()
    plan = with_needs(stages)
    label = "seed {} {}" if len(folders) > 1 else "{1}"
    tasks = [Task(f, stage, label.format(f.config.seed, stage)) for f in folders for stage in plan]
    with Watch(console, len(tasks)) as progress:
        for task, record in run(tasks, jobs, progress.step):
            summary.write_seed(task.folder)
            progress.done(task, record)
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
