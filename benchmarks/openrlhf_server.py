"""Requests per second and latency of `s2r serve`, against a bare FastAPI echo of the same bodies in the same run.

    python benchmarks/openrlhf_server.py [--requests 2000] [--concurrency 64] [--rounds 5] [-o benchmarks/results/openrlhf.md]

The echo validates the same request model and answers the same three keys with constants: it is what any server of
this protocol must cost. Rounds alternate between the two servers; the table gives medians over rounds.
"""

import asyncio
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


@contextmanager
def server(code: str, *arguments: str) -> Iterator[str]:
    """Starts the code with the words (PORT is a free port); gives its address."""
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
        yield url
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


def measure(requests: int, concurrency: int, rounds: int) -> dict[str, list[tuple[float, float, float]]]:
    """Per server and round: (requests/s, median latency in ms, 95th percentile in ms)."""
    posts = bodies(requests)
    found: dict[str, list[tuple[float, float, float]]] = {"s2r serve": [], "bare echo": []}
    with server(S2R, "serve", "--port", "PORT") as ours, server(ECHO, "PORT") as echo:
        for url in (ours, echo):
            asyncio.run(load(url, posts[: requests // 10], concurrency))  # warm up
        for _ in range(rounds):
            for rows, url in zip(found.values(), (ours, echo), strict=True):
                seconds, taken = asyncio.run(load(url, posts, concurrency))
                cuts = statistics.quantiles(taken, n=20)
                rows.append((len(posts) / seconds, 1000 * cuts[9], 1000 * cuts[18]))
    return found


def main() -> None:
    parser = kit.arguments(__doc__, requests=2000, concurrency=64, rounds=5)
    parser.add_argument("-o", "--output", type=Path)
    options = parser.parse_args()
    found = measure(options.requests, options.concurrency, options.rounds)
    rows = []
    for name, rounds in found.items():
        rate, mid, high = map(statistics.median, zip(*rounds, strict=True))
        rows.append([name, f"{rate:.0f}", f"{mid:.0f} ms", f"{high:.0f} ms"])
    ratios = [ours[0] / echo[0] for ours, echo in zip(*found.values(), strict=True)]
    lines = [
        "# `s2r serve`",
        "",
        f"{options.requests} requests of one sample each (three attempts, about 2,600 characters), "
        f"{options.concurrency} at a time,",
        f"client and servers on one machine ({platform.machine()}, {kit.PYTHON}); medians of {len(ratios)} rounds in turn.",
        "",
        *kit.table(["server", "requests/s", "latency, median", "95 %"], rows),
        "",
        f"Rate against the bare echo: {statistics.median(ratios):.2f} (rounds: {', '.join(f'{r:.2f}' for r in ratios)}).",
        "",
        "Made by `python benchmarks/openrlhf_server.py`.",
    ]
    kit.publish(lines, options.output)


if __name__ == "__main__":
    main()
