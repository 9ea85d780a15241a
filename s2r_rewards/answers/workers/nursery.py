"""The nursery: a process that loads the libraries once and forks a worker in milliseconds whenever one is needed.

Started as ``python -m s2r_rewards.answers.workers.nursery DESCRIPTOR MEMORY_BYTES``, so it never imports the parent's
``__main__``, and it imports neither torch nor a training framework. It has one thread, so that forking is safe. It takes
orders over one socket: ``{"start": "package.module:function", "warm_up": request}`` with the worker's end of a socket,
and ``{"end": pid}``. It ends with its parent,
and its workers end with it.

What bounds a worker is the kernel, whatever Python is doing: a timer over its CPU time (``ITIMER_PROF``, whose signal
ends the process) and a limit on its address space.
"""

from __future__ import annotations

import contextlib
import gc
import json
import logging
import os
import select
import signal
import socket
import sys
from collections.abc import Callable
from typing import Any

from s2r_rewards.resolve import load_object

from .wire import Line

Task = Callable[[dict[str, Any]], dict[str, Any]]
_HEARTBEAT = 1.0


def serve(end: socket.socket, task: Task, memory: int) -> None:
    """A worker's life: requests one by one until nobody asks, or until one ran out of memory."""
    signal.signal(signal.SIGPROF, signal.SIG_DFL)
    _limit_memory(memory)
    line, parent = Line(end), os.getppid()
    while True:
        try:
            request = line.receive(_HEARTBEAT)
        except TimeoutError:
            if os.getppid() != parent:
                return
            continue
        except EOFError:
            return
        signal.setitimer(signal.ITIMER_PROF, request["limit"])
        try:
            reply = task(request)
        except MemoryError:
            reply = {"timeout": "over the memory limit"}
        signal.setitimer(signal.ITIMER_PROF, 0)
        line.send(reply)
        if "timeout" in reply:
            return


def _limit_memory(size: int) -> None:
    import resource

    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    soft = size if hard == resource.RLIM_INFINITY else min(size, hard)
    with contextlib.suppress(ValueError, OSError):  # a platform that does not bound the address space
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


class Nursery:
    """Carries out the orders."""

    def __init__(self, control: socket.socket, memory: int) -> None:
        self.control, self.memory = control, memory
        self.loaded: dict[str, Task] = {}
        self.children: set[int] = set()

    def carry_out(self, order: dict[str, Any], descriptors: list[int]) -> dict[str, Any]:
        """The reply to one order."""
        if "end" in order:
            return {"status": self.end(order["end"])}
        name: str = order["start"]
        end = socket.socket(fileno=descriptors[0])
        try:
            if name not in self.loaded:
                task: Any = load_object(name, "task")
                task(order["warm_up"])
                self.loaded[name] = task
                gc.collect()
                gc.freeze()  # what was loaded stays shared with the workers
            pid = os.fork()
            if pid == 0:
                self.control.close()
                try:
                    serve(end, self.loaded[name], self.memory)
                finally:
                    os._exit(0)
            self.children.add(pid)
            return {"pid": pid}
        except Exception as error:
            return {"error": f"{type(error).__name__}: {str(error)[:300]}"}
        finally:
            end.close()

    def end(self, pid: int) -> int:
        """End one of our own children; its exit code, negative for a signal."""
        if pid not in self.children:
            return 0
        self.children.discard(pid)
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)  # one that has ended already keeps its own exit status
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def main() -> None:
    """Serve until the parent is gone or closes its end."""
    parent = os.getppid()
    control = socket.socket(fileno=int(sys.argv[1]))
    nursery = Nursery(control, int(sys.argv[2]))
    logging.disable(logging.ERROR)
    poller = select.poll()
    poller.register(control, select.POLLIN | select.POLLHUP)
    with contextlib.suppress(OSError):
        while os.getppid() == parent:
            if not poller.poll(_HEARTBEAT * 1000):
                continue
            text, descriptors, _, _ = socket.recv_fds(control, 4096, 1)
            if not text:
                break
            reply = nursery.carry_out(json.loads(text), descriptors)  # orders are short and come one at a time
            control.sendall(json.dumps(reply).encode() + b"\n")
    for pid in list(nursery.children):
        nursery.end(pid)
    os._exit(0)


if __name__ == "__main__":
    main()
