"""Declared names arrive in real TensorBoard and Weights & Biases files; ratios without cases leave a gap."""

import time

import pytest

from s2r_rewards import METRIC_NAMES
from s2r_rewards.alarms import ALARM_NAMES
from s2r_rewards.loggers import TensorBoardTracker, WandbTracker, log_batch
from s2r_rewards.testing import ORACLE

JUDGED = [case.script.judged(case.gold) for case in ORACLE.cases]


def test_tensorboard_holds_the_oracles_metrics(tmp_path):
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    tracker = TensorBoardTracker(str(tmp_path))
    logged = log_batch(tracker, JUDGED, step=7, levels=[1, 1, 2, 2, 2])
    tracker.close()
    events = EventAccumulator(str(tmp_path))
    events.Reload()
    for name, expected in ORACLE.metrics.items():
        (event,) = events.Scalars(name)
        assert event.step == 7
        assert event.value == pytest.approx(expected)
    assert set(METRIC_NAMES) <= set(logged)
    assert {f"s2r/alarm/{name}" for name in ALARM_NAMES} <= set(logged)
    assert "s2r/alarm/length_growth" not in events.Tags()["scalars"]
    assert "s2r/level/2/outcome/accuracy" in events.Tags()["scalars"]


def test_wandb_offline_run(tmp_path, monkeypatch):
    pytest.importorskip("wandb", reason="needs wandb: pip install wandb")
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.setenv("WANDB_SILENT", "true")
    tracker = WandbTracker(project="s2r", dir=str(tmp_path))
    log_batch(tracker, JUDGED, step=3)
    tracker.close()
    (stored,) = tmp_path.rglob("*.wandb")  # the offline record of the run: keys and JSON values in clear
    deadline = time.monotonic() + 60
    while b"s2r/trials/mean" not in (content := stored.read_bytes()) and time.monotonic() < deadline:
        time.sleep(0.1)  # wandb's own process may still be writing when finish() returns
    for name in ORACLE.metrics:
        assert name.encode() in content
    assert b"0.6666666666666666" in content
    assert b"s2r/alarm/length_growth" not in content
