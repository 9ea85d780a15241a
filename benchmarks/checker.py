"""Accuracy, false positives, throughput and latency of golden-answer checkers, ours and the peers installed here.

    python benchmarks/checker.py                                the cases shipped with the tests
    python benchmarks/checker.py --cases a.jsonl b.jsonl        your own: gold, pred, expected, optional mode
    python benchmarks/checker.py --hostile hostile.jsonl        and how ours stands hostile input

Every peer runs over the same cases in a process of its own, on one core, one after the other, each case once. What a peer
keeps while it runs, it keeps here too (ours the short texts that it read lately).
The table is printed and written as Markdown (default benchmarks/results/checker.md).
"""

import argparse
import json
import subprocess
import sys
import time
from pathlib import Path
from resource import RUSAGE_SELF, getrusage
from typing import Any

import kit
from checker_peers import PEERS, Missing

from s2r_rewards.answers import check, check_many, check_response, extract_answer

ROOT = Path(__file__).resolve().parent.parent
DEFAULT_CASES = [ROOT / "tests/answers/real_cases.jsonl"]
DEFAULT_HOSTILE = ROOT / "tests/answers/hostile_cases.jsonl"
BATCH = 100_000
WARM_UP = [("1/2", "0.5"), (r"\frac{x}{2}", "x+1"), (r"\sin(2x)", r"2\sin(x)\cos(x)"), ("(1,2]", r"1<x\le 2")]


def load(paths: list[Path]) -> list[dict[str, Any]]:
    rows = []
    for path in paths:
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            row = json.loads(line)
            if missing := {"gold", "pred", "expected"} - row.keys():
                raise SystemExit(f"{path}:{number}: missing {', '.join(sorted(missing))}")
            rows.append(row)
    return rows


