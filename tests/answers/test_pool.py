"""Workers that are killed, replaced, forgotten by a fork and closed at exit; other checkers behind our interface."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from s2r_rewards.answers import CheckPolicy, check, check_many
from s2r_rewards.answers.workers.backends import delegate
from s2r_rewards.answers.workers.pool import Pool, Task, shared_pool

pytest.importorskip("math_verify")

HERE = Path(__file__).parent
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
    assert check("\\sqrt\\pi", "\\int_{-\\infty}^{\\infty} e^{-x^2} dx").verdict == "correct"  # braces left out


def test_a_slow_check_is_killed_and_replaced(fresh_pools):
    pool = shared_pool()
    delegate("1", "2", PATIENT, "math_verify")
    (worker,) = pool.all
    result = check(*SLOW, CheckPolicy(time_limit=0.5), backend="math_verify")
    assert (result.verdict, result.reason) == ("timeout", "over 0.5 s of CPU time")
    assert not alive(worker.pid)
    assert check("1/2", "0.5", PATIENT, backend="math_verify")
    assert worker not in pool.all


def test_a_poisoned_worker_delays_no_other_check(fresh_pools):
    pairs = [SLOW, *[("1/2", f"0.5{'0' * n}") for n in range(6)]]
    check_many(pairs[1:3], workers=2, policy=PATIENT, backend="math_verify", cache=None)
    results = check_many(pairs, workers=2, policy=CheckPolicy(time_limit=2.0), backend="math_verify", cache=None)
    assert [r.verdict for r in results] == ["timeout"] + ["correct"] * 6


def test_a_worker_that_dies_is_a_timeout_and_is_replaced(fresh_pools):
    delegate("1", "2", PATIENT, "math_verify")
    (worker,) = shared_pool().all
    os.kill(worker.pid, signal.SIGKILL)
    result = check("1/2", "0.5", PATIENT, backend="math_verify")
    assert (result.verdict, result.reason[:21]) == ("timeout", "the worker was killed")
    assert check("1/2", "0.5", PATIENT, backend="math_verify").verdict == "correct"


def test_a_nursery_that_dies_is_replaced(fresh_pools):
    delegate("1", "2", PATIENT, "math_verify")
    shared_pool()._nursery.process.kill()
    shared_pool()._nursery.process.wait()
    (worker,) = shared_pool().all
    assert wait_until(lambda: not alive(worker.pid))  # it notices that nobody looks after it
    assert check("1/2", "0.5", PATIENT, backend="math_verify").verdict == "timeout"
    assert check("1/2", "0.5", PATIENT, backend="math_verify").verdict == "correct"


def test_the_memory_limit(fresh_pools):
    pool = Pool(memory_limit=160 << 20)
    greedy = Task("a_greedy_module:swell", {"mib": 1})
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(HERE), prepend=os.pathsep)
        assert pool.call(greedy, {"mib": 20}, 20.0) == {"bytes": 20 << 20}
        assert pool.call(greedy, {"mib": 300}, 20.0) == {"timeout": "over the memory limit"}
        assert pool.call(greedy, {"mib": 20}, 20.0) == {"bytes": 20 << 20}
        assert "No module named" in pool.call(Task("no_such_module:f", {}), {}, 20.0)["timeout"]
    pool.close()


def test_threads_share_the_pool(fresh_pools):
    with ThreadPoolExecutor(16) as executor:
        answers = [("1/2", "0.5"), ("1/2", "0.25")] * 20
        results = list(executor.map(lambda pair: check(*pair, PATIENT, backend="math_verify").verdict, answers))
    assert results == ["correct", "incorrect"] * 20
    assert len(shared_pool().all) <= 2


def children_of(pid: int) -> set[int]:
    """All processes below one, from /proc; zombies too."""
    parents = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            with contextlib.suppress(OSError), open(f"/proc/{entry}/stat") as file:
                parents[int(entry)] = int(file.read().rsplit(")", 1)[1].split()[1])
    found, news = set(), {pid}
    while news := {child for child, parent in parents.items() if parent in news} - found:
        found |= news
    return found


def test_load_costs_no_right_answer_its_reward(fresh_pools):
    """Many more threads than workers on a machine that is busy: waiting, starting up and being slow are not charged."""
    policy = CheckPolicy(time_limit=0.8)
    pairs = [(f"\\frac{{{n}}}{{2}}", f"\\int_0^1 {n} x dx") for n in range(1, 33)]
    before = children_of(os.getpid())
    with busy_processes(2) as burners, ThreadPoolExecutor(16) as executor:
        asked = [executor.submit(check, *pair, policy) for pair in pairs]
        most = 0
        while not all(one.done() for one in asked):
            most = max(most, len(children_of(os.getpid()) - before - burners))
            time.sleep(0.02)
    assert [(one.result().verdict, one.result().tier) for one in asked] == [("correct", "symbolic")] * len(pairs)
    assert most <= 3  # the nursery and two workers


@contextlib.contextmanager
def busy_processes(count):
    burners = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(count)]
    try:
        yield {burner.pid for burner in burners}
    finally:
        for burner in burners:
            burner.kill()
            burner.wait()


def test_a_stopped_machine_is_charged_nothing(fresh_pools):
    """Wall-clock time in which the worker gets no CPU is not counted against the answer."""
    delegate("1", "2", PATIENT, "math_verify")
    (worker,) = shared_pool().all
    os.kill(worker.pid, signal.SIGSTOP)
    threading.Timer(1.5, os.kill, (worker.pid, signal.SIGCONT)).start()
    assert check("1/2", "0.5", CheckPolicy(time_limit=0.5), backend="math_verify").verdict == "correct"


def test_first_come_first_served():
    """One caller with many questions does not keep the others waiting until it is through."""
    pool, order = Pool(capacity=1), []
    asked = threading.Semaphore(0)

    def ask(name):
        asked.release()
        with pool._turn():
            order.append(name)

    with pool._turn():
        threads = []
        for name in range(6):
            threads.append(threading.Thread(target=ask, args=(name,)))
            threads[-1].start()
            asked.acquire()
            assert wait_until(lambda name=name: len(pool._waiting) == name + 1)
    for thread in threads:
        thread.join()
    assert order == list(range(6))
    assert (pool._busy, len(pool._waiting)) == (0, 0)


def test_a_caller_that_is_interrupted_gives_its_turn_back(monkeypatch):
    pool = Pool(capacity=1)
    with pool._turn():
        monkeypatch.setattr(threading.Event, "wait", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt), pool._turn():
            pass
        monkeypatch.undo()
        assert (pool._busy, len(pool._waiting)) == (1, 0)
    with pool._turn():
        assert pool._busy == 1


def test_a_worker_is_renewed_before_its_libraries_fill_its_memory(fresh_pools, monkeypatch):
    monkeypatch.setattr("s2r_rewards.answers.workers.pool.LIFETIME", 2)
    pids = []
    for _ in range(4):
        assert check("1/2", "0.5", PATIENT, backend="math_verify")
        pids += [worker.pid for worker in shared_pool().all]
    assert pids[0] not in pids[1:]  # asked twice, then gone


def test_no_signals_are_touched(fresh_pools):
    before = [signal.getsignal(s) for s in (signal.SIGALRM, signal.SIGCHLD, signal.SIGINT)]
    thread = threading.Thread(target=lambda: check(*SLOW, CheckPolicy(time_limit=0.3), backend="math_verify"))
    thread.start()
    thread.join()
    assert [signal.getsignal(s) for s in (signal.SIGALRM, signal.SIGCHLD, signal.SIGINT)] == before


def test_a_forked_child_starts_its_own_workers(fresh_pools):
    check("1/2", "0.5", PATIENT, backend="math_verify")
    (worker,) = shared_pool().all
    child = os.fork()
    if child == 0:
        fine = check("1/2", "0.5", PATIENT, backend="math_verify").verdict == "correct"
        mine = worker not in shared_pool().all
        shared_pool().close()
        os._exit(0 if fine and mine else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert check("1/3", "0.5", PATIENT, backend="math_verify").verdict == "incorrect"
    assert shared_pool().all == {worker}


PROGRAM = """
from s2r_rewards.answers import CheckPolicy, check
from s2r_rewards.answers.workers.pool import shared_pool
print(check("1/2", "0.5", CheckPolicy(time_limit=30.0), backend="math_verify").verdict)
print(*[w.pid for w in shared_pool().all], shared_pool()._nursery.process.pid, flush=True)
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
    verdict, *pids = run.stdout.split()
    assert (verdict, len(pids)) == ("correct", 2)
    assert wait_until(lambda: not any(alive(int(pid)) for pid in pids))


def test_workers_import_neither_torch_nor_a_framework(fresh_pools):
    check("1/2", "0.5", PATIENT, backend="math_verify")
    (worker,) = shared_pool().all
    with open(f"/proc/{worker.pid}/maps") as file:
        maps = file.read()
    assert "torch" not in maps
    assert "ray" not in {os.path.basename(line.split()[-1]).split(".")[0] for line in maps.splitlines()}
