"""Time and peak memory of ``s2r data offline`` and ``s2r eval --rescore`` over many rollouts.

    python benchmarks/data_streaming.py --rollouts 1000000 --out benchmarks/results/data.md

Two sizes in one run: memory must grow with the prompts, not with the rollouts. Rollouts are synthetic but
whole: attempts, verifications, retries; 8 a prompt, of which about half the prompts fall into the band.
"""

import argparse
import json
import os
import platform
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

FILLER = "We add the parts, carry the one, and write the sum in its simplest form. " * 6


def response(rng: random.Random, gold: int, skill: float) -> str:
    text = ""
    for index in range(4):
        right = rng.random() < skill
        verdict = "correct" if right ^ (rng.random() < 0.15) else "incorrect"
        retry = "Let me try again.\n\n" if index else ""
        answer = gold if right else gold + rng.randint(1, 9)
        text += f"{retry}{FILLER}So the answer is \\boxed{{{answer}}}.\n\n"
        text += f"Wait, let me recheck my solution.\n\n{FILLER}Therefore, the answer is {verdict}.\n\n"
        if verdict == "correct":
            break
    return text.strip()


def write_rollouts(path: Path, count: int, per_prompt: int = 8) -> None:
    rng = random.Random(0)
    with open(path, "w") as file:
        for index in range(count // per_prompt):
            gold, skill = rng.randint(1, 9999), rng.random()
            for _ in range(per_prompt):
                row = {
                    "problem_id": f"p{index}",
                    "prompt": f"What is {gold - 1} + 1?",
                    "response": response(rng, gold, skill),
                    "gold": str(gold),
                    "level": 1 + index % 5,
                    "finished": True,
                }
                file.write(json.dumps(row) + "\n")


def measured(arguments: list[str]) -> tuple[float, float]:
    """(seconds, peak MiB) of one ``s2r`` command in a process of its own."""
    code = (
        "import resource, sys; from s2r_rewards.cli import main\n"
        "try: main(sys.argv[1:], standalone_mode=False)\n"
        "finally: print('PEAK', resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, file=sys.stderr)"
    )
    start = time.perf_counter()
    done = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.stderr)
    peak = int(done.stderr.rsplit("PEAK ", 1)[1].split()[0])
    return time.perf_counter() - start, peak / 1024


def run(count: int, folder: Path) -> list[tuple[str, int, float, float]]:
    rollouts = folder / "eval" / f"own-{count}.jsonl"
    rollouts.parent.mkdir(exist_ok=True)
    write_rollouts(rollouts, count)
    size = rollouts.stat().st_size / 1e6
    print(f"{count} rollouts, {size:.0f} MB", flush=True)
    output = folder / "offline.jsonl"
    commands = {
        "data offline": ["data", "offline", str(rollouts), "-o", str(output), "--restart"],
        "eval --rescore": ["eval", "-o", str(rollouts.parent), "-b", rollouts.stem, "--rescore"],
    }
    rows = []
    for name, arguments in commands.items():
        seconds, peak = measured(arguments)
        print(f"{name}: {seconds:.1f} s, {peak:.0f} MiB", flush=True)
        rows.append((name, count, seconds, peak))
    rollouts.unlink()
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rollouts", type=int, default=1_000_000)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        rows = [*run(options.rollouts // 10, Path(folder)), *run(options.rollouts, Path(folder))]
    lines = [
        "# Streaming: `s2r data offline` and `s2r eval --rescore`",
        "",
        f"One process, {platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}, "
        "8 rollouts a prompt. `python benchmarks/data_streaming.py` writes this file.",
        "",
        "| command | rollouts | seconds | rollouts a second | peak memory, MiB |",
        "|---|---|---|---|---|",
        *(f"| `s2r {n}` | {c:,} | {s:.1f} | {c / s:,.0f} | {m:.0f} |" for n, c, s, m in rows),
        "",
    ]
    print("\n".join(lines))
    if options.out:
        options.out.parent.mkdir(parents=True, exist_ok=True)
        options.out.write_text("\n".join(lines))


if __name__ == "__main__":
    main()
