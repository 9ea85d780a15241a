"""Runs a study: its arms for every seed, then its table, figures and picture."""

import shutil
import time
from dataclasses import replace
from pathlib import Path

from rich.console import Console

from ..config import Config, override
from ..pipeline import Task, run
from ..show.progress import Watch
from ..stages import with_needs
from . import STUDIES, Arm, arms_of
from .results import Found, write_results
from .store import StoredRun


def run_study(name: str, config: Config, seeds: list[int], out: Path, jobs: int, plots: bool, fresh: bool) -> None:
    """Results go to `out/name`, the stages behind them to `out/store`, where other studies find them."""
    console, start = Console(), time.monotonic()
    study, arms = STUDIES[name], arms_of(name)
    if fresh and (out / "store").exists():
        shutil.rmtree(out / "store")
    runs = {arm: [_stored(out, config, arm, seed) for seed in seeds] for arm in arms}
    tasks: list[Task] = []
    for i, seed in enumerate(seeds):  # seed by seed: an interrupted study has whole seeds
        for arm in arms:
            needed = with_needs([arm.stage])
            labels = [*(f"seed {seed} {stage}" for stage in needed[:-1]), f"seed {seed} {arm.label}"]
            tasks += [Task(runs[arm][i], stage, label) for stage, label in zip(needed, labels, strict=True)]
    with Watch(console, len({task.key for task in tasks})) as progress:
        for task, record in run(tasks, jobs, progress.step):
            progress.done(task, record)
            if record is not None and task.label.endswith(tuple(arm.label for arm in arms)):
                write_results(out / name, study, _found(runs))
    written = write_results(out / name, study, _found(runs))
    if plots:
        from .picture import draw

        written += draw(out / name, study, _found(runs))
    console.print((out / name / "table.md").read_text(), highlight=False)
    console.print(f"{time.monotonic() - start:.0f} s. Written:", *(f"  {path}" for path in written), sep="\n")


def _stored(out: Path, config: Config, arm: Arm, seed: int) -> StoredRun:
    return StoredRun(out / "store", override(replace(config, seed=seed), arm.settings))


def _found(runs: dict[Arm, list[StoredRun]]) -> Found:
    """The metrics of every arm, for the seeds that all arms have finished."""
    records = {arm: [run.record(arm.stage) for run in of_seeds] for arm, of_seeds in runs.items()}
    whole = [i for i in range(len(next(iter(runs.values())))) if all(found[i] for found in records.values())]
    seeds = [next(iter(runs.values()))[i].config.seed for i in whole]
    return Found(seeds, {arm: [found[i]["metrics"] for i in whole] for arm, found in records.items()})  # type: ignore[index]
