"""What importing the core costs and what it must not load."""

import importlib
import json
import subprocess
import sys

import s2r_rewards

HEAVY = ("torch", "transformers", "verl", "openrlhf", "vllm", "ray", "sympy", "math_verify", "pandas", "pyarrow")


def test_the_core_loads_nothing_heavy():
    code = (
        "import json, sys, s2r_rewards, s2r_rewards.answers, s2r_rewards.baselines, s2r_rewards.metrics,"
        " s2r_rewards.tokens, s2r_rewards.rollouts.scoring; print(json.dumps(sorted(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(json.loads(done.stdout))
    assert not loaded & set(HEAVY)


def test_public_names_exist():
    for name in s2r_rewards.__all__:
        assert getattr(s2r_rewards, name) is not None
    for module in ("answers", "baselines"):
        loaded = importlib.import_module(f"s2r_rewards.{module}")
        for name in loaded.__all__:
            assert getattr(loaded, name) is not None
