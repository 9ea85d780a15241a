"""Runs stages of one or more folders, side by side in worker processes where that is allowed."""

import multiprocessing
import time
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

from .runfolder import RunFolder
from .stages import ALL

Record = dict[str, Any]
"""What a finished stage leaves behind: wall_s, cpu_s, metrics."""
Listen = Callable[[str, int, int, str], None]
"""Progress: the task's label, steps done, steps in all, a few words."""
_queue: Any = None


@dataclass(frozen=True)
class Task:
    folder: RunFolder
    stage: str
    label: str
    """For people."""

    @property
    def key(self) -> tuple[Path, str]:
        """Equal for tasks that would write the same files."""
        return self.folder.home(self.stage), self.stage

    @property
    def needs(self) -> list[tuple[Path, str]]:
        return [(self.folder.home(need), need) for need in ALL[self.stage].needs]


def run(tasks: list[Task], jobs: int, listen: Listen) -> Iterator[tuple[Task, Record | None]]:
    """Run what has not finished yet; yields each task as it is done, with its record.

    The record is None where an earlier run had finished the stage. A task comes after those that it needs. Results do
    not depend on `jobs`.
    """
    waiting: list[Task] = []
    first: dict[tuple[Path, str], Task] = {}
    for task in tasks:
        first.setdefault(task.key, task)
    for task in first.values():
        if task.folder.record(task.stage):
            yield task, None
        else:
            waiting.append(task)
    for task, record in _in_this_process(waiting, listen) if jobs == 1 else _in_processes(waiting, jobs, listen):
        task.folder.finish(task.stage, record)
        yield task, record


def _run_stage(folder: RunFolder, stage: str, report: Callable[[int, int, str], None]) -> Record:
    """One stage, start to end."""
    import torch

    from .context import Context

    torch.set_num_threads(folder.config.threads)
    wall, cpu = time.perf_counter(), time.process_time()
    context = Context(folder, stage, report)
    module, function = ALL[stage].function.split(":")
    getattr(import_module(f".stages.{module}", __package__), function)(context)
    return {
        "stage": stage,
        "wall_s": round(time.perf_counter() - wall, 2),
        "cpu_s": round(time.process_time() - cpu, 2),
        "metrics": context.metrics,
    }


def _in_this_process(tasks: list[Task], listen: Listen) -> Iterator[tuple[Task, Record]]:
    for task in tasks:
        yield task, _run_stage(task.folder, task.stage, partial(listen, task.label))


def _in_processes(waiting: list[Task], jobs: int, listen: Listen) -> Iterator[tuple[Task, Record]]:
    spawn = multiprocessing.get_context("spawn")
    queue = spawn.Queue()
    running: dict[Future[Record], Task] = {}
    with ProcessPoolExecutor(jobs, spawn, _set_queue, (queue,)) as pool:
        try:
            while waiting or running:
                blocked = {task.key for task in [*waiting, *running.values()]}
                ready = [task for task in waiting if blocked.isdisjoint(task.needs)]
                for task in ready[: jobs - len(running)]:
                    waiting.remove(task)
                    running[pool.submit(_work, task)] = task
                done, _ = wait(running, timeout=0.2, return_when=FIRST_COMPLETED)
                while not queue.empty():
                    listen(*queue.get())
                for future in done:
                    yield running.pop(future), future.result()
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _set_queue(queue: Any) -> None:
    global _queue
    _queue = queue


def _work(task: Task) -> Record:
    last = 0.0

    def report(done: int, total: int, text: str) -> None:
        nonlocal last
        if done == total or time.monotonic() - last > 0.2:
            last = time.monotonic()
            _queue.put((task.label, done, total, text))

    return _run_stage(task.folder, task.stage, report)
