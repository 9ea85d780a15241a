"""A pool of killable worker processes for what cannot be bounded from inside: computer algebra.

A worker is a plain subprocess (see :mod:`.worker`) over two pipes: no ``fork``, no ``spawn`` machinery, no signals, so
the pool works in the main thread, in threads, in asyncio executors and in Ray workers alike. A worker that exceeds the
wall-clock or memory limit is killed and replaced; the check that it worked on is a ``timeout``, and no other check
waits for it. A forked child starts its own workers; workers are closed at exit and die with their parent.
"""

import atexit
import contextlib
import json
import os
import select
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

MEMORY_LIMIT = 2 << 30


class WorkerDied(Exception):
    """The worker stopped without an answer; the message says why."""


class Worker:
    """One worker process; used by one thread at a time."""

    def __init__(self, backend: str, memory_limit: int) -> None:
        root = str(Path(__file__).resolve().parents[3])
        path = os.pathsep.join([root, *filter(None, [os.environ.get("PYTHONPATH")])])
        self.process = subprocess.Popen(
            [sys.executable, "-m", "s2r_rewards.answers.workers.worker", str(memory_limit), backend],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1"},
            start_new_session=True,  # a Ctrl-C at the terminal is the parent's business
        )
        self.buffer = b""
        self.ready = False

    def wait_ready(self, limit: float) -> bool:
        """Whether the worker has started within ``limit`` seconds; raises :class:`WorkerDied` if it cannot."""
        if not self.ready:
            self.ready = self._line(limit) is not None
        return self.ready

    def ask(self, request: dict[str, Any], limit: float) -> dict[str, Any] | None:
        """The reply, or None when it did not come within ``limit`` seconds."""
        assert self.process.stdin is not None
        try:
            self.process.stdin.write(json.dumps(request).encode() + b"\n")
            self.process.stdin.flush()
        except OSError:
            raise WorkerDied("the worker is gone") from None
        line = self._line(limit)
        return None if line is None else json.loads(line)

    def _line(self, limit: float) -> bytes | None:
        assert self.process.stdout is not None
        pipe, deadline = self.process.stdout.fileno(), time.monotonic() + limit
        poller = select.poll()  # unlike select(), not limited to descriptors below 1024
        poller.register(pipe, select.POLLIN | select.POLLHUP)
        while b"\n" not in self.buffer:
            left = deadline - time.monotonic()
            if left <= 0 or not poller.poll(max(1, int(left * 1000))):
                return None
            chunk = os.read(pipe, 65_536)
            if not chunk:
                raise WorkerDied("the worker stopped (out of memory, or its libraries are missing)")
            self.buffer += chunk
        line, _, self.buffer = self.buffer.partition(b"\n")
        return line

    def kill(self) -> None:
        """End the process, whatever it is doing."""
        self.close_pipes()
        with contextlib.suppress(OSError):
            self.process.kill()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(timeout=5)

    def close_pipes(self) -> None:
        """Close our ends of its pipes."""
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()


class Pool:
    """Workers for one backend: started when needed, reused, at most as many as there are concurrent checks."""

    def __init__(self, backend: str, memory_limit: int = MEMORY_LIMIT) -> None:
        self.backend = backend
        self.memory_limit = memory_limit
        self.lock = threading.Lock()
        self.idle: list[Worker] = []
        self.all: set[Worker] = set()

    def call(self, gold: str, answer: str, limit: float, start_limit: float) -> dict[str, Any]:
        """The worker's reply; ``{"timeout": why}`` when it was killed or is still starting."""
        worker = self._take()
        keep = False
        try:
            if not worker.wait_ready(start_limit):
                keep = True  # it goes on starting and serves a later check
                return {"timeout": "the worker is still starting"}
            reply = worker.ask({"gold": gold, "answer": answer}, limit) or {"timeout": f"over {limit:g} s"}
            keep = "timeout" not in reply
            return reply
        except WorkerDied as error:
            return {"timeout": str(error)}
        finally:
            self._give(worker, keep)

    def _take(self) -> Worker:
        with self.lock:
            if self.idle:
                return self.idle.pop()
        worker = Worker(self.backend, self.memory_limit)
        with self.lock:
            self.all.add(worker)
        return worker

    def _give(self, worker: Worker, keep: bool) -> None:
        with self.lock:
            if keep:
                self.idle.append(worker)
                return
            self.all.discard(worker)
        worker.kill()
        if worker.ready:  # one that could not even start would only fail again
            replacement = Worker(self.backend, self.memory_limit)
            with self.lock:
                self.all.add(replacement)
                self.idle.append(replacement)

    def close(self) -> None:
        """Kill every worker; the pool starts new ones when it is used again."""
        with self.lock:
            workers, self.all, self.idle = list(self.all), set(), []
        for worker in workers:
            worker.kill()


_pools: dict[str, Pool] = {}
_pools_lock = threading.Lock()


def pool_for(backend: str) -> Pool:
    """The process-wide pool of a backend."""
    with _pools_lock:
        return _pools.setdefault(backend, Pool(backend))


def close_pools() -> None:
    """Kill the workers of every pool (also done at exit)."""
    for pool in list(_pools.values()):
        pool.close()


def _forget_after_fork() -> None:
    """In a forked child: the parent's workers are not ours; only close our copies of their pipes."""
    global _pools_lock
    _pools_lock = threading.Lock()
    for pool in _pools.values():
        for worker in list(pool.all):
            worker.close_pipes()
    _pools.clear()


atexit.register(close_pools)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_after_fork)
