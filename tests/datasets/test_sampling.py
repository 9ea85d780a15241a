import asyncio
import json
import os
import random
import signal
import subprocess
import sys
import time

import pytest

from s2r_rewards.datasets.llm.client import CompletionClient, CompletionError
from s2r_rewards.datasets.llm.requests import SamplingOptions
from s2r_rewards.rollouts import read_rollouts


def ask(url, **options):
    async def run():
        async with CompletionClient(url, SamplingOptions("m"), backoff=0.01, **options) as client:
            messages = [{"role": "user", "content": "What is 2 + 2?"}]
            return await client.complete(messages, seed=1), client.retried

    return asyncio.run(run())


@pytest.mark.parametrize(
    "failures", [[500, 503], [429], ["drop"], ["garbage", 502], [(429, {"retry-after": "0.05"})]], ids=str
)
def test_failures_that_pass_are_retried(server, failures):
    url, script = server
    script.failures = list(failures)
    completion, retried = ask(url)
    assert completion.finished
    assert "\\boxed{" in completion.response
    assert retried == len(failures)
    assert len(script.requests) == len(failures) + 1


def test_retry_after_is_waited_for(server):
    url, script = server
    script.failures = [(429, {"retry-after": "0.5"})]
    start = time.monotonic()
    ask(url)
    assert time.monotonic() - start >= 0.5


@pytest.mark.parametrize("status", [400, 401, 404])
def test_a_refused_request_is_not_retried(server, status):
    url, script = server
    script.failures = [status]
    with pytest.raises(CompletionError, match=f"status {status}: .*told to fail"):
        ask(url)
    assert len(script.requests) == 1


@pytest.mark.parametrize("empty", [{"content": None}, {"content": ""}, {"content": " \n"}], ids=str)
def test_an_empty_reply_is_asked_for_again(server, empty):
    url, script = server
    script.failures = [empty, empty]
    completion, retried = ask(url)
    assert "\\boxed{" in completion.response
    assert retried == 2


def test_what_stays_empty_is_a_failure_if_null_and_counted_if_said(s2r, server, sums, tmp_path):
    url, script = server
    script.failures = [{"content": None}] * 3
    with pytest.raises(CompletionError, match="no text in it \\(content null, finish_reason 'stop'\\)"):
        ask(url, retries=2)
    script.failures = [{"content": ""}] * 3
    text = sample(s2r, sums, tmp_path / "samples.jsonl", url, "--concurrency", 1)
    assert "60 replies, 0 cut off, 1 empty" in text


@pytest.mark.parametrize("name", ["reasoning_content", "reasoning"])
@pytest.mark.parametrize("content", [None, "It is \\boxed{4}."])
def test_thinking_of_its_own_is_kept(server, name, content):
    url, script = server
    script.failures = [{"content": content, name: "2 and 2 are 4."}]
    completion, _ = ask(url)
    assert completion.response == f"<think>\n2 and 2 are 4.\n</think>\n\n{content or ''}"
    assert len(script.requests) == 1


def test_more_samples_go_on_from_what_is_there(s2r, server, sums, tmp_path):
    url, script = server
    out = tmp_path / "samples.jsonl"
    sample(s2r, sums, out, url, "-k", 3)
    three = list(read_rollouts(out))
    assert len(script.requests) == len(three) == 36
    assert "going on with 36 of 48 replies" in sample(s2r, sums, out, url, "-k", 4)
    assert len(script.requests) == 48
    four = list(read_rollouts(out))
    assert [r for r in four if r.extra["sample"] < 3] == three
    fresh = tmp_path / "fresh.jsonl"
    sample(s2r, sums, fresh, url, "-k", 4)
    assert fresh.read_bytes() == out.read_bytes()


def test_a_run_without_any_reply_does_not_block_the_corrected_one(s2r, server, sums, tmp_path):
    url, script = server
    script.failures = [404] * 40
    out = tmp_path / "samples.jsonl"
    sample(s2r, sums, out, url, "--model", "wrong", status=1)
    script.failures = []
    sample(s2r, sums, out, url, "--temperature", 0.5)
    assert len(list(read_rollouts(out))) == 60