def measure(name: str, rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Run one peer over all rows in this process."""
    try:
        grade = PEERS[name]()
    except Missing as error:
        return {"missing": str(error)}
    for gold, answer in WARM_UP:  # imports and tables are not what is measured
        grade(gold, answer, False)
    counts, seconds = {"tp": 0, "fp": 0, "fn": 0, "tn": 0, "raised": 0}, []
    cpu = time.process_time()
    for row in rows:
        begin = time.perf_counter()
        try:
            right = grade(row["gold"], row["pred"], row.get("mode") == "response")
        except Exception:
            right = False
            counts["raised"] += 1
        seconds.append(time.perf_counter() - begin)
        if row["expected"] is not None:
            counts[("t" if right == row["expected"] else "f") + ("p" if right else "n")] += 1
    cpu = time.process_time() - cpu
    seconds.sort()
    median, p99 = seconds[len(rows) // 2], seconds[int(len(rows) * 0.99)]
    return {**counts, "n": len(rows), "median": median, "p99": p99, "worst": seconds[-1], "rate": len(rows) / cpu}


def in_own_process(name: str, rows: list[dict[str, Any]], limit: float) -> dict[str, Any]:
    command = [sys.executable, __file__, "--peer", name]
    try:
        run = subprocess.run(
            command, input="\n".join(map(json.dumps, rows)), capture_output=True, text=True, timeout=limit
        )
        return json.loads(run.stdout.splitlines()[-1])
    except subprocess.TimeoutExpired:
        return {"missing": f"not done after {limit:g} s"}
    except (IndexError, json.JSONDecodeError):
        return {"missing": (run.stderr.strip().splitlines() or ["no output"])[-1][:120]}


def row_of(name: str, m: dict[str, Any], base: float | None) -> list[str]:
    if "missing" in m:
        return [name, m["missing"], *[""] * 9]
    precision = m["tp"] / max(1, m["tp"] + m["fp"])
    recall = m["tp"] / max(1, m["tp"] + m["fn"])
    f1 = 2 * precision * recall / max(1e-9, precision + recall)
    of_the_wrong = m["fp"] / max(1, m["fp"] + m["tn"])
    ratio = f"{m['rate'] / base:,.1f} ×" if base else ""
    return [
        *(name, f"{precision:.4f}", f"{recall:.4f}", f"**{f1:.4f}**", f"{m['fp']}", f"{100 * of_the_wrong:.2f} %"),
        *(f"{m['median'] * 1e3:.3f}", f"{m['p99'] * 1e3:.2f}", f"{m['worst']:.3f}", f"{m['rate']:,.0f}", ratio),
    ]


HEAD = [
    *("checker", "precision", "recall", "F1", "false positives", "of the wrong"),
    *("median ms", "p99 ms", "worst s", "checks per CPU s", "vs math-verify"),
]


def hostile(rows: list[dict[str, Any]]) -> str:
    """How ours stands hostile input: everything answered, how fast, what was believed."""
    begin = time.perf_counter()
    check("1/2", r"\int_0^1 x dx")  # starts the workers of computer algebra, once a process
    start = time.perf_counter() - begin
    worst, believed, before = 0.0, 0, getrusage(RUSAGE_SELF).ru_maxrss
    for row in rows:
        begin = time.perf_counter()
        ask = check_response if row.get("mode") == "response" else check
        right = bool(ask(row["gold"], row["pred"]))
        worst = max(worst, time.perf_counter() - begin)
        believed += right and row["expected"] is False
    grown = (getrusage(RUSAGE_SELF).ru_maxrss - before) / 1024
    return (
        f"Hostile input: {len(rows)} of {len(rows)} answered, the slowest in {worst:.2f} s, {believed} believed, "
        f"{grown:.0f} MiB more resident memory. Before, once a process, the workers of computer algebra start: {start:.2f} s."
    )


def batch(rows: list[dict[str, Any]]) -> str:
    """check_many over many pairs made of these cases, every pair distinct, on one worker and on two by turns."""
    pairs = []
    for row in rows:
        text = row["pred"]
        answer = extract_answer(text, fallback="math").answer if row.get("mode") == "response" else text
        pairs.append((row["gold"], answer))
    distinct = [(gold + " " * (n // len(pairs)), a) for n, (gold, a) in enumerate(pairs * (BATCH // len(pairs) + 1))]
    seconds: dict[int, list[float]] = {1: [], 2: []}
    for _ in range(3):
        for workers, found in seconds.items():
            begin = time.perf_counter()
            check_many(distinct[:BATCH], workers=workers, cache=None)
            found.append(time.perf_counter() - begin)
    one, two = (min(found) for found in seconds.values())
    return (
        f"{BATCH:,} checks, no pair repeated (texts read lately are kept): {one:.2f} s on one worker, {two:.2f} s on two ({one / two:.2f} ×; the best of "
        "three runs each)."
    )


def main() -> None:
    parser = kit.arguments(__doc__)
    parser.add_argument("--cases", nargs="+", type=Path, default=DEFAULT_CASES, metavar="FILE")
    parser.add_argument("--hostile", type=Path, default=DEFAULT_HOSTILE, metavar="FILE")
    parser.add_argument("--peers", nargs="+", default=None, help="only these (default: all that are installed)")
    parser.add_argument("--limit", type=float, default=1800.0, help="seconds for one peer")
    parser.add_argument("-o", "--output", type=Path, default=kit.RESULTS / "checker.md")
    parser.add_argument("--peer", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.peer:
        rows = [json.loads(line) for line in sys.stdin]
        print(json.dumps(measure(options.peer, rows)))
        return
    rows = load(options.cases)
    labelled = [row for row in rows if row["expected"] is not None]
    measured: dict[str, dict[str, Any]] = {}
    names = options.peers or list(PEERS)
    for name in names:
        measured[name] = in_own_process(name, rows, options.limit)
        print(name, measured[name], file=sys.stderr)
    base = measured.get("math-verify", {}).get("rate")
    lines = [
        "# Golden-answer checkers",
        "",
        f"{len(rows):,} real (gold, prediction) pairs, {sum(r['expected'] for r in labelled):,} of them equal, from "
        f"{', '.join(path.name for path in options.cases)}; {kit.PYTHON}, one process each.",
        "",
        *kit.table(HEAD, [row_of(name, measured[name], base) for name in names]),
        "",
        hostile(load([options.hostile])),
        "",
        batch(rows),
    ]
    kit.publish(lines, options.output)


if __name__ == "__main__":
    main()
