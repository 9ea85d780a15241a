"""The contract and slice tests once more, on the oldest supported OpenRLHF."""

import os
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
OLDEST = Path(sys.prefix) / "openrlhf-0.10.2"  # installed beside the newest one by suite.json


def test_contracts_hold_on_0_10_2():
    assert OLDEST.is_dir(), f"{OLDEST} is missing: pip install --no-deps --target {OLDEST} openrlhf==0.10.2"
    env = {**os.environ, "PYTHONPATH": f"{OLDEST}{os.pathsep}{os.environ['PYTHONPATH']}"}
    found = subprocess.run(
        [sys.executable, "-c", "from importlib import metadata; print(metadata.version('openrlhf'))"],
        env=env, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert found.stdout.split()[-1] == "0.10.2"
    files = [HERE / f"test_{name}.py" for name in ("light", "maker", "replay", "sft", "recipes")]
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *map(str, files)]
    done = subprocess.run(command, env=env, cwd=HERE.parent.parent, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-5000:]
