"""check_many: order, de-duplication, the bounded cache, and the same results from every kind of caller."""

from __future__ import annotations

import asyncio
import multiprocessing
import pickle
import random
from concurrent.futures import ThreadPoolExecutor

import pytest

from s2r_rewards.answers import CheckPolicy, CheckResult, batch, batch_checker, check, check_many, chunks
from s2r_rewards.answers.batch import ResultCache
from s2r_rewards.answers.result import FAILURES

PAIRS = [
    ("1/2", "0.5"), ("x^2-1", "(x-1)(x+1)"), ("5", "6"), ("1/2", "0.5"), ("\\{1,2\\}", "2,1"), ("", "5"), ("5", None),
    ("A", "B) 5"), ("['a']", '["a"]'), ("x < 3", "(-\\infty,3)"), ("5", "9^{9^{9^{9}}}"),
]  # fmt: skip
EXPECTED = ["correct", "correct", "incorrect", "correct", "correct", "ungradable", "malformed"]
EXPECTED += ["incorrect", "correct", "correct", "incorrect"]


def verdicts(pairs=PAIRS):
    return [result.verdict for result in check_many(pairs, cache=None)]


def test_order_and_verdicts():
    assert verdicts() == EXPECTED
    shuffled = random.Random(3).sample(list(zip(PAIRS, EXPECTED, strict=True)), len(PAIRS))
    assert verdicts([pair for pair, _ in shuffled]) == [verdict for _, verdict in shuffled]
    assert check_many([]) == []
    assert check_many(iter(PAIRS)) == [check(*pair) for pair in PAIRS]


def test_equal_pairs_are_checked_once(monkeypatch):
    seen = []
    monkeypatch.setattr(chunks, "check", lambda *args: seen.append(args[:2]) or CheckResult("correct", "string", "x"))
    assert len(check_many([("1", "2"), ("1", "2"), ("1", "3")] * 5, cache=None)) == 15
    assert seen == [("1", "2"), ("1", "3")]


def test_the_cache_is_used_bounded_and_keyed_by_policy(monkeypatch):
    cache = ResultCache(size=3)
    assert [bool(r) for r in check_many([("1", str(n)) for n in range(5)], cache=cache)] == [
        False,
        True,
        False,
        False,
        False,
    ]
    assert len(cache.results) == 3
    calls = []
    monkeypatch.setattr(chunks, "check", lambda *args: calls.append(args) or CheckResult("correct", "string", "x"))
    check_many([("1", "4")], cache=cache)
    assert calls == []  # kept
    check_many([("1", "0")], cache=cache)
    assert len(calls) == 1  # evicted
    check_many([("1", "4")], policy=CheckPolicy(order="free"), cache=cache)
    assert len(calls) == 2  # another policy is another question
    monkeypatch.setattr(batch, "CHECKER_VERSION", "another")
    check_many([("1", "4")], cache=cache)
    assert len(calls) == 3  # so is another version


def test_the_cache_keeps_neither_timeouts_nor_long_texts():
    cache = ResultCache()
    cache.put(("a",), CheckResult("timeout", "symbolic", "over 1 s"))
    check_many([("1" * 3000, "2")], cache=cache)
    assert len(cache.results) == 0


def test_workers_must_be_positive():
    with pytest.raises(ValueError, match="workers must be at least 1, got 0"):
        check_many(PAIRS, workers=0)


def test_the_same_in_threads():
    with ThreadPoolExecutor(8) as executor:
        assert list(executor.map(lambda _: verdicts(), range(16))) == [EXPECTED] * 16


def test_the_same_in_an_asyncio_executor():
    async def ask():
        loop = asyncio.get_running_loop()
        return await asyncio.gather(*[loop.run_in_executor(None, verdicts) for _ in range(4)])

    assert asyncio.run(ask()) == [EXPECTED] * 4


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_the_same_in_another_process(method):
    with multiprocessing.get_context(method).Pool(1) as processes:
        results = processes.apply(check_many, (PAIRS,))
    assert [result.verdict for result in results] == EXPECTED


def test_results_and_policies_travel():
    result = check("1/2", "0.5")
    assert pickle.loads(pickle.dumps(result)) == result
    assert pickle.loads(pickle.dumps(check)) is check
    assert pickle.loads(pickle.dumps(CheckPolicy(order="free"))) == CheckPolicy(order="free")


def test_only_correct_is_true():
    assert [bool(CheckResult(verdict, "string")) for verdict in ("correct", "incorrect", "ungradable", "timeout", "malformed")] == [
        True, False, False, False, False,
    ]  # fmt: skip
    with pytest.raises(AttributeError):
        check("1", "1").verdict = "correct"


POLICIES = [
    (CheckPolicy(order="strict"), "1, 2", "2, 1", False),
    (CheckPolicy(order="free"), "(1, 2)", "(2, 1)", True),
    (CheckPolicy(rounded_places=0), "0.333333", "1/3", False),
    (CheckPolicy(rounded_places=2), "0.33", "1/3", True),
    (CheckPolicy(machine_digits=0), "1/3", "0.3333333333333333", False),
    (CheckPolicy(relative_tolerance=0.01), "100", "100.5", True),
    (CheckPolicy(relative_tolerance=0.01), "100", "102", False),
    (CheckPolicy(percent="strict"), "12", "12\\%", False),
    (CheckPolicy(percent="value"), "12", "12\\%", False),
    (CheckPolicy(percent="value"), "0.12", "12\\%", True),
    (CheckPolicy(percent="sign"), "0.12", "12\\%", False),
    (CheckPolicy(percent="sign"), "12", "12\\%", True),
    (CheckPolicy(percent="value"), "1", "100\\%", True),
    (CheckPolicy(percent="value"), "150\\%", "1.5", True),
    (CheckPolicy(percent="strict"), "1/2", "50\\%", False),
    (CheckPolicy(units="strict"), "5\\text{ cm}", "5", False),
    (CheckPolicy(units="ignore"), "5\\text{ cm}", "5\\text{ km}", True),
    (CheckPolicy(letter_case=True), "\\text{Even}", "even", False),
]