def test_retries_end(server):
    url, script = server
    script.failures = [500] * 10
    with pytest.raises(CompletionError, match="gave up after 3 tries; the last one: status 500"):
        ask(url, retries=2)
    assert len(script.requests) == 3


def sample(s2r, problems, output, url, *more, status=0):
    return s2r("data", "sample", problems, "-o", output, "-k", 5, "--url", url, "--model", "m", *more, status=status)


def test_rows_are_rollouts_in_order(s2r, server, sums, tmp_path):
    url, script = server
    script.delay = 0.05  # long enough for requests to meet, on a busy machine too
    out = tmp_path / "samples.jsonl"
    text = sample(s2r, sums, out, url, "--concurrency", 4, "--price-in", 2, "--price-out", 10)
    rows = list(read_rollouts(out))
    assert [(r.problem_id, r.extra["sample"]) for r in rows] == [(f"sum-{a}", k) for a in range(12) for k in range(5)]
    assert all(r.finished and r.prompt.startswith("What is") for r in rows)
    words = sum(r.extra["completion_tokens"] for r in rows)
    assert f"60 replies, 0 cut off, 0 empty, 600 prompt tokens, {words:,} completion tokens" in text
    assert f"{(600 * 2 + words * 10) / 1e6} cost" in text
    assert len({r["seed"] for r in script.requests}) == 60
    assert 1 < script.most_under_way <= 4
    assert script.requests[0]["messages"][0]["role"] == "system"


def test_a_second_call_asks_for_nothing(s2r, server, sums, tmp_path):
    url, script = server
    out = tmp_path / "samples.jsonl"
    sample(s2r, sums, out, url)
    before, asked = out.read_bytes(), len(script.requests)
    assert "complete already" in sample(s2r, sums, out, url)
    assert (out.read_bytes(), len(script.requests)) == (before, asked)


def test_other_settings_are_not_mixed_in(s2r, server, sums, tmp_path):
    url, script = server
    out = tmp_path / "samples.jsonl"
    sample(s2r, sums, out, url)
    text = sample(s2r, sums, out, url, "--temperature", 1, status=2)
    assert "temperature: was 0.7, now 1.0" in text
    sample(s2r, sums, out, url, "--temperature", 1, "--restart")
    assert script.requests[-1]["temperature"] == 1.0


def test_a_failure_keeps_the_finished_samples_and_the_next_run_asks_for_the_rest(s2r, server, sums, tmp_path):
    url, script = server
    whole, out = tmp_path / "whole.jsonl", tmp_path / "samples.jsonl"
    sample(s2r, sums, whole, url)
    script.requests.clear()
    script.failures = [None] * 20 + [400]
    text = sample(s2r, sums, out, url, "--concurrency", 2, status=1)
    assert "status 400" in text
    assert not out.exists()
    asked = len(script.requests)
    assert asked < 60
    assert "going on with" in sample(s2r, sums, out, url)
    assert len(script.requests) == 60 + 1  # every sample once, and the refused one again
    assert out.read_bytes() == whole.read_bytes()


def test_skip_goes_on_and_the_next_run_fills_the_gap(s2r, server, sums, tmp_path):
    url, script = server
    whole, out = tmp_path / "whole.jsonl", tmp_path / "samples.jsonl"
    sample(s2r, sums, whole, url, "--on-error", "skip")
    script.failures = [None] * 7 + [400] + [None] * 9 + [400]
    text = sample(s2r, sums, out, url, "--on-error", "skip")
    assert "2 replies failed and are missing" in text
    assert len(out.read_text().splitlines()) == 58
    sample(s2r, sums, out, url, "--on-error", "skip")
    assert out.read_bytes() == whole.read_bytes()


