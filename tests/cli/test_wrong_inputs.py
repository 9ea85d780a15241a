"""Wrong inputs of every verb: one line that says what to do, exit code 2, and nothing changed on the disk."""

import hashlib
import json
import os
import shlex
from pathlib import Path

import pytest

from s2r_rewards.rollouts.records import write_records

CASES = json.loads(Path(__file__).with_name("wrong_inputs.json").read_text())


def tree(folder):
    """Every file below with a digest of its contents."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


@pytest.mark.parametrize("case", CASES, ids=[f"{i} {case['run']}" for i, case in enumerate(CASES)])
def test_wrong_input(s2r, work, case):
    write_records(
        "problems.jsonl", [{"id": f"problem-{i}", "problem": f"{i} + 1?", "answer": str(i + 1)} for i in (0, 1)]
    )
    verified = {"problem_id": "problem-0", "problem": "0 + 1?", "gold": "1", "attempt": "\\boxed{1}", "answer": "1"}
    verified |= {"style": "confirmative", "verification": "Therefore, the answer is correct.", "wrong": 0, "total": 1}
    write_records("verified.jsonl", [{**verified, "correct": True, "kept": True}])
    for name, text in case.get("files", {}).items():
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).write_text(text)
    for name, target in case.get("links", {}).items():
        os.link(target, name)
    before = tree(work)
    result = s2r(*shlex.split(case["run"]))
    assert result.exit_code == 2, result.output
    message = result.stderr.strip()
    assert message.startswith("Error: ")
    assert "\n" not in message
    assert case["says"] in message
    assert tree(work) == before
