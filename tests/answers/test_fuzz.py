"""benchmarks/fuzz.py itself: a short run finds nothing that raises or hangs, and an interrupted run goes on as if it were not."""

from __future__ import annotations

import json
import math
import random
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FUZZ = ROOT / "benchmarks/fuzz.py"


def fuzz(folder, name, pairs, seed=11):
    state = folder / f"{name}.json"
    command = [sys.executable, str(FUZZ), "--pairs", str(pairs), "--seed", str(seed), "--state", str(state)]
    run = subprocess.run(
        [*command, "--report", str(folder / f"{name}.md")], capture_output=True, text=True, timeout=300
    )
    found = json.loads(state.read_text()) if state.exists() else {}
    assert run.returncode in (0, 1), run.stderr[-2000:]
    assert found.get("seed") == seed, run.stderr[-2000:]
    return found


def test_nothing_raises_hangs_or_swells_and_a_run_goes_on_where_it_stopped(tmp_path):
    whole = fuzz(tmp_path, "whole", 600)
    assert (whole["raised"], whole["slow"]) == ([], [])
    assert 0 < whole["largest"] < 500 << 20
    fuzz(tmp_path, "parts", 250)
    parts = fuzz(tmp_path, "parts", 600)
    for name in ("next", "verdicts", "differing", "counts", "believed"):
        assert parts[name] == whole[name]
    assert sum(sum(kind.values()) for kind in whole["verdicts"].values()) == 600
    assert "600 pairs of seed 11" in (tmp_path / "parts.md").read_text()


def test_a_state_of_another_seed_is_not_mixed_in(tmp_path):
    fuzz(tmp_path, "one", 10)
    with pytest.raises(AssertionError, match="belongs to seed 11"):
        fuzz(tmp_path, "one", 20, seed=12)
    assert json.loads((tmp_path / "one.json").read_text())["next"] == 10


def test_a_pair_differs_only_where_some_point_tells_the_two_apart(monkeypatch):
    monkeypatch.syspath_prepend(FUZZ.parent)
    import fuzz_trees as trees

    rng = random.Random(3)
    x, two = trees.Tree("x", lambda at: at["x"]), trees.Tree("2", lambda _: 2.0)
    squared = trees.Tree(f"{x.inside(3)}^{{2}}", lambda at: at["x"] ** 2, 2)
    assert squared.text == "x^{2}"
    assert trees.Tree("x+2", lambda at: at["x"] + 2, 0).inside(1) == "\\left(x+2\\right)"
    assert trees.differ(x, squared, rng) is True
    assert trees.differ(x, x, rng) is None
    assert trees.differ(two, trees.Tree("\\sqrt{4}", lambda _: 2.0000000001), rng) is None
    assert trees.differ(x, trees.Tree("\\sqrt{x^2}", lambda at: abs(at["x"])), rng) is True  # at negative points
    nothing = trees.Tree("\\frac{\\sin(\\pi)}{x^{16}}", lambda at: math.sin(math.pi * at["noise"]) / at["x"] ** 16)
    assert trees.differ(nothing, trees.Tree("0", lambda _: 0.0), rng) is None  # a rounding is no value
