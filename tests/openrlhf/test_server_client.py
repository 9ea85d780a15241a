"""Tokens, many clients, scoring processes that die; and a client that no server stops."""

import asyncio
import base64
import json
import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import pytest
from click.testing import CliRunner
from test_server import PROMPT, RIGHT, WRONG, body, post_many, server

from s2r_rewards.adapter import FAILED_METRIC, Options, Sample
from s2r_rewards.cli import main
from s2r_rewards.server.access import is_loopback, read_token, require_closed
from s2r_rewards.server.client import RewardClient
from s2r_rewards.server.judges import Judges
from s2r_rewards.server.protocol import reward_batch

TOKEN = "0123456789abcdef-secret"


@pytest.fixture(scope="module")
def token_file(tmp_path_factory):
    path = tmp_path_factory.mktemp("token") / "token.txt"
    path.write_text(TOKEN + "\n")
    return path


@pytest.fixture(scope="module")
def url(token_file):
    with server("--token-file", str(token_file), "--workers", "1") as (_, url):
        yield url


def basic(password):
    return {"authorization": "Basic " + base64.b64encode(f"s2r:{password}".encode()).decode()}


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 401),
        ({"authorization": "Bearer wrong"}, 401),
        ({"authorization": f"Token {TOKEN}"}, 401),
        ({"authorization": "Basic !!"}, 401),
        (basic("wrong"), 401),
        (basic(TOKEN), 200),
        ({"authorization": f"Bearer {TOKEN}"}, 200),
    ],
)
def test_only_who_shows_the_token_is_answered(url, headers, status):
    answer = httpx.post(url + "/get_reward", json=body(RIGHT), headers=headers)
    assert answer.status_code == status
    assert httpx.get(url + "/metrics", headers=headers).status_code == status
    if status == 401:
        assert "send `Authorization: Bearer TOKEN`" in answer.json()["error"]
    assert httpx.get(url + "/health").status_code == 200


def test_the_clients_answer_is_the_functions(url, token_file):
    batch = ([PROMPT + RIGHT, PROMPT + WRONG], [PROMPT] * 2, ["4", "4"])
    for client in (RewardClient.of(url, token_file), RewardClient.of(url.replace("//", f"//s2r:{TOKEN}@"))):
        assert client.reward_batch(*batch) == reward_batch(*batch)
    assert TOKEN not in repr(client)


def test_a_server_for_other_machines_needs_a_token(tmp_path):
    for host in ("0.0.0.0", "::", "192.168.1.4", "node1.cluster"):
        done = CliRunner().invoke(main, ["serve", "--host", host])
        assert done.exit_code == 2
        assert f"--host {host} lets every machine" in done.output
        assert "--token-file" in done.output
    for host in ("127.0.0.1", "::1", "localhost", "127.8.8.8"):
        assert is_loopback(host)
    require_closed("0.0.0.0", TOKEN)
    for text, told in (
        ("", "found 0 characters"),
        ("short", "found 5 characters"),
        ("two words of some length", "one word"),
    ):
        path = tmp_path / "bad"
        path.write_text(text)
        with pytest.raises(ValueError, match=told):
            read_token(path)
    with pytest.raises(ValueError, match="cannot be read"):
        read_token(tmp_path / "none")


def test_a_thousand_clients_are_answered_in_time(url):
    """Each waits for no more than its share: all together take what one after the other would, and none starves."""
    with server("--workers", "2") as (_, open_url):
        asyncio.run(post_many(open_url, 50))
        start = time.monotonic()
        answers = asyncio.run(post_many(open_url, 1000))
        taken = time.monotonic() - start
    assert [len(a.json()["rewards"]) for a in answers] == [1 + i % 2 for i in range(1000)]
    assert {a.status_code for a in answers} == {200}
    slowest = max(a.elapsed.total_seconds() for a in answers)
    assert slowest <= taken < 30


def children(pid):
    """Of all its threads."""
    return [child for file in Path(f"/proc/{pid}/task").glob("*/children") for child in file.read_text().split()]


def command_line(pid):
    return Path(f"/proc/{pid}/cmdline").read_text()


def test_a_scoring_process_that_dies_is_replaced():
    with server("--workers", "1") as (process, url):
        workers = [int(pid) for pid in children(process.pid) if "spawn_main" in command_line(pid)]
        assert len(workers) == 1
        os.kill(workers[0], signal.SIGKILL)
        time.sleep(0.3)
        assert httpx.post(url + "/get_reward", json=body(RIGHT), timeout=30).json()["rewards"] == [1.0]


