"""Whole runs: what is learned, what is written, and that an interruption changes nothing."""

from __future__ import annotations

import json
import math
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from s2r_tiny.stages import STAGES, with_needs

from s2r_rewards import METRIC_NAMES
from s2r_rewards.rollouts import read_rollouts

ROOT = Path(__file__).resolve().parents[2]


def results(folder: Path) -> dict[str, str]:
    """Everything that a run computes, without its clock."""
    names = sorted(p for p in folder.rglob("*.jsonl"))
    return {str(p.relative_to(folder)): p.read_text() for p in names}


@pytest.fixture(scope="module")
def small(s2r, tmp_path_factory, small_settings):
    out = tmp_path_factory.mktemp("small") / "run"
    done = s2r("recipes", "run", "tiny", "--out", out, "--jobs", 1, "--no-plots", *small_settings)
    assert done.returncode == 0, done.stderr
    return out, done


def test_a_run_writes_what_it_promises(small):
    out, done = small
    folder = out / "seed-0"
    assert json.loads((folder / "config.json").read_text())["online"]["steps"] == 2
    rows = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    evaluated = [r for r in rows if "temperature" in r]
    assert {r["stage"] for r in evaluated} == set(STAGES) - {"data", "rollouts"}
    assert all(set(METRIC_NAMES) <= set(r) for r in evaluated)
    assert sum(r["stage"] == "prl" and "tiny/clip_fraction" in r for r in rows) == 2
    stored = list(read_rollouts(folder / "rollouts" / "prl.jsonl"))
    assert {r.step for r in stored} == {1, 2}
    assert all(r.s2r and r.s2r.actions for r in stored)
    assert len(list(read_rollouts(folder / "rollouts" / "bi-greedy.jsonl"))) == 20
    assert "BI + offline PRL" in done.stdout


def test_the_stored_rollouts_feed_the_other_tools(small, s2r, tmp_path):
    out, _ = small
    rollouts = out / "seed-0" / "rollouts" / "orl.jsonl"
    scored = tmp_path / "again.jsonl"
    done = s2r("score", rollouts, "-o", scored)
    assert done.returncode == 0, done.stderr
    assert len(list(read_rollouts(scored))) == len(list(read_rollouts(rollouts)))


def test_a_killed_run_goes_on_to_the_same_result_whatever_the_number_of_jobs(small, s2r, tmp_path, small_settings):
    out, _ = small
    command = ["recipes", "run", "tiny", "--out", tmp_path / "run", "--jobs", 2, "--no-plots", *small_settings]
    code = "from s2r_rewards.cli import main; main()"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])}
    process = subprocess.Popen(
        [sys.executable, "-c", code, *map(str, command)],
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    records = tmp_path / "run" / "seed-0" / "stages"
    deadline = time.monotonic() + 120
    while not (records / "data.json").exists() and time.monotonic() < deadline and process.poll() is None:
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    finished = {p.stem for p in records.glob("*.json")}
    assert "data" in finished
    assert finished < set(STAGES), "the run was over before it could be killed"

    done = s2r(*command)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("already done") == len(finished)
    assert results(tmp_path / "run") == results(out)


def test_a_folder_of_another_run_is_not_touched(small, s2r, small_settings):
    out, _ = small
    done = s2r("recipes", "run", "tiny", "--out", out, "--no-plots", *small_settings, "--set", "online.lr=1")
    assert done.returncode == 1
    assert "--fresh" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["--stages", "base,rl"], "'rl'"),
        (["--seeds", "0,x"], "'0,x'"),
        (["--set", "online.stepz=1"], "stepz"),
        (["--set", "online.method=s2r"], "s2r-prl"),
        (["--set", "online.method=nowhere:METHOD"], "nowhere"),
        (["--set", "online.control=coin"], "random"),
        (["--set", "online.baseline=median"], "reward_context"),
        (["--set", "online.ratio=words"], "token"),
        (["--set", "offline.by=luck"], "position"),
        (["--set", "offline.rejection=keep"], "discard"),
        (["--set", "data.style=prose"], "again"),
        (["--study", "ratio", "--stages", "bi"], "--stages"),
    ],
)
def test_wrong_arguments_are_usage_errors(s2r, arguments, named):
    done = s2r("recipes", "run", "tiny", *arguments)
    assert done.returncode == 2
    assert named in done.stderr


def test_cuda_is_asked_for_in_vain_where_there_is_none(s2r, tmp_path):
    if torch.cuda.is_available():
        pytest.skip("a CUDA device is here")
    done = s2r("recipes", "run", "tiny", "--device", "cuda", "--out", tmp_path / "run")
    assert done.returncode == 1
    assert "no CUDA device" in done.stderr
    assert not (tmp_path / "run").exists()


def test_stages_bring_what_they_need():
    assert with_needs(["prl"]) == ["base", "data", "bi", "prl"]
    assert with_needs(list(STAGES)) == list(STAGES)


def test_a_quick_run_learns_to_verify_and_correct(s2r, tmp_path):
    """The claims that held for every seed tried, with a margin; the README has the measured figures."""
    done = s2r("recipes", "run", "tiny", "--quick", "--stages", "plain,orl,prl", "--out", tmp_path)
    assert done.returncode == 0, done.stderr
    found = json.loads((tmp_path / "seed-0" / "summary.json").read_text())["evaluation"]

    def value(model: str, metric: str, temperature: str = "t1") -> float:
        number = found[model][temperature][metric]
        assert number is not None
        assert not math.isnan(number)
        return number

    final, verified = "s2r/outcome/accuracy", "s2r/verify/accuracy"
    assert value("bi", final) > value("plain", final) + 0.1
    # Headroom: methods can be told apart, greedy and sampled.
    assert 0.3 < value("bi", final, "greedy") < 0.8
    assert max(value(model, final, t) for model in ("orl", "prl") for t in ("greedy", "t1")) < 0.95
    for model in ("orl", "prl"):
        assert value(model, final) > value("bi", final) + 0.1
        assert value(model, verified) > value("bi", verified) + 0.05
        assert value(model, "s2r/level/5/trials/mean") > value(model, "s2r/level/1/trials/mean") + 1
        assert value(model, "s2r/correct/i2c") > 0.4
        assert value(model, "tiny/glances") < value("bi", "tiny/glances") / 2
    for picture in ("accuracy", "behaviour", "difficulty", "learning"):
        assert (tmp_path / f"{picture}.png").stat().st_size > 10_000
