"""recipes/pipeline/run.sh with a tiny model, the real vLLM server and OpenRLHF's real SFT trainer, on a CPU.

Runs in the openrlhf suite, whose environment has vLLM and OpenRLHF.
"""

import importlib.util
import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter, defaultdict
from pathlib import Path

import pytest

from s2r_rewards.datasets.llm.server import launched_vllm
from s2r_rewards.parsing import parse

if not all(importlib.util.find_spec(name) for name in ("vllm", "openrlhf")):
    pytest.skip("needs vLLM and OpenRLHF: the openrlhf suite", allow_module_level=True)

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
sys.path.insert(0, str(HERE.parent / "openrlhf"))
VLLM_ARGS = "--enforce-eager --max-model-len 640 --dtype float32 --no-enable-prefix-caching --max-num-seqs 16"
SAMPLE_ARGS = "--max-tokens 120 --concurrency 8"


@pytest.fixture(scope="module")
def environment(tmp_path_factory):
    """The environment of every command: CPU settings, and an ``s2r`` on the path."""
    import harness

    bin_folder = tmp_path_factory.mktemp("bin")
    script = bin_folder / "s2r"
    script.write_text(f"#!{sys.executable}\nfrom s2r_rewards.cli import main\nmain()\n")
    script.chmod(0o755)
    single = {"RANK": "0", "WORLD_SIZE": "1", "LOCAL_RANK": "-1", "MASTER_ADDR": "127.0.0.1"}
    env = harness.environment(**single, MASTER_PORT="29677")
    env["PATH"] = f"{bin_folder}{os.pathsep}{env['PATH']}"
    return env


@pytest.fixture(scope="module")
def base(environment, tmp_path_factory):
    """The folder of the tiny base model."""
    folder = tmp_path_factory.mktemp("base")
    subprocess.run([sys.executable, HERE / "tiny_base.py", folder], env=environment, check=True)
    return folder


@pytest.fixture(scope="module")
def url(environment, base, tmp_path_factory):
    """A vLLM server with the base model."""
    before = dict(os.environ)
    os.environ.update(environment)
    try:
        with launched_vllm(str(base / "model"), tmp_path_factory.mktemp("log") / "vllm.log", VLLM_ARGS) as address:
            yield address
    finally:
        os.environ.clear()
        os.environ.update(before)


@pytest.fixture(scope="module")
def settings(environment, base, url):
    return {
        **environment,
        "MODEL": str(base / "model"),
        "DATA": str(base / "sums.jsonl"),
        "BENCH": f"-b sums --data sums={base / 'sums.jsonl'}",
        "BASE_URL": url,
        "VLLM_ARGS": VLLM_ARGS,
        "SAMPLE_ARGS": SAMPLE_ARGS,
        "BAND": "0 0.95",
        "STYLE": "both",
        "LAUNCH": f"{sys.executable} -m",
        "SFT_ARGS": "--ds.attn_implementation eager --ds.zero_stage 0 --train.micro_batch_size 4 "
        "--train.batch_size 4 --train.max_epochs 12 --adam.lr 2e-3 --data.max_len 512",
    }


def start(env):
    log = open(Path(env["OUT"]).with_suffix(".log"), "ab")  # noqa: SIM115 - the process writes on
    command = ["bash", ROOT / "recipes" / "pipeline" / "run.sh"]
    return subprocess.Popen(command, env=env, stdout=log, stderr=subprocess.STDOUT, start_new_session=True)


def kill_when(process, ready):
    """SIGKILL to the script and all its children, as soon as ``ready()`` says so."""
    while not ready():
        assert process.poll() is None
        time.sleep(0.01)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def read(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


def lines(path):
    return path.read_bytes().count(b"\n") if path.exists() else 0


@pytest.fixture(scope="module")
def run(settings, tmp_path_factory):
    """The folder of one whole run, killed twice on the way."""
    out = tmp_path_factory.mktemp("runs") / "tiny"
    env = {**settings, "OUT": str(out)}
    kill_when(start(env), lambda: lines(out / "samples.jsonl.work") > 60)
    assert not (out / "samples.jsonl").exists()
    kill_when(start(env), lambda: lines(out / "verified.jsonl.work") > 100)
    assert start(env).wait() == 0, out.with_suffix(".log").read_text(errors="replace")[-5000:]
    return out


def test_sampling_killed_and_undisturbed_agree(run, settings, tmp_path):
    again = tmp_path / "samples.jsonl"
    command = ["s2r", "data", "sample", run / "problems.jsonl", "-o", again, "-k", "5"]
    command += ["--url", settings["BASE_URL"], "--model", settings["MODEL"], *SAMPLE_ARGS.split()]
    subprocess.run([str(c) for c in command], env=settings, check=True)
    first, second = read(run / "samples.jsonl"), read(again)
    assert [(r["problem_id"], r["sample"]) for r in first] == [(r["problem_id"], r["sample"]) for r in second]
    assert len(first) == 36 * 5
    assert first == second


def test_the_base_model_gives_attempts_and_verifications_of_both_kinds(run):
    rows = read(run / "verified.jsonl")
    kept = Counter((r["correct"], r["verdict"]) for r in rows if r["kept"])
    assert kept[(True, "correct")] > 30
    assert kept[(False, "incorrect")] > 30
    assert len(rows) == len({(r["problem_id"], r["sample"], r["style"]) for r in rows})


def test_sft_taught_the_protocol(run):
    trajectories = read(run / "sft.jsonl")
    assert len(trajectories) >= 15
    assert max(t["attempts"] for t in trajectories) >= 3
    rollouts = read(run / "rollouts.jsonl")
    verified = [bool(parse(r["response"], finished=r["finished"]).verifications) for r in rollouts]
    assert len(rollouts) == 36 * 8
    assert sum(verified) / len(verified) > 0.5


def test_offline_advantages_sum_to_zero_in_every_group(run):
    sums = defaultdict(float)
    rows = read(run / "offline.jsonl")
    for row in rows:
        for t, action in enumerate(a for a in row["s2r"]["actions"] if a["kind"] != "end"):
            sums[min(int(row["accuracy"] * 10 + 1e-9), 9), t] += action["advantage"]
    assert len(rows) > 30
    assert all(abs(total) < 1e-9 for total in sums.values())
    assert len(read(run / "offline.openrlhf.jsonl")) == len(rows)


def test_eval_counts_what_was_generated(run):
    (result,) = json.loads((run / "eval" / "results.json").read_text())
    generations = read(run / "eval" / "sums.jsonl")
    last = [parse(g["response"]).attempts[-1].answer for g in generations]
    assert result["accuracy"] == sum(a == g["gold"] for a, g in zip(last, generations, strict=True)) / 36
    assert result["metrics"]["s2r/verify/accuracy"] is not None
    assert 0.2 < result["accuracy"] <= 1.0


def test_nothing_is_done_twice(run, settings):
    before = {p: p.stat().st_mtime_ns for p in [run / "samples.jsonl", run / "rollouts.jsonl", run / "sft.done"]}
    assert start({**settings, "OUT": str(run)}).wait() == 0
    assert {p: p.stat().st_mtime_ns for p in before} == before
