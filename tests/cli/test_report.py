"""`s2r report a b`: several runs side by side, or parts of one."""

import json
import re


def runs_of(path):
    page = path.read_text(encoding="utf-8")
    data = json.loads(re.search(r'<script type="application/json" id="data">(.*?)</script>', page, re.S)[1])
    return data["runs"], data["total"]


def test_two_files_are_two_runs(s2r, work):
    result = s2r("report", "scored.jsonl", "rollouts.jsonl")
    assert result.exit_code == 0, result.output
    assert "2 runs side by side: scored, rollouts (--merge" in result.stderr
    assert runs_of(work / "report.html") == (["scored", "rollouts"], 20)
    assert "<h1>scored · rollouts</h1>" in (work / "report.html").read_text(encoding="utf-8")


def test_parts_of_one_run(s2r, work):
    assert s2r("report", "scored.jsonl", "rollouts.jsonl", "--merge").exit_code == 0
    assert runs_of(work / "report.html") == ([], 20)
    assert s2r("report", "verl_dumps").exit_code == 0
    assert runs_of(work / "report.html") == ([], 10)


def test_names_are_given(s2r, work):
    assert s2r("report", "scored.jsonl", "verl_dumps", "--name", "SFT", "--name", "RL").exit_code == 0
    assert runs_of(work / "report.html") == (["SFT", "RL"], 20)


def test_what_cannot_be_compared_is_refused(s2r, work):
    (work / "report.html").write_text("kept")
    for arguments, complaint in (
        (["scored.jsonl"] * 9, "at most 8 runs can be read side by side; give their folder, or --merge"),
        (["scored.jsonl", "rollouts.jsonl", "--name", "a"], "1 different names for 2 runs"),
        (["scored.jsonl", "rollouts.jsonl", "--name", "a", "--name", "a"], "1 different names for 2 runs"),
        (["scored.jsonl", "rollouts.jsonl", "--merge", "--name", "a", "--name", "b"], "2 different names for 1 runs"),
    ):
        result = s2r("report", *arguments)
        assert result.exit_code == 2
        assert complaint in result.stderr
    assert (work / "report.html").read_text() == "kept"
