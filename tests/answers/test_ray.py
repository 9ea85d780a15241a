"""The same results in a real Ray worker, whose processes are neither forked nor spawned by us."""

from __future__ import annotations

import pytest

ray = pytest.importorskip("ray")

from s2r_rewards.answers import CheckPolicy, check, check_many  # noqa: E402

PAIRS = [("1/2", "0.5"), ("x^2-1", "(x-1)(x+1)"), ("5", "6"), ("x < 3", "(-\\infty,3)"), ("", "1"), ("1", None)]


@pytest.fixture(scope="module")
def cluster():
    ray.init(num_cpus=1, include_dashboard=False, log_to_driver=False, ignore_reinit_error=True)
    yield
    ray.shutdown()


def test_the_same_in_a_ray_task(cluster):
    @ray.remote
    def ask(pairs):
        return check_many(pairs)

    assert ray.get(ask.remote(PAIRS)) == check_many(PAIRS)


def test_worker_processes_in_a_ray_actor(cluster):
    pytest.importorskip("math_verify")

    @ray.remote
    class Grader:
        def ask(self, gold, answer, limit):
            return check(gold, answer, CheckPolicy(time_limit=limit), backend="math_verify").verdict

    grader = Grader.remote()
    assert ray.get(grader.ask.remote("1/2", "0.5", 30.0)) == "correct"
    assert ray.get(grader.ask.remote("5", "7^{7^{7^{7}}} \\mod 10 + 9^{9^{9^9}}", 0.5)) == "timeout"
    assert ray.get(grader.ask.remote("1/2", "0.6", 30.0)) == "incorrect"
