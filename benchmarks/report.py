"""``s2r report``: how long a page takes, and how a followed run of many rollouts answers.

    python benchmarks/report.py --out benchmarks/results/report.md

1. Page: time and peak memory of ``s2r report`` over whole rollouts (attempts, verifications, retries; about 2,000
   characters each), scored already and not.
2. Follow: ``s2r report --follow`` over ``--followed`` scored rollouts, made of some thousand different ones with a name,
   a step and a number of their own: the time until all can be searched, then the time of each request over HTTP.
   Times are the longest of four; memory is that of the server, the processes that read for it left out.
"""

import http.client
import json
import os
import platform
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlencode, urlsplit

import kit
from data_streaming import PER_PROMPT, measured, rollouts

from s2r_rewards.rollouts import write_rollouts
from s2r_rewards.rollouts.records import to_json
from s2r_rewards.rollouts.scoring import score_rollouts

STEP = 1_000
DIFFERENT = 2_000
TURNS = 4
REQUESTS: dict[str, dict[str, str]] = {
    "first rows": {},
    "a word that one rollout has": {"q": "number{middle}"},
    "a word that every rollout has": {"q": "simplest"},
    "the beginning of a word": {"q": "simpl"},
    "two letters": {"q": "th"},
    "a phrase with signs": {"q": "What is 7 +"},
    "nothing has it": {"q": "nowhere to be found"},
    "a word at one step, wrong verdicts": {"q": "simplest", "step": "7", "flag": "wrong_verdict"},
    "wrong verdicts": {"flag": "wrong_verdict"},
    "a level": {"level": "3"},
    "a range of steps": {"since": "100", "until": "200"},
    "rows in the middle": {"from": "{half}"},
    "longest first": {"sort": "longest"},
}


def page(count: int, folder: Path) -> Iterator[tuple[str, ...]]:
    """Rows of the first table."""
    plain = [replace(one, step=i // STEP) for i, one in enumerate(rollouts(count))]
    write_rollouts(folder / "plain.jsonl", plain)
    scored = (one for i in range(0, count, STEP) for one in score_rollouts(plain[i : i + STEP]))
    write_rollouts(folder / "scored.jsonl", scored)
    del plain
    for name, about in (("scored", "scored already"), ("plain", "not scored")):
        file = folder / f"{name}.jsonl"
        seconds, peak = measured(["report", str(file), "-o", str(folder / "page.html")])
        size = f"{file.stat().st_size / 1e6:.0f}"
        print(f"{about}: {seconds:.1f} s, {peak:.0f} MiB", flush=True)
        yield about, f"{count:,}", size, f"{seconds:.1f}", f"{count / seconds:,.0f}", f"{peak:.0f}"
        file.unlink()


def many(count: int, path: Path) -> None:
    """Scored rollouts, few of them different but for their names, steps and numbers."""
    few = [to_json(one.to_record()) for one in score_rollouts(list(rollouts(DIFFERENT)))]
    heads = [re.sub(r'"problem_id":"[^"]*","prompt":"', "", line[1:]) for line in few]
    with open(path, "w", encoding="utf-8") as file:
        for i in range(count):
            name = f'"problem_id":"problem {i // PER_PROMPT}","step":{i // STEP},"prompt":"number{i} '
            file.write("{" + name + heads[i % DIFFERENT] + "\n")


class Client:
    def __init__(self, address: str) -> None:
        self.address = urlsplit(address)
        self.connection = http.client.HTTPConnection(self.address.netloc, timeout=60)

    def get(self, path: str, **wanted: str) -> dict[str, object]:
        self.connection.request("GET", f"{self.address.path}{path}?{urlencode(wanted)}")
        return json.loads(self.connection.getresponse().read())


def _in_case(wanted: str, turn: int) -> str:
    """The same for the index, another one for the server, which remembers searches as they were typed."""
    return "".join(sign.swapcase() if turn >> place & 1 else sign for place, sign in enumerate(wanted))


def follow(count: int, folder: Path) -> Iterator[tuple[str, ...]]:
    """Rows of the second table."""
    path = folder / "many.jsonl"
    many(count, path)
    print(f"{count:,} rollouts, {path.stat().st_size / 1e6:.0f} MB", flush=True)
    start = time.perf_counter()
    command = [sys.executable, "-m", "s2r_rewards", "report", str(path), "--follow", "--no-browser"]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env={**os.environ, "TMPDIR": str(folder)})
    try:
        client = Client(server.stdout.readline().strip())
        first = 0.0
        while (total := client.get("state")["total"]) < count:
            first = first or (time.perf_counter() - start if total else 0.0)
            time.sleep(0.25)
        seconds = time.perf_counter() - start
        index = sum(file.stat().st_size for file in folder.glob("s2r-report-*/*")) / 1e6
        print(f"first figures after {first:.1f} s, all after {seconds:.1f} s; index {index:.0f} MB", flush=True)
        yield "first figures", f"{first:.1f} s", ""
        yield "all rollouts can be searched", f"{seconds:.1f} s", f"{count:,}"
        names = {"middle": str(count // 2), "half": str(count // 2)}
        for about, wanted in REQUESTS.items():
            asked = {name: value.format(**names) for name, value in wanted.items()}
            times, found = [], {}
            for turn in range(TURNS):  # a search is remembered: each turn is another one
                again = {**asked, "q": _in_case(asked["q"], turn)} if "q" in asked else asked
                begun = time.perf_counter()
                found = client.get("rows", **again)
                times.append(time.perf_counter() - begun)
                while not found["complete"]:
                    found = client.get("rows", **again)
            print(f"{about}: {max(times):.3f} s, {found['count']:,}", flush=True)
            yield about, f"{max(times):.3f} s", f"{found['count']:,}"
        begun = time.perf_counter()
        client.get("rollout", n=str(count // 2))
        yield "one rollout with its samples", f"{time.perf_counter() - begun:.3f} s", ""
        peak = re.search(r"VmHWM:\s+(\d+)", Path(f"/proc/{server.pid}/status").read_text())
        yield "peak memory of the server", f"{int(peak[1]) / 1024:.0f} MiB" if peak else "–", ""
        yield "index on disk", f"{index:.0f} MB", ""
        yield "file", f"{path.stat().st_size / 1e6:.0f} MB", ""
    finally:
        server.send_signal(signal.SIGINT)
        server.wait(60)
        path.unlink()


def main() -> None:
    parser = kit.arguments(__doc__, rollouts=100_000, followed=1_000_000)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        pages = list(page(options.rollouts, Path(folder))) if options.rollouts else []
        requests = list(follow(options.followed, Path(folder))) if options.followed else []
    head = ["rollouts", "number", "file, MB", "seconds", "a second", "peak memory, MiB"]
    lines = [
        "# `s2r report`",
        "",
        f"{platform.machine()}, {os.cpu_count()} cores, {kit.PYTHON}. `python benchmarks/report.py` writes this file.",
        "",
        *([*kit.table(head, pages, 5), ""] if pages else []),
        *(kit.table([f"`--follow`, {options.followed:,} rollouts", "", "found"], requests, 2) if requests else []),
    ]
    kit.publish(lines, options.out)


if __name__ == "__main__":
    main()
