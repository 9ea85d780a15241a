"""Is the checker fair under load? Right integrals, sums and limits from many threads while every core is busy.

    python benchmarks/checker_load.py --checks 1000 --threads 32

Every answer is right and different; each that is not judged correct is a reward lost to the machine's load. Also:
processes at most, the largest of them, and the time of a check at a hostile input. Writes results/checker_load.md.
"""

import os
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import kit

from s2r_rewards.answers import check

FORMS = (
    ("\\frac{{{n}}}{{3}}", "\\int_0^1 {n} x^2 dx"),
    ("{n}\\sqrt{{\\pi}}", "{n} \\int_{{-\\infty}}^{{\\infty}} e^{{-x^2}} dx"),
    ("\\frac{{{n}\\pi^2}}{{6}}", "\\sum_{{k=1}}^{{\\infty}} \\frac{{{n}}}{{k^2}}"),
    ("{n}", "\\lim_{{x \\to 0}} \\frac{{\\sin({n} x)}}{{x}}"),
    ("\\frac{{{n}\\pi}}{{4}}", "\\int_0^1 \\frac{{{n}}}{{1+x^2}} dx"),
    ("\\frac{{{n}}}{{2}}", "\\lim_{{x\\to 0}}\\frac{{{n}(1-\\cos x)}}{{x^2}}"),
    ("{n}\\ln 2", "\\int_1^2 \\frac{{{n}}}{{x}} dx"),
    ("{n} \\cdot 120", "{n} \\prod_{{k=1}}^5 k"),
)
HOSTILE = ("1", "\\int_0^1 \\sin(\\cos(x^5+x)) e^{x^2} \\ln(1+x^3) dx")


def questions(count: int) -> list[tuple[str, str]]:
    """The n-th right pair of each form in turn."""
    found = []
    for index in range(count):
        gold, answer = FORMS[index % len(FORMS)]
        n = 2 + index // len(FORMS)
        found.append((gold.format(n=n), answer.format(n=n)))
    return found


def below(pid: int) -> dict[int, int]:
    """Every process below one → its resident memory in bytes (Linux)."""
    parents, sizes = {}, {}
    for entry in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{entry}/stat") as file:
                fields = file.read().rsplit(")", 1)[1].split()
        except OSError:
            continue
        parents[int(entry)], sizes[int(entry)] = int(fields[1]), int(fields[21]) * os.sysconf("SC_PAGE_SIZE")
    found, news = set(), {pid}
    while news := {child for child, parent in parents.items() if parent in news} - found:
        found |= news
    return {child: sizes[child] for child in found}


@contextmanager
def busy(cores: int) -> Iterator[set[int]]:
    """So many processes that do nothing but use a core."""
    burners = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(cores)]
    try:
        yield {one.pid for one in burners}
    finally:
        for one in burners:
            one.kill()
            one.wait()


def main() -> None:
    parser = kit.arguments(__doc__, checks=1000, threads=32, busy=os.cpu_count() or 2)
    options = parser.parse_args()
    most, largest, done = 0, 0, threading.Event()
    with busy(options.busy) as burners:

        def watch() -> None:
            nonlocal most, largest
            while not done.wait(0.05):
                ours = {pid: size for pid, size in below(os.getpid()).items() if pid not in burners}
                most, largest = max(most, 1 + len(ours)), max([largest, *ours.values()])

        watcher = threading.Thread(target=watch)
        watcher.start()
        begin = time.perf_counter()
        with ThreadPoolExecutor(options.threads) as executor:
            results = list(executor.map(lambda pair: check(*pair), questions(options.checks)))
        seconds = time.perf_counter() - begin
        done.set()
        watcher.join()
    begin = time.perf_counter()
    hostile = check(*HOSTILE)
    hostile_seconds = time.perf_counter() - begin
    verdicts = Counter(result.verdict for result in results)
    wrong = [pair for pair, result in zip(questions(options.checks), results, strict=True) if not result]
    rows = [
        ["right answers asked", f"{options.checks:,} from {options.threads} threads"],
        ["processes that keep cores busy meanwhile", f"{options.busy} on {os.cpu_count()} cores"],
        ["verdicts", ", ".join(f"{n:,} {verdict}" for verdict, n in verdicts.most_common())],
        ["not judged correct", "; ".join(map(str, wrong[:5])) or "none"],
        ["seconds", f"{seconds:.0f}"],
        ["processes at most, with the caller", str(most)],
        ["largest worker process", f"{largest / 2**20:.0f} MiB"],
        ["a check that computer algebra cannot finish", f"{hostile.verdict} after {hostile_seconds:.2f} s"],
    ]
    lines = ["# The checker under load", "", *kit.table(["", ""], rows)]
    kit.publish(lines, kit.RESULTS / "checker_load.md")


if __name__ == "__main__":
    main()
