"""The in-process tests once more, on the oldest supported verl (its package alone, beside the same dependencies)."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
OLDEST = Path(os.environ.get("S2R_OLDEST_VERL", HERE.parents[1] / ".envs" / "verl-0.9.0"))
FILES = (
    "test_contract.py",
    "test_checks.py",
    "test_configurations.py",
    "test_data_checks.py",
    "test_inprocess.py",
    "test_policy_loss.py",
    "test_replay.py",
    "test_sft.py",
    "test_trainer_state.py",
)


@pytest.mark.skipif(not OLDEST.exists(), reason="suite.json installs verl 0.9.0 into .envs/verl-0.9.0")
def test_everything_in_process_holds_on_verl_090():
    environment = {**os.environ, "PYTHONPATH": str(OLDEST)}
    version = [sys.executable, "-c", "import verl; print(verl.__version__)"]
    shown = subprocess.run(version, env=environment, capture_output=True, text=True, check=True).stdout
    assert shown.strip().endswith("0.9.0")
    tests = [str(HERE / name) for name in FILES]
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-W", "ignore", "-p", "no:cacheprovider", *tests],
        env=environment,
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, run.stdout[-4000:]
    assert " skipped" not in run.stdout.splitlines()[-1]
