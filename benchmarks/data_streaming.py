"""Time and peak memory of ``s2r data offline`` and ``s2r eval --rescore`` over many rollouts.

    python benchmarks/data_streaming.py --rollouts 1000000 --out benchmarks/results/data.md

Two sizes in one run: memory must grow with the prompts, not with the rollouts. Rollouts are synthetic but
whole: attempts, verifications, retries; 8 a prompt, of which about half the prompts fall into the band.
"""

import os
import platform
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import kit

from s2r_rewards.rollouts import Rollout, write_rollouts
from s2r_rewards.testing import Script

FILLER = "We add the parts, carry the one, and write the sum in its simplest form. " * 6
PER_PROMPT = 8
PEAK = (
    "import resource, sys; from s2r_rewards.cli import main\n"
    "try: main(sys.argv[1:], standalone_mode=False)\n"
    "finally: print('PEAK', resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, file=sys.stderr)"
)


def response(rng: random.Random, gold: int, skill: float) -> str:
    script = Script()
    for _ in range(4):
        right = rng.random() < skill
        verdict = "correct" if right ^ (rng.random() < 0.15) else "incorrect"
        answer = gold if right else gold + rng.randint(1, 9)
        script = script.solve(str(answer), f"{FILLER}So the answer is \\boxed{{{answer}}}.")
        script = script.verify(verdict, f"{FILLER}Therefore, the answer is {verdict}.")
        if verdict == "correct":
            break
    return script.text()


def rollouts(count: int) -> Iterator[Rollout]:
    rng = random.Random(0)
    for index in range(count // PER_PROMPT):
        gold, skill = rng.randint(1, 9999), rng.random()
        prompt = f"What is {gold - 1} + 1?"
        for _ in range(PER_PROMPT):
            text = response(rng, gold, skill)
            yield Rollout(f"p{index}", prompt, text, str(gold), level=1 + index % 5, finished=True)


def measured(arguments: list[str]) -> tuple[float, float]:
    """(seconds, peak MiB) of one ``s2r`` command in a process of its own."""
    start = time.perf_counter()
    done = subprocess.run([sys.executable, "-c", PEAK, *arguments], capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.stderr)
    peak = int(done.stderr.rsplit("PEAK ", 1)[1].split()[0])
    return time.perf_counter() - start, peak / 1024


def run(count: int, folder: Path) -> Iterator[tuple[str, ...]]:
    """The rows of the table for so many rollouts."""
    stored = folder / "eval" / f"own-{count}.jsonl"
    write_rollouts(stored, rollouts(count))
    print(f"{count} rollouts, {stored.stat().st_size / 1e6:.0f} MB", flush=True)
    commands = {
        "data offline": ["data", "offline", str(stored), "-o", str(folder / "offline.jsonl"), "--restart"],
        "eval --rescore": ["eval", "-o", str(stored.parent), "-b", stored.stem, "--rescore"],
    }
    for name, arguments in commands.items():
        seconds, peak = measured(arguments)
        print(f"{name}: {seconds:.1f} s, {peak:.0f} MiB", flush=True)
        yield f"`s2r {name}`", f"{count:,}", f"{seconds:.1f}", f"{count / seconds:,.0f}", f"{peak:.0f}"
    stored.unlink()


def main() -> None:
    parser = kit.arguments(__doc__, rollouts=1_000_000)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        rows = [*run(options.rollouts // 10, Path(folder)), *run(options.rollouts, Path(folder))]
    head = ["command", "rollouts", "seconds", "rollouts a second", "peak memory, MiB"]
    lines = [
        "# Streaming: `s2r data offline` and `s2r eval --rescore`",
        "",
        f"One process, {platform.machine()}, {os.cpu_count()} cores, {kit.PYTHON}, "
        f"{PER_PROMPT} rollouts a prompt. `python benchmarks/data_streaming.py` writes this file.",
        "",
        *kit.table(head, rows),
    ]
    kit.publish(lines, options.out)


if __name__ == "__main__":
    main()
