"""Loads the recipe as a package under a name of its own, whatever else is called "tiny"."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
RECIPE = ROOT / "recipes" / "tiny"

pytest.importorskip("torch")
pytest.importorskip("transformers")

if "s2r_tiny" not in sys.modules:
    spec = importlib.util.spec_from_file_location(
        "s2r_tiny", RECIPE / "__init__.py", submodule_search_locations=[str(RECIPE)]
    )
    assert spec is not None
    assert spec.loader is not None
    sys.modules["s2r_tiny"] = module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)

Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="session")
def s2r() -> Run:
    """Runs `s2r …` as a process of its own."""

    def run(*arguments: object, **options: object) -> subprocess.CompletedProcess[str]:
        code = "from s2r_rewards.cli import main; main(prog_name='s2r')"
        path = os.pathsep.join([str(ROOT), str(ROOT / "integrations"), os.environ.get("PYTHONPATH", "")])
        return subprocess.run(
            [sys.executable, "-c", code, *map(str, arguments)],
            capture_output=True,
            text=True,
            env={**os.environ, "PYTHONPATH": path, "COLUMNS": "160"},
            check=False,
            **options,  # type: ignore[call-overload]
        )

    return run


@pytest.fixture(scope="session")
def small_settings() -> list[str]:
    """`--set` options under which every stage takes a second or less, and nothing is learned."""
    return [
        f"--set={setting}"
        for setting in (
            "base.steps=4",
            "base.batch=8",
            "data.problems=400",
            "sft.epochs=1",
            "online.steps=2",
            "online.prompts=4",
            "rollouts.prompts=40",
            "offline.low=0",
            "evaluation.problems=20",
            "max_tokens=40",
        )
    ]
