"""Workers that are killed, replaced, forgotten by a fork and closed at exit; other checkers behind our interface."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from s2r_rewards.answers import CheckPolicy, check, check_many
from s2r_rewards.answers.workers.backends import delegate
from s2r_rewards.answers.workers.pool import Pool, pool_for

pytest.importorskip("math_verify")

PATIENT = CheckPolicy(time_limit=30.0)
SLOW = ("5", "7^{7^{7^{7}}} \\mod 10 + 9^{9^{9^9}}")


def alive(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def wait_until(condition, seconds=10.0):
    deadline = time.monotonic() + seconds
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.05)
    return condition()


def test_other_checkers_behind_the_same_interface(fresh_pools):
    assert check("\\frac{1}{2}", "0.5", PATIENT, backend="math_verify").verdict == "correct"
    assert check("\\frac{1}{2}", "0.6", PATIENT, backend="math_verify").verdict == "incorrect"
    assert check("x^{2}-1", "(x-1)(x+1)", PATIENT, backend="latex2sympy2").verdict == "correct"
    assert check("x^{2}-1", "(x-1)(x+2)", PATIENT, backend="latex2sympy2").verdict == "incorrect"
    assert check("1", "2", PATIENT, backend="math_verify").tier == "math_verify"


def test_a_gold_answer_that_the_backend_cannot_read_is_ungradable(fresh_pools):
    assert check("\\frac{", "5", PATIENT, backend="latex2sympy2").verdict == "ungradable"


def test_unknown_backend():
    with pytest.raises(ValueError, match="unknown backend 'sympy'; expected one of 's2r', 'math_verify'"):
        check("1", "2", backend="sympy")


def test_missing_libraries_are_named(monkeypatch):
    monkeypatch.setattr("s2r_rewards.answers.workers.backends.installed", lambda module: False)
    with pytest.raises(ImportError, match="pip install 's2r-rewards\\[symbolic\\]'"):
        check("1", "2", backend="math_verify")
    assert check("5", "\\int_0^1 x dx").verdict == "incorrect"  # the symbolic tier is optional


def test_the_symbolic_tier(fresh_pools):
    pairs = [("\\frac{1}{2}", "\\int_0^1 x dx"), ("\\frac{1}{3}", "\\int_0^1 x dx"), ("5", "5")]
    results = check_many(pairs, policy=PATIENT, cache=None)
    assert [(r.verdict, r.tier) for r in results] == [
        ("correct", "symbolic"), ("incorrect", "symbolic"), ("correct", "string"),
    ]  # fmt: skip
    assert check("\\frac12", "\\int_0^1 x dx", CheckPolicy(symbolic="never")).tier != "symbolic"


def test_a_slow_check_is_killed_and_replaced(fresh_pools):
    pool = pool_for("math_verify")
    delegate("1", "2", PATIENT, "math_verify")
    (worker,) = pool.all
    result = check(*SLOW, CheckPolicy(time_limit=0.5), backend="math_verify")
    assert (result.verdict, result.reason) == ("timeout", "over 0.5 s")
    assert not alive(worker.process.pid)
    assert check("1/2", "0.5", PATIENT, backend="math_verify")
    assert worker not in pool.all


def test_a_poisoned_worker_delays_no_other_check(fresh_pools):
    pairs = [SLOW, *[("1/2", f"0.5{'0' * n}") for n in range(6)]]
    check_many(pairs[1:3], workers=2, policy=PATIENT, backend="math_verify", cache=None)
    results = check_many(pairs, workers=2, policy=CheckPolicy(time_limit=2.0), backend="math_verify", cache=None)
    assert [r.verdict for r in results] == ["timeout"] + ["correct"] * 6


def test_a_worker_that_dies_is_a_timeout_and_is_replaced(fresh_pools):
    delegate("1", "2", PATIENT, "math_verify")
    (worker,) = pool_for("math_verify").all
    os.kill(worker.process.pid, signal.SIGKILL)
    worker.process.wait()
    assert check("1/2", "0.5", PATIENT, backend="math_verify").verdict == "timeout"
    assert check("1/2", "0.5", PATIENT, backend="math_verify").verdict == "correct"


def test_the_memory_limit(fresh_pools):
    pool = Pool("math_verify", memory_limit=1 << 20)  # too little even to start
    reply = pool.call("1", "2", 5.0, 20.0)
    assert "out of memory" in reply["timeout"]
    assert not pool.all


def test_threads_share_the_pool(fresh_pools):
    with ThreadPoolExecutor(4) as executor:
        answers = [("1/2", "0.5"), ("1/2", "0.25")] * 6
        results = list(executor.map(lambda pair: check(*pair, PATIENT, backend="math_verify").verdict, answers))
    assert results == ["correct", "incorrect"] * 6
    assert len(pool_for("math_verify").all) <= 4


def test_no_signals_are_touched(fresh_pools):
    before = [signal.getsignal(s) for s in (signal.SIGALRM, signal.SIGCHLD, signal.SIGINT)]
    thread = threading.Thread(target=lambda: check(*SLOW, CheckPolicy(time_limit=0.3), backend="math_verify"))
    thread.start()
    thread.join()
    assert [signal.getsignal(s) for s in (signal.SIGALRM, signal.SIGCHLD, signal.SIGINT)] == before


def test_a_forked_child_starts_its_own_workers(fresh_pools):
    check("1/2", "0.5", PATIENT, backend="math_verify")
    (worker,) = pool_for("math_verify").all
    child = os.fork()
    if child == 0:
        fine = check("1/2", "0.5", PATIENT, backend="math_verify").verdict == "correct"
        mine = worker not in pool_for("math_verify").all
        pool_for("math_verify").close()
        os._exit(0 if fine and mine else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert check("1/3", "0.5", PATIENT, backend="math_verify").verdict == "incorrect"
    assert pool_for("math_verify").all == {worker}


PROGRAM = """
from s2r_rewards.answers import CheckPolicy, check
from s2r_rewards.answers.workers.pool import pool_for
print(check("1/2", "0.5", CheckPolicy(time_limit=30.0), backend="math_verify").verdict)
print(*[w.process.pid for w in pool_for("math_verify").all], flush=True)
{end}
"""


@pytest.mark.parametrize(
    "end", ["", "import os; os._exit(0)", "import os, signal; os.kill(os.getpid(), signal.SIGKILL)"]
)
def test_no_worker_outlives_its_parent(end):
    """A script without ``if __name__``: the worker must not run it again. However it ends, the worker ends too."""
    run = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(PROGRAM.format(end=end))], capture_output=True, text=True, timeout=60
    )
    verdict, pid = run.stdout.split()
    assert verdict == "correct"
    assert wait_until(lambda: not alive(int(pid)))


def test_workers_import_neither_torch_nor_a_framework(fresh_pools):
    check("1/2", "0.5", PATIENT, backend="math_verify")
    (worker,) = pool_for("math_verify").all
    with open(f"/proc/{worker.process.pid}/maps") as file:
        maps = file.read()
    assert "torch" not in maps
    assert "ray" not in {os.path.basename(line.split()[-1]).split(".")[0] for line in maps.splitlines()}
