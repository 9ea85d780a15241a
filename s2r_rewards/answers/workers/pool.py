"""The pool of worker processes for what cannot be bounded from inside: computer algebra, and large batches.

One pool a process, shared by all threads and all tasks; at most ``capacity`` workers, handed out in the order in
which they were asked for. A check is bounded by the **CPU time** that its worker spends on it, so a busy machine makes
it slow, not wrong; a wall-clock limit far above that is for a machine that stands still. Waiting for a turn and starting
up cost a check nothing. A worker past its limits is killed and replaced, and no other check notices.

No ``fork`` of the caller, no ``spawn`` machinery and no signals in it: the pool works in the main thread, in threads, in
asyncio executors and in Ray workers alike (see :mod:`.nursery`). A forked child starts a pool of its own; all processes
are closed at exit and end with their parent.
"""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .wire import Line

CAPACITY = 2
#: Of a worker's address space, in bytes.
MEMORY_LIMIT = 448 << 20
#: Checks that one worker serves; what its libraries cached meanwhile must not fill its memory.
LIFETIME = 200
START_LIMIT = 120.0
#: Bytes that may be on their way to a worker, as far as the system allows.
_BUFFER = 4 << 20


def wall_limit(cpu_limit: float) -> float:
    """Seconds after which a machine that gives a worker no CPU time is given up."""
    return max(60.0, 60.0 * cpu_limit)


class WorkerDied(Exception):
    """The worker stopped without an answer; the message says why."""


@dataclass(frozen=True)
class Task:
    """What a worker does: a function ``(request) -> reply`` of JSON objects, and a request that loads all it needs."""

    function: str
    """``package.module:name``"""
    warm_up: dict[str, Any] = field(hash=False)


class Worker:
    """One worker process; used by one thread at a time."""

    def __init__(self, task: Task, pid: int, end: socket.socket) -> None:
        self.task, self.pid = task, pid
        self.line = Line(end)
        self.served = 0

    def ask(self, request: dict[str, Any], cpu_limit: float) -> dict[str, Any] | None:
        """The reply; None when the worker is gone or did not reply within the wall-clock limit."""
        wall = wall_limit(cpu_limit)
        self.served += 1
        try:
            self.line.send({**request, "limit": cpu_limit}, wall)
            return self.line.receive(wall)
        except (OSError, EOFError):  # TimeoutError is an OSError
            return None

    def close(self) -> None:
        """Close our end."""
        self.line.end.close()


class NurseryHandle:
    """The caller's end of a nursery; one order at a time."""

    def __init__(self, memory_limit: int) -> None:
        root = str(Path(__file__).resolve().parents[3])
        path = os.pathsep.join([root, *filter(None, [os.environ.get("PYTHONPATH")])])
        self.lock = threading.Lock()
        ours, theirs = socket.socketpair()
        self.line = Line(ours)
        with theirs:
            number = theirs.fileno()
            self.process = subprocess.Popen(
                [sys.executable, "-m", "s2r_rewards.answers.workers.nursery", str(number), str(memory_limit)],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env={**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1"},
                pass_fds=[number],
                start_new_session=True,  # a Ctrl-C at the terminal is the parent's business
            )

    def start(self, task: Task) -> Worker:
        """A new worker. WorkerDied if the nursery is gone or cannot load what the worker needs."""
        ours, theirs = socket.socketpair()
        for end in ours, theirs:  # each write that has to wait gives up the interpreter: a chunk should fit into one
            end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _BUFFER)
        with theirs:
            try:
                reply = self._order({"start": task.function, "warm_up": task.warm_up}, [theirs.fileno()])
            except WorkerDied:
                ours.close()
                raise
        if "error" in reply:
            ours.close()
            raise WorkerDied(f"the worker cannot start: {reply['error']}")
        return Worker(task, reply["pid"], ours)

    def end(self, worker: Worker) -> int:
        """Kill a worker; how it had ended before, if it had."""
        worker.close()
        try:
            return int(self._order({"end": worker.pid})["status"])
        except WorkerDied:
            return 0

    def _order(self, order: dict[str, Any], descriptors: list[int] | None = None) -> dict[str, Any]:
        with self.lock:
            try:
                self.line.end.settimeout(START_LIMIT)
                socket.send_fds(self.line.end, [json.dumps(order).encode()], descriptors or [])
                return self.line.receive(START_LIMIT)
            except (OSError, EOFError):
                raise WorkerDied("the workers cannot start (out of memory, or the libraries are missing)") from None

    def close(self) -> None:
        """End the nursery, and with it its workers."""
        self.line.end.close()
        try:
            self.process.wait(timeout=2)
        except subprocess.TimeoutExpired:  # it is loading
            self.process.kill()
            self.process.wait(timeout=5)