@pytest.mark.parametrize("seed", range(3))
def test_killed_at_a_random_moment(server, s2r, sums, tmp_path, seed):
    url, script = server
    whole, out = tmp_path / "whole.jsonl", tmp_path / "samples.jsonl"
    sample(s2r, sums, whole, url)
    command = [sys.executable, "-c", "from s2r_rewards.cli import main; main()", "data", "sample", str(sums)]
    command += ["-o", str(out), "-k", "5", "--url", url, "--model", "m", "--concurrency", "3"]
    script.delay = 0.05
    stop_at = len(script.requests) + random.Random(seed).randrange(5, 55)
    process = subprocess.Popen(command, env=os.environ, stderr=subprocess.DEVNULL)
    while len(script.requests) < stop_at:
        assert process.poll() is None
        time.sleep(0.002)
    process.send_signal(signal.SIGKILL)
    process.wait()
    script.delay = 0.0
    assert not out.exists()
    subprocess.run(command, env=os.environ, check=True, stderr=subprocess.DEVNULL)
    assert out.read_bytes() == whole.read_bytes()
    assert not list(tmp_path.glob("*.work"))


@pytest.mark.parametrize("torn", [b'{"key": "sum-0#0", "row": {"resp', b'{"key": "sum-0#0"}', b"\xff"])
def test_a_torn_last_line_is_asked_for_again(s2r, server, sums, tmp_path, torn):
    url, script = server
    whole, out = tmp_path / "whole.jsonl", tmp_path / "samples.jsonl"
    sample(s2r, sums, whole, url)
    script.failures = [None] * 20 + [400]
    sample(s2r, sums, out, url, "--concurrency", 1, status=1)
    with open(f"{out}.work", "ab") as log:
        log.write(torn)
    sample(s2r, sums, out, url)
    assert out.read_bytes() == whole.read_bytes()


def test_damage_in_the_middle_is_named(s2r, server, sums, tmp_path):
    url, script = server
    out = tmp_path / "samples.jsonl"
    script.failures = [None] * 20 + [400]
    sample(s2r, sums, out, url, status=1)
    log = tmp_path / "samples.jsonl.work"
    lines = log.read_bytes().splitlines(keepends=True)
    log.write_bytes(b"".join([*lines[:3], b'{"key"\n', *lines[3:]]))
    assert "samples.jsonl.work:4: damaged line" in sample(s2r, sums, out, url, status=2)


def test_a_bad_problem_names_file_line_and_field(s2r, server, sums, tmp_path):
    url, _ = server
    lines = sums.read_text().splitlines()
    row = json.loads(lines[3])
    del row["answer"]
    sums.write_text("\n".join([*lines[:3], json.dumps(row), *lines[4:5], "{oops", *lines[5:]]) + "\n")
    out = tmp_path / "samples.jsonl"
    text = sample(s2r, sums, out, url, status=2)
    assert f"{sums}:4: field 'answer': expected a non-empty string, found None" in text
    text = sample(s2r, sums, out, url, "--on-error", "skip", "--restart")
    assert "skipped 2 bad records" in text
    assert f"{sums}:6" in text
    assert len(out.read_text().splitlines()) == 55


def test_no_server(s2r, sums, tmp_path):
    text = sample(
        s2r, sums, tmp_path / "o.jsonl", "http://127.0.0.1:9/v1", "--retries", 0, "--concurrency", 1, status=1
    )
    assert "Is the server up" in text


def test_url_or_launch(s2r, sums, tmp_path):
    text = s2r("data", "sample", sums, "-o", tmp_path / "o.jsonl", "--model", "m", status=2)
    assert "give either --url or --launch-vllm" in text


def test_raw_completions(s2r, server, sums, tmp_path):
    url, script = server
    out = tmp_path / "s.jsonl"
    template = "Q: {problem}\nA:"
    s2r(
        *("data", "sample", sums, "-o", out, "-k", 1, "--url", url, "--model", "m"),
        *("--api", "completions", "--template", template),
    )
    assert script.requests[0]["path"] == "/v1/completions"
    assert script.requests[0]["prompt"].startswith("Q: What is")
