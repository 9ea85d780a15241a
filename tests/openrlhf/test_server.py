"""``s2r serve`` as a real process: load, refusals, metrics, and a shutdown that drops nothing."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager

import httpx
import pytest
from harness import free_port

from s2r_rewards.adapter import FAILED_METRIC, Sample
from s2r_rewards.metrics import METRIC_NAMES
from s2r_rewards.server.judges import judge_samples
from s2r_rewards.server.protocol import reply, to_response

PROMPT = "<|im_start|>user\nWhat is 2 + 2?<|im_end|>\n<|im_start|>assistant\n"
RIGHT = "2 + 2 = \\boxed{4}.\n\nWait, let me recheck my solution.\n\nTherefore, the answer is correct.<|im_end|>"
WRONG = RIGHT.replace("{4}", "{5}")


def body(*responses, labels=None):
    return {
        "query": [PROMPT + r for r in responses],
        "prompts": [PROMPT] * len(responses),
        "labels": labels or ["4"] * len(responses),
    }


@contextmanager
def server(*options, wait=90.0):
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, "-c", "from s2r_rewards.cli import main; main()", "serve", "--port", str(port), *options],
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    url = f"http://127.0.0.1:{port}"
    try:
        until = time.monotonic() + wait
        while True:
            try:
                httpx.get(url + "/health").raise_for_status()
                break
            except httpx.TransportError:
                assert process.poll() is None, process.stdout.read()
                assert time.monotonic() < until, "the server did not come up"
                time.sleep(0.1)
        yield process, url
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()


@pytest.fixture(scope="module")
def url():
    with server("--max-bytes", "200000") as (_, url):
        yield url


def test_openrlhf_protocol(url):
    answer = httpx.post(url + "/get_reward", json=body(RIGHT, WRONG)).json()
    assert answer["rewards"] == [1.0, -1.0]
    assert answer["scores"] == [1.0, 0.0]
    assert answer["extra_logs"]["s2r/count/verdicts_true"] == [1.0, 0.0]
    assert {len(values) for values in answer["extra_logs"].values()} == {2}


def test_an_unusable_label_is_counted_and_its_neighbour_is_scored(url):
    answer = httpx.post(url, json=body(RIGHT, RIGHT, labels=[None, {"gold": 4}])).json()
    assert answer["rewards"] == [-1.0, 1.0]
    assert answer["extra_logs"][FAILED_METRIC] == [1.0, 0.0]


@pytest.mark.parametrize(
    ("content", "status", "named"),
    [
        (b"{not json", 400, "body: not JSON"),
        (b'{"query": ["a"], "labels": ["4"]}', 422, "prompts: Field required"),
        (b'{"query": "a", "prompts": ["a"], "labels": ["4"]}', 422, "query: "),
        (b'{"query": ["a", 1], "prompts": ["a", "a"], "labels": ["4", "4"]}', 422, "query.1: "),
        (b'{"query": ["a"], "prompts": ["a"], "labels": []}', 422, "labels: found 0; expected 1"),
        (b"[1]", 422, "dictionary"),
        (b" " * 200001, 413, "body: larger than 200000 bytes"),
    ],
)
def test_bad_bodies_are_refused_with_the_field(url, content, status, named):
    answer = httpx.post(url + "/get_reward", content=content, headers={"content-type": "application/json"})
    assert answer.status_code == status
    assert named in answer.json()["error"]


def test_a_body_of_unannounced_length_is_refused_too(url):
    answer = httpx.post(url + "/get_reward", content=(b" " * 50_000 for _ in range(5)))
    assert answer.status_code == 413


def test_metrics_name_every_behaviour(url):
    httpx.post(url, json=body(RIGHT))
    text = httpx.get(url + "/metrics").text
    for name in METRIC_NAMES:
        assert f's2r_behaviour{{name="{name}"}}' in text
    assert 's2r_requests_total{status="200"}' in text


async def post_many(url, count, each=1):
    limits = httpx.Limits(max_connections=count)
    async with httpx.AsyncClient(limits=limits, timeout=60) as client:
        jobs = [client.post(url + "/get_reward", json=body(*[RIGHT, WRONG][: 1 + i % 2])) for i in range(count)]
        return await asyncio.gather(*jobs)


def test_200_concurrent_requests_get_their_own_answers(url):
    answers = asyncio.run(post_many(url, 200))
    for i, answer in enumerate(answers):
        assert answer.status_code == 200
        assert answer.json()["rewards"] == [1.0, -1.0][: 1 + i % 2]


def test_sigterm_drops_nothing_and_ends_with_0():
    # The batch waits long enough that the signal comes while every request is under way.
    with server("--batch-wait", "1.5", "--max-batch", "100000") as (process, url):

        async def scenario():
            jobs = asyncio.create_task(post_many(url, 100))
            await asyncio.sleep(0.7)
            process.send_signal(signal.SIGTERM)
            async with httpx.AsyncClient() as client:
                refused = await client.get(url + "/health")
            return refused.status_code, await jobs

        health, answers = asyncio.run(scenario())
        assert health == 503
        assert [a.status_code for a in answers] == [200] * 100
        assert process.wait(timeout=20) == 0


def test_it_listens_on_loopback_only_by_default():
    from s2r_rewards.cli.serve import command

    default = next(p.default for p in command.params if p.name == "host")
    assert default == "127.0.0.1"


def test_help_shows_an_example():
    from click.testing import CliRunner

    from s2r_rewards.cli.serve import command

    text = CliRunner().invoke(command, ["--help"]).output
    assert "s2r serve --port 5000" in text
    assert "--reward.remote_url" in text


def test_a_reply_is_the_protocols_object_for_one_sample_and_for_several():
    answers = judge_samples([Sample("\\boxed{1}", "1"), Sample("\\boxed{2}", "1"), Sample("\\boxed{1}", "1")])
    assert answers[0].outcome != answers[1].outcome
    for some in (answers, answers[:1], answers[1:2], answers[2:], answers[:1], []):
        assert json.loads(reply(some)) == to_response(some)