def test_batches_that_a_process_took_along_are_judged_again():
    """Whatever was under way and what came behind: each batch once more, by one process instead of the dead one."""
    samples = [Sample(f"\\boxed{{{i}}}", str(i % 3)) for i in range(40)]

    async def run():
        judges = Judges(Options(), 1)
        await judges.start()
        (first,) = [judge.process for judge in judges._judges]
        under_way = [asyncio.create_task(judges.judge([sample] * 50)) for sample in samples]
        await asyncio.sleep(0)
        first.kill()
        found = await asyncio.gather(*under_way)
        later = await judges.judge(samples[:2])
        (second,) = [judge.process for judge in judges._judges]
        await judges.close()
        return found, later, first.pid != second.pid, second.exitcode

    found, later, replaced, code = asyncio.run(run())
    assert [[answer.outcome for answer in batch] for batch in found] == [
        [1.0 if i < 3 else -1.0] * 50 for i in range(40)
    ]
    assert ([answer.outcome for answer in later], replaced, code) == ([1.0, 1.0], True, 0)


@contextmanager
def scripted(*answers):
    """A server that gives these (status, body) in turn, the last one for ever."""
    left, asked = list(answers), []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            asked.append(json.loads(self.rfile.read(int(self.headers["content-length"]))))
            status, text = left.pop(0) if len(left) > 1 else left[0]
            self.send_response(status)
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as http:
        threading.Thread(target=http.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{http.server_port}/get_reward", asked
        http.shutdown()


GOOD = (200, json.dumps({"rewards": [1.0], "scores": [1.0], "extra_logs": {}}))
BATCH = ([PROMPT + RIGHT], [PROMPT], ["4"])


@pytest.mark.parametrize(
    "bad",
    [
        (500, "oops"),
        (503, ""),
        (200, "not json"),
        (200, "[]"),
        (200, '{"rewards": [NaN], "scores": [0], "extra_logs": {}}'),
        (200, '{"rewards": [1, 1], "scores": [0, 0], "extra_logs": {}}'),
        (200, '{"rewards": [null], "scores": [0], "extra_logs": {}}'),
    ],
)
def test_what_may_pass_is_tried_again(bad):
    with scripted(bad, bad, GOOD) as (url, asked):
        assert RewardClient((url,), pause=0.01).reward_batch(*BATCH)["rewards"] == [1.0]
        assert len(asked) == 3


@pytest.mark.parametrize(("status", "tries"), [(500, 3), (401, 1), (422, 1)])
def test_what_does_not_pass_is_a_counted_failure(status, tries):
    with scripted((status, "no")) as (url, asked):
        answer = RewardClient((url,), tries=3, pause=0.01).reward_batch(*BATCH)
        assert len(asked) == tries
    assert (answer["rewards"], answer["scores"], answer["extra_logs"][FAILED_METRIC]) == ([-1.0], [0.0], [1.0])
    assert set(answer["extra_logs"]) == set(reward_batch(*BATCH)["extra_logs"])


def test_a_dead_server_is_a_counted_failure_and_another_one_is_asked():
    dead = "http://127.0.0.1:9/get_reward"
    assert RewardClient((dead,), tries=2, pause=0.01).reward_batch(*BATCH)["rewards"] == [-1.0]
    with scripted(GOOD) as (url, _):
        assert RewardClient((dead, url), tries=2, pause=0.01).reward_batch(*BATCH)["rewards"] == [1.0]


def test_pauses_grow_and_are_bounded(monkeypatch):
    slept = []
    monkeypatch.setattr("s2r_rewards.server.client.time.sleep", slept.append)
    RewardClient(("http://127.0.0.1:9/",), tries=9, pause=1.0).reward_batch(*BATCH)
    for pause, middle in zip(slept, [1, 2, 4, 8, 16, 30, 30, 30], strict=True):
        assert middle / 2 <= pause <= middle * 1.5


@pytest.mark.parametrize("address", ["", "localhost:5000", "ftp://x/", "http:///get_reward"])
def test_addresses_that_are_none(address):
    with pytest.raises(ValueError, match=r"expected (an address|one such as)"):
        RewardClient.of(address)


def test_the_server_needs_nothing_of_the_client_and_the_client_nothing_of_the_server():
    code = "import sys, s2r_rewards.server.client; assert not {'fastapi', 'uvicorn', 'starlette'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, env={**os.environ, "S2R_CPU_SHIM": "0"})
