"""Requests per second and latency of `s2r serve`, against a bare FastAPI echo of the same bodies in the same run.

    python benchmarks/openrlhf_server.py [--requests 2000] [--concurrency 64] [--rounds 5] [--workers 2] [-o benchmarks/results/openrlhf.md]

The echo validates the same request model and answers the same three keys with constants: it is what any server of
this protocol must cost. Rounds alternate between the two servers; the table gives medians over rounds.
"""

import asyncio
import os
import platform
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import aiohttp
import kit

from s2r_rewards.testing import Script

ECHO = """
import sys, uvicorn
from fastapi import FastAPI
from s2r_rewards.server.app import RewardRequest
app = FastAPI()
@app.get("/health")
async def health(): return {}
@app.post("/get_reward")
async def get_reward(body: RewardRequest):
    ones = [1.0] * len(body.query)
    return {"rewards": ones, "scores": ones, "extra_logs": {"a": ones}}
uvicorn.run(app, port=int(sys.argv[1]), log_level="warning", access_log=False)
"""
S2R = "import sys; sys.argv[0] = 's2r'; from s2r_rewards.cli import main; main()"
PROMPT = "<|im_start|>user\nFind the sum of the digits of the product.<|im_end|>\n<|im_start|>assistant\n"
FILLER = "We expand the product term by term and collect the powers, keeping track of every sign. " * 6


def bodies(count: int) -> list[dict[str, list[str]]]:
    """One sample a request, as OpenRLHF sends them: three attempts of about 2,600 characters in all, no two alike."""
    made = []
    for i in range(count):
        script = Script(end_token="<|im_end|>")
        for answer, verdict in ((i + 1, "incorrect"), (i + 2, "incorrect"), (i, "correct")):
            script = script.solve(str(answer), f"{FILLER}So the answer is \\boxed{{{answer}}}.")
            script = script.verify(verdict, f"{FILLER[:200]}Therefore, the answer is {verdict}.")
        made.append({"query": [PROMPT + script.text()], "prompts": [PROMPT], "labels": [str(i)]})
    return made


def cpu_of(pid: int) -> float:
    """CPU seconds of one process (Linux); hardly depends on what else the machine does."""
    user, system = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:13]
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


def with_children(pid: int) -> list[int]:
    started = [int(c) for file in Path(f"/proc/{pid}/task").glob("*/children") for c in file.read_text().split()]
    return [pid, *(one for child in started for one in with_children(child))]


@contextmanager
def server(code: str, *arguments: str) -> Iterator[tuple[str, int]]:
    """Starts the code with the words (PORT is a free port); gives its address and process."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    words = [word.replace("PORT", str(port)) for word in arguments]
    process = subprocess.Popen([sys.executable, "-c", code, *words], stderr=subprocess.DEVNULL)
    url = f"http://127.0.0.1:{port}"
    try:
        for _ in range(300):
            try:
                urlopen(url + "/health").close()
                break
            except URLError:
                time.sleep(0.1)
        yield url, process.pid
    finally:
        process.terminate()
        process.wait()


async def load(url: str, posts: list[dict[str, list[str]]], concurrency: int) -> tuple[float, list[float]]:
    """(seconds for all, seconds of each) with so many requests under way at any time."""
    waiting = iter(posts)
    taken: list[float] = []

    async def client(session: aiohttp.ClientSession) -> None:
        for body in waiting:
            start = time.perf_counter()
            async with session.post(url + "/get_reward", json=body) as answer:
                answer.raise_for_status()
                await answer.json()
            taken.append(time.perf_counter() - start)

    connector = aiohttp.TCPConnector(limit=concurrency)
    async with aiohttp.ClientSession(connector=connector) as session:
        start = time.perf_counter()
        await asyncio.gather(*[client(session) for _ in range(concurrency)])
        return time.perf_counter() - start, taken


def measure(requests: int, concurrency: int, rounds: int, workers: int) -> dict[str, list[tuple[float, ...]]]:
    """Per server and round: (requests/s, median latency, 95th percentile, and CPU a request of the process that talks
    to clients and of those that score; all in ms)."""
    posts = bodies(requests)
    found: dict[str, list[tuple[float, ...]]] = {"s2r serve": [], "bare echo": []}
    serve = ("serve", "--port", "PORT", "--workers", str(workers))
    with server(S2R, *serve) as ours, server(ECHO, "PORT") as echo:
        for url, _ in (ours, echo):
            asyncio.run(load(url, posts[: requests // 10], concurrency))  # warm up
        for _ in range(rounds):
            for rows, (url, pid) in zip(found.values(), (ours, echo), strict=True):
                started = [cpu_of(one) for one in with_children(pid)]
                seconds, taken = asyncio.run(load(url, posts, concurrency))
                spent = [cpu_of(one) - before for one, before in zip(with_children(pid), started, strict=True)]
                cuts = statistics.quantiles(taken, n=20)
                cpu = (1000 * spent[0] / requests, 1000 * sum(spent[1:]) / requests)
                rows.append((requests / seconds, 1000 * cuts[9], 1000 * cuts[18], *cpu))
    return found


def main() -> None:
    parser = kit.arguments(__doc__, requests=2000, concurrency=64, rounds=5, workers=2)
    parser.add_argument("-o", "--output", type=Path)
    options = parser.parse_args()
    found = measure(options.requests, options.concurrency, options.rounds, options.workers)
    rows = []
    for name, rounds in found.items():
        rate, mid, high, talking, scoring = map(statistics.median, zip(*rounds, strict=True))
        rows.append([name, f"{rate:.0f}", f"{mid:.0f} ms", f"{high:.0f} ms", f"{talking:.2f} ms", f"{scoring:.2f} ms"])
    pairs = list(zip(*found.values(), strict=True))
    rates, cpu = [ours[0] / echo[0] for ours, echo in pairs], [echo[3] / ours[3] for ours, echo in pairs]
    lines = [
        "# `s2r serve`",
        "",
        f"{options.requests} requests of one sample each (three attempts, about 2,600 characters), "
        f"{options.concurrency} at a time, {options.workers} scoring processes;",
        f"client and servers on one machine ({platform.machine()}, {os.cpu_count()} cores, {kit.PYTHON}); medians of "
        f"{len(rates)} rounds in turn.",
        "",
        *kit.table(["server", "requests/s", "latency, median", "95 %", "CPU, requests", "CPU, scoring"], rows, 5),
        "",
        f"Rate against the bare echo: {statistics.median(rates):.2f} (rounds: {', '.join(f'{r:.2f}' for r in rates)}). Where "
        "scoring has cores of its own, the process",
        f"that talks to clients sets the rate: the echo's CPU / ours is {statistics.median(cpu):.2f}. Client, echo or ours and "
        "scoring share the cores here.",
        "",
        "Made by `python benchmarks/openrlhf_server.py`.",
    ]
    kit.publish(lines, options.output)


if __name__ == "__main__":
    main()
