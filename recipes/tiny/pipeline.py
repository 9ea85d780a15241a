"""Runs the stages of one or more seeds, side by side in worker processes where that is allowed."""

import multiprocessing
import time
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from functools import partial
from importlib import import_module
from typing import Any

from .runfolder import RunFolder
from .show.summary import write_seed
from .stages import STAGES

Task = tuple[RunFolder, str]
"""(a seed's folder, stage)"""
Record = dict[str, Any]
"""What a finished stage leaves behind: wall_s, cpu_s, metrics."""
Listen = Callable[[int, str, int, int, str], None]
"""Progress: seed, stage, steps done, steps in all, a few words."""
_queue: Any = None


def run(
    folders: list[RunFolder], stages: list[str], jobs: int, listen: Listen
) -> Iterator[tuple[int, str, Record | None]]:
    """Run what has not finished yet; yields (seed, stage, its record) of each stage as it is done.

    The record is None where an earlier run had finished the stage. Results do not depend on `jobs`.
    """
    waiting: list[Task] = []
    for folder in folders:
        for stage in stages:
            if folder.record(stage):
                yield folder.config.seed, stage, None
            else:
                waiting.append((folder, stage))
    for folder, stage, record in (
        _in_this_process(waiting, listen) if jobs == 1 else _in_processes(waiting, jobs, listen)
    ):
        folder.finish(stage, record)
        write_seed(folder)
        yield folder.config.seed, stage, record


def _run_stage(folder: RunFolder, stage: str, report: Callable[[int, int, str], None]) -> Record:
    """One stage, start to end."""
    import torch

    from .context import Context

    torch.set_num_threads(folder.config.threads)
    wall, cpu = time.perf_counter(), time.process_time()
    context = Context(folder, stage, report)
    module, function = STAGES[stage].function.split(":")
    getattr(import_module(f".stages.{module}", __package__), function)(context)
    return {
        "stage": stage,
        "wall_s": round(time.perf_counter() - wall, 2),
        "cpu_s": round(time.process_time() - cpu, 2),
        "metrics": context.metrics,
    }


def _in_this_process(tasks: list[Task], listen: Listen) -> Iterator[tuple[RunFolder, str, Record]]:
    for folder, stage in tasks:
        yield folder, stage, _run_stage(folder, stage, partial(listen, folder.config.seed, stage))


def _in_processes(waiting: list[Task], jobs: int, listen: Listen) -> Iterator[tuple[RunFolder, str, Record]]:
    spawn = multiprocessing.get_context("spawn")
    queue = spawn.Queue()
    running: dict[Future[Record], Task] = {}
    with ProcessPoolExecutor(jobs, spawn, _set_queue, (queue,)) as pool:
        try:
            while waiting or running:
                blocked = [*waiting, *running.values()]
                ready = [(f, s) for f, s in waiting if not any((f, need) in blocked for need in STAGES[s].needs)]
                for task in ready[: jobs - len(running)]:
                    waiting.remove(task)
                    running[pool.submit(_work, *task)] = task
                done, _ = wait(running, timeout=0.2, return_when=FIRST_COMPLETED)
                while not queue.empty():
                    listen(*queue.get())
                for future in done:
                    yield *running.pop(future), future.result()
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _set_queue(queue: Any) -> None:
    global _queue
    _queue = queue


def _work(folder: RunFolder, stage: str) -> Record:
    last = 0.0

    def report(done: int, total: int, text: str) -> None:
        nonlocal last
        if done == total or time.monotonic() - last > 0.2:
            last = time.monotonic()
            _queue.put((folder.config.seed, stage, done, total, text))

    return _run_stage(folder, stage, report)
