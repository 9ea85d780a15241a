"""s2r data turns: verification prompts out of rollouts, half right and half wrong, mixed with problems."""

import json

import pytest
from click.testing import CliRunner

from s2r_rewards.adapter import attempt_of, gold_of
from s2r_rewards.cli import main
from s2r_rewards.rollouts import Rollout, write_rollouts
from s2r_rewards.rollouts.records import read_records
from s2r_rewards.testing.builders import solve
from s2r_rewards.turns.conversation import VERIFY


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    texts = [
        solve("4").verify("correct"),
        solve("5").verify("incorrect").solve("4"),
        solve("6"),
        solve("4"),
        solve("4"),
    ]
    write_rollouts("r.jsonl", [Rollout(f"p{i}", f"Problem {i}?", t.text(), "4") for i, t in enumerate(texts)])
    (tmp_path / "p.jsonl").write_text(
        "".join(json.dumps({"id": f"q{i}", "problem": "?", "answer": "1"}) + "\n" for i in range(3))
    )
    return tmp_path


def rows(path):
    return [record for _, record in read_records(path)]


def run(*words):
    return CliRunner().invoke(main, ["data", "turns", "r.jsonl", "-o", "m.jsonl", *words])


def test_rows_for_both_trainers(folder):
    pytest.importorskip("pyarrow")
    result = run("--problems", "p.jsonl", "--verl", "m.parquet", "--json")
    assert result.exit_code == 0, result.output
    found = rows("m.jsonl")
    checks = [row for row in found if attempt_of(row["label"])]
    assert (len(found), len(checks)) == (7, 4)  # two right and two wrong attempts, and three problems
    assert sum("\\boxed{4}" in attempt_of(row["label"]) for row in checks) == 2
    for row in checks:
        assert gold_of(row["label"]) == "4"
        assert [m["role"] for m in row["input"]] == ["system", "user", "assistant", "user"]
        assert row["input"][2]["content"] == attempt_of(row["label"])
        assert row["input"][3]["content"] == VERIFY
        assert "Wait" not in attempt_of(row["label"])  # the attempt alone
    verl = rows("m.parquet")
    assert [row["extra_info"]["attempt"] for row in verl] == [attempt_of(row["label"]) for row in found]
    assert [row["extra_info"]["attempt"] is None for row in verl].count(True) == 3
    again = run("--problems", "p.jsonl")
    assert again.exit_code == 0
    assert rows("m.jsonl") == found  # the same seed, the same rows


def test_shares_and_refusals(folder):
    assert run("--any-share").exit_code == 0
    assert len(rows("m.jsonl")) == 5
    assert "asks for no verification" in run("--conversation", "score").output
    assert "use --verl or --openrlhf" in run("--trl", "x.jsonl").output
    write_rollouts("r.jsonl", [Rollout("p", "?", solve("4").text(), "4")])
    result = run()
    assert result.exit_code != 0
    assert "no attempt can be verified" in result.output
