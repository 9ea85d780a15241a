"""`--launch-vllm` as a process: found, waited for, reported when it fails, and ended. vLLM itself: test_pipeline_vllm."""

import importlib.util
import os
import subprocess
import sys
import time

import httpx
import pytest

from s2r_rewards.datasets.llm.server import ServerError, launched_vllm

if importlib.util.find_spec("vllm"):
    pytest.skip("stands in for vLLM where there is none", allow_module_level=True)

SERVES = """
import http.server, sys
class Health(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200); self.end_headers()
port = int(sys.argv[sys.argv.index("--port") + 1])
print("arguments", sys.argv[1:], flush=True)
http.server.HTTPServer(("127.0.0.1", port), Health).serve_forever()
"""


@pytest.fixture
def program(tmp_path, monkeypatch):
    """Puts an executable called ``vllm`` with the given code on the path."""

    def write(code):
        path = tmp_path / "bin" / "vllm"
        path.parent.mkdir()
        path.write_text(f"#!{sys.executable}\n{code}")
        path.chmod(0o755)
        monkeypatch.setenv("PATH", f"{path.parent}{os.pathsep}{os.environ['PATH']}")

    return write


def test_not_installed(s2r, sums, tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    text = s2r("data", "sample", sums, "-o", tmp_path / "o.jsonl", "--launch-vllm", "--model", "m", status=1)
    assert "vllm is not installed here" in text
    assert "--url" in text


def test_a_failing_server_shows_its_log(s2r, sums, tmp_path, program):
    program("import sys; print('no such model: m'); sys.exit(3)")
    text = s2r("data", "sample", sums, "-o", tmp_path / "o.jsonl", "--launch-vllm", "--model", "m", status=1)
    assert "vllm ended with exit status 3" in text
    assert "no such model: m" in text


def test_started_with_its_arguments_and_ended(tmp_path, program):
    program(SERVES)
    log = tmp_path / "vllm.log"
    with launched_vllm("m", log, "--max-model-len 64 --served-model-name 'a b'") as url:
        assert httpx.get(url.replace("/v1", "/health")).status_code == 200
    assert "'serve', 'm'" in log.read_text()
    assert "'--max-model-len', '64', '--served-model-name', 'a b'" in log.read_text()
    with pytest.raises(httpx.ConnectError):
        httpx.get(url.replace("/v1", "/health"))


def test_too_slow(tmp_path, program):
    program("import time; print('loading', flush=True); time.sleep(60)")
    with (
        pytest.raises(ServerError, match=r"did not answer within 1 s(.|\n)*loading"),
        launched_vllm("m", tmp_path / "vllm.log", timeout=1.0),
    ):
        pass


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel's death signal is Linux's")
def test_ends_with_a_killed_command(tmp_path, program):
    program(SERVES)
    code = (
        "import sys, time; from pathlib import Path; from s2r_rewards.datasets.llm.server import launched_vllm\n"
        "with launched_vllm('m', Path(sys.argv[1])) as url: print(url, flush=True); time.sleep(60)"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "vllm.log")]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    url = process.stdout.readline().strip()
    assert httpx.get(url.replace("/v1", "/health")).status_code == 200
    process.kill()
    process.wait()
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            httpx.get(url.replace("/v1", "/health"))
        except httpx.ConnectError:
            return
        time.sleep(0.05)
    pytest.fail("the server outlived its command")