class Pool:
    """Workers that are started when needed and reused; at most ``capacity`` at a time."""

    def __init__(self, capacity: int = CAPACITY, memory_limit: int = MEMORY_LIMIT) -> None:
        self.capacity, self.memory_limit = capacity, memory_limit
        self.lock = threading.Lock()
        self.all: set[Worker] = set()
        self._idle: list[Worker] = []
        self._busy = 0
        self._waiting: deque[threading.Event] = deque()
        self._nursery: NurseryHandle | None = None

    def call(self, task: Task, request: dict[str, Any], cpu_limit: float) -> dict[str, Any]:
        """The worker's reply to a request; ``{"timeout": why}`` when it went over a limit."""
        with self._turn():
            try:
                worker = self._worker(task)
            except WorkerDied as error:
                return {"timeout": str(error)}
            reply = None
            try:
                reply = worker.ask(request, cpu_limit)
            finally:
                status = self._put_back(worker, keep=reply is not None and "timeout" not in reply)
            return reply if reply is not None else {"timeout": _why(status, cpu_limit)}

    @contextlib.contextmanager
    def _turn(self) -> Iterator[None]:
        """First come, first served."""
        turn = threading.Event()
        with self.lock:
            if self._busy < self.capacity:
                self._busy += 1
                turn.set()
            else:
                self._waiting.append(turn)
        try:
            turn.wait()
            yield
        finally:
            with self.lock:
                if not turn.is_set():  # interrupted while waiting
                    self._waiting.remove(turn)
                elif self._waiting and self._busy <= self.capacity:
                    self._waiting.popleft().set()
                else:
                    self._busy -= 1

    def _worker(self, task: Task) -> Worker:
        """An idle worker, or a new one in the place of one that can do something else."""
        with self.lock:
            found = next((worker for worker in self._idle if worker.task == task), None)
            spare = None
            if found is not None:
                self._idle.remove(found)
                return found
            if self._idle and len(self.all) >= self.capacity:
                spare = self._idle.pop(0)
        if spare is not None:
            self._put_back(spare, keep=False)
        nursery = self._nursery_at_hand()
        try:
            worker = nursery.start(task)
        except WorkerDied:
            if nursery.process.poll() is None:
                raise
            self._forget(nursery)  # somebody killed it: once more with a new one
            worker = self._nursery_at_hand().start(task)
        with self.lock:
            self.all.add(worker)
        return worker

    def _nursery_at_hand(self) -> NurseryHandle:
        with self.lock:
            if self._nursery is None:
                self._nursery = NurseryHandle(self.memory_limit)
            return self._nursery

    def _forget(self, dead: NurseryHandle) -> None:
        with self.lock:
            if self._nursery is not dead:
                return
            self._nursery, idle, self._idle = None, self._idle, []
            self.all -= set(idle)
        for worker in idle:
            worker.close()
        dead.close()

    def _put_back(self, worker: Worker, keep: bool) -> int:
        """Keep a worker for later, or end it; how it ended."""
        with self.lock:
            if keep and worker.served < LIFETIME and worker in self.all:
                self._idle.append(worker)
                return 0
            self.all.discard(worker)
            nursery = self._nursery
        worker.close()
        return 0 if nursery is None else nursery.end(worker)

    def close(self) -> None:
        """End every process; the pool starts new ones when it is used again."""
        with self.lock:
            workers, self.all, self._idle = list(self.all), set(), []
            nursery, self._nursery = self._nursery, None
        for worker in workers:
            worker.close()
        if nursery is not None:
            nursery.close()

    def abandon(self) -> None:
        """In a forked child: the processes are the parent's; only close our copies of the sockets."""
        for worker in list(self.all):
            worker.close()
        if self._nursery is not None:
            self._nursery.line.end.close()


def _why(status: int, cpu_limit: float) -> str:
    if status == -signal.SIGPROF:
        return f"over {cpu_limit:g} s of CPU time"
    if status == -signal.SIGKILL:
        return f"the worker was killed, or stood still for {wall_limit(cpu_limit):g} s"
    return f"the worker stopped (exit status {status})"


_pool = Pool()
_inherited: list[Pool] = []  # kept, so that nothing waits for a process of the parent


def shared_pool() -> Pool:
    """The one pool of this process."""
    return _pool


def close_pools() -> None:
    """End all workers (also done at exit)."""
    _pool.close()


def _after_fork() -> None:
    global _pool
    _pool.abandon()
    _inherited.append(_pool)
    _pool = Pool(_pool.capacity, _pool.memory_limit)


atexit.register(close_pools)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
