"""The worker process: reads one JSON request a line, answers one JSON reply a line, until its input ends.

Started as ``python -m s2r_rewards.answers.workers.worker MEMORY_BYTES COMPARISON``, so it never imports the parent's ``__main__``, and it
imports neither torch nor a training framework. It dies with its parent, and past its memory limit.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
import threading
import time
from typing import Any, TextIO


def limit_memory(size: int) -> None:
    """Bound the address space; a platform without resource limits goes without."""
    try:
        import resource
    except ImportError:
        return
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    soft = size if hard == resource.RLIM_INFINITY else min(size, hard)
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


def die_with(parent: int) -> None:
    """Exit when the parent is gone, even if somebody else holds the other end of the pipe."""
    while os.getppid() == parent:
        time.sleep(1.0)
    os._exit(0)


def answer(request: dict[str, Any]) -> dict[str, Any]:
    """One reply: ``equal`` is true, false or null (could not be read); ``why`` explains."""
    from .backends import COMPARISONS

    try:
        equal, why = COMPARISONS[request["op"]](request["gold"], request["answer"])
    except MemoryError:
        return {"memory": True}
    except RecursionError:
        return {"equal": None, "why": "nested too deeply"}
    except Exception as error:  # a parser's own failure is a fact about the text, not about the worker
        return {"equal": None, "why": f"{type(error).__name__}: {str(error)[:200]}"}
    return {"equal": equal, "why": why}


def serve(requests: TextIO, replies: TextIO) -> None:
    """Answer every request; one that ran out of memory is the last."""
    for line in requests:
        reply = answer(json.loads(line))
        replies.write(json.dumps(reply) + "\n")
        replies.flush()
        if reply.get("memory"):
            os._exit(1)


def main() -> None:
    """Start up, say so, and serve standard input."""
    limit_memory(int(sys.argv[1]))
    threading.Thread(target=die_with, args=(os.getppid(),), daemon=True).start()
    replies = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # whatever a library prints must not look like a reply
    from . import backends

    backends.warm_up(sys.argv[2])
    replies.write(json.dumps({"ready": True}) + "\n")
    replies.flush()
    serve(sys.stdin, replies)


if __name__ == "__main__":
    main()
