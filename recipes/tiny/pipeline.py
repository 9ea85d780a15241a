"""Runs the stages of one or more seeds, side by side in worker processes where that is allowed."""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from functools import partial
from typing import Any

from .context import Context
from .runfolder import RunFolder
from .show.summary import write_seed
from .stages import STAGES

Task = tuple[int, str]
"""(index of the folder, stage)"""
Listen = Callable[[int, str, int, int, str], None]
"""Progress: seed, stage, steps done, steps in all, a few words."""
_queue: Any = None


Finished = tuple[int, str, dict[str, Any] | None]
"""(seed, stage, its record; None: it had already been finished by an earlier run)"""


def run(folders: list[RunFolder], stages: list[str], jobs: int, listen: Listen) -> Iterator[Finished]:
    """Run what has not finished yet; yields each stage as it is done. Results do not depend on `jobs`."""
    waiting: list[Task] = []
    for i, folder in enumerate(folders):
        for stage in stages:
            if folder.record(stage):
                yield folder.config.seed, stage, None
            else:
                waiting.append((i, stage))
    execute = _in_this_process if jobs == 1 else _in_processes
    for i, stage, record in execute(folders, waiting, jobs, listen):
        folders[i].finish(stage, record)
        write_seed(folders[i])
        yield folders[i].config.seed, stage, record


def run_stage(folder: RunFolder, stage: str, report: Callable[[int, int, str], None]) -> dict[str, Any]:
    """One stage, start to end; returns its record."""
    import torch

    torch.set_num_threads(folder.config.threads)
    wall, cpu = time.perf_counter(), time.process_time()
    context = Context(folder, stage, report)
    STAGES[stage].run(context)
    return {
        "stage": stage,
        "wall_s": round(time.perf_counter() - wall, 2),
        "cpu_s": round(time.process_time() - cpu, 2),
        "metrics": context.metrics,
    }


def _in_this_process(
    folders: list[RunFolder], tasks: list[Task], jobs: int, listen: Listen
) -> Iterator[tuple[int, str, dict[str, Any]]]:
    for i, stage in tasks:
        yield i, stage, run_stage(folders[i], stage, partial(listen, folders[i].config.seed, stage))


def _in_processes(
    folders: list[RunFolder], tasks: list[Task], jobs: int, listen: Listen
) -> Iterator[tuple[int, str, dict[str, Any]]]:
    spawn = multiprocessing.get_context("spawn")
    queue = spawn.Queue()
    waiting = list(tasks)
    running: dict[Future[dict[str, Any]], Task] = {}
    with ProcessPoolExecutor(jobs, spawn, _set_queue, (queue,)) as pool:
        try:
            while waiting or running:
                blocked = {*waiting, *running.values()}
                ready = [t for t in waiting if not any((t[0], n) in blocked for n in STAGES[t[1]].needs)]
                for task in ready[: jobs - len(running)]:
                    waiting.remove(task)
                    running[pool.submit(_work, folders[task[0]], task[1])] = task
                done, _ = wait(running, timeout=0.2, return_when=FIRST_COMPLETED)
                while not queue.empty():
                    listen(*queue.get())
                for future in done:
                    i, stage = running.pop(future)
                    yield i, stage, future.result()
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _set_queue(queue: Any) -> None:
    global _queue
    _queue = queue


def _work(folder: RunFolder, stage: str) -> dict[str, Any]:
    last = 0.0

    def report(done: int, total: int, text: str) -> None:
        nonlocal last
        if done == total or time.monotonic() - last > 0.2:
            last = time.monotonic()
            _queue.put((folder.config.seed, stage, done, total, text))

    return run_stage(folder, stage, report)