@pytest.mark.parametrize(("policy", "gold", "answer", "correct"), POLICIES)
def test_policies(policy, gold, answer, correct):
    assert bool(check(gold, answer, policy)) == correct


def test_unknown_policies_are_refused():
    with pytest.raises(ValueError, match="order='any': expected one of notation, strict, free"):
        CheckPolicy(order="any")
    with pytest.raises(ValueError, match="positive number of seconds"):
        CheckPolicy(time_limit=0)


def test_length_and_depth_are_policies():
    assert check("5", "x" * 50, CheckPolicy(max_length=40)).verdict == "malformed"
    assert check("x" * 50, "5", CheckPolicy(max_length=40)).verdict == "ungradable"
    assert check("1", "((((1))))", CheckPolicy(max_depth=60))
    assert not check("1", "((((1))))", CheckPolicy(max_depth=3))
    assert not check("(1,2,3)", "(1,2,3.0)", CheckPolicy(max_items=2))


def test_a_large_batch_is_shared_out_and_comes_back_in_order(monkeypatch, fresh_pools):
    """Whatever part a worker takes, the results are those of one process, one by one."""
    monkeypatch.setattr(chunks, "WORTH_A_WORKER", 100)
    monkeypatch.setattr(chunks, "_SMALLEST", 7)
    pairs = [(str(n), str(n + n % 3) + ".0") for n in range(500)] + [("\ud800", "\ud801"), ("1", None), *PAIRS]
    for workers in (2, 3):
        asked = []
        real = chunks._in_worker
        monkeypatch.setattr(chunks, "_in_worker", lambda *a, real=real, asked=asked: asked.append(1) or real(*a))
        assert check_many(pairs, workers=workers, cache=None) == [check(*pair) for pair in pairs]
        assert asked  # a worker took part


def test_every_pair_is_taken_once_and_the_worker_takes_large_chunks():
    """Whoever asks when: the parts are all of the batch, each once, and a worker is asked a few times only."""
    for workers, count in ((2, 100_000), (3, 8_000), (2, 499)):
        rest, taken, asked = chunks._Rest(count, workers), [], 0
        while (cut := rest.take_a_little()) is not None:
            taken += range(count)[cut]
            if len(taken) % 1_500 == 0 and (cut := rest.take_much()) is not None:
                taken += range(count)[cut]
                asked += 1
        assert sorted(taken) == list(range(count))
        assert asked <= 12
        assert rest.take_much() is None


def test_one_pair_that_breaks_a_worker_spoils_no_other(monkeypatch, fresh_pools):
    pairs = [("1", "1.0"), ("7", "seven times"), ("2", "2.0")]
    monkeypatch.setattr(chunks, "check_request", None)  # the worker has its own copy; this one must not be used

    def call(self, task, request, limit):
        if any(answer == "seven times" for _, answer in request["pairs"]):
            return {"timeout": "over 0.8 s of CPU time"}
        found = [0] * len(request["pairs"])
        return {"found": found, "results": [("correct", "number", "same value")], "failures": []}

    monkeypatch.setattr("s2r_rewards.answers.workers.pool.Pool.call", call)
    for more in (0, 100):  # a piece down to a pair
        several = [(str(n), f"{n}.0") for n in range(more)] + pairs
        verdicts = [result.verdict for result in chunks._in_worker(several, CheckPolicy())]
        assert verdicts == ["correct"] * more + ["correct", "timeout", "correct"]


def test_failures_inside_a_worker_are_counted_here(fresh_pools):
    """The request that a worker runs reports what its guard caught; the caller adds it to its own count."""
    reply = {
        "found": [0],
        "results": [["ungradable", "checker", "why"]],
        "failures": [["the checker", "IndexError", 3]],
    }
    before = FAILURES["the checker", "IndexError"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("s2r_rewards.answers.workers.pool.Pool.call", lambda *_: reply)
        assert chunks._in_worker([("1", "2")], CheckPolicy()) == [CheckResult("ungradable", "checker", "why")]
    assert FAILURES["the checker", "IndexError"] == before + 3
    FAILURES["the checker", "IndexError"] = before


def test_what_a_worker_runs_is_the_checker_and_its_count(monkeypatch):
    monkeypatch.setenv("S2R_GUARD", "on")
    monkeypatch.setattr("s2r_rewards.answers.checker.compare_plain", lambda *_: [][0])
    before = FAILURES["the checker", "IndexError"]
    reply = chunks.check_request({"policy": {}, "pairs": [("x", "y"), ("x", "x")]})
    assert [reply["results"][number][0] for number in reply["found"]] == ["ungradable", "correct"]
    assert reply["failures"] == [["the checker", "IndexError", 1]]
    FAILURES["the checker", "IndexError"] = before


def test_a_verdict_that_does_not_exist_is_ungradable():
    (found,) = batch_checker(lambda gold, answer: CheckResult("wrong", "mine"))([("1", "1")])
    assert found.verdict == "ungradable"
    assert "'wrong'" in found.reason
