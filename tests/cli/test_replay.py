"""s2r replay: nothing changes under the same rules, and what changes under others is counted."""

import json

from s2r_rewards.rollouts import Rollout, write_rollouts
from s2r_rewards.rollouts.records import read_records


def test_same_rules_change_nothing(s2r):
    result = s2r("replay", "scored.jsonl", "--fail-on-change")
    assert result.exit_code == 0
    assert "0 of 10 rollouts changed" in result.stdout


def test_another_checker(s2r, monkeypatch, tmp_path):
    (tmp_path / "strict_checker.py").write_text(
        "from s2r_rewards.answers import CheckResult\n"
        "def never(gold, answer):\n    return CheckResult('incorrect', 'test', 'says no')\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    result = s2r(
        "replay", "scored.jsonl", "--checker", "strict_checker:never", "--json", "-o", "new.jsonl", "--fail-on-change"
    )
    assert result.exit_code == 1
    body = json.loads(result.stdout)
    # Per step: T1, T2, T4 end right; T4 also starts right. Four attempts of nine lose their verdict.
    assert body["changed"] == 6
    assert body["kinds"]["outcome +1 → -1"] == 6
    assert body["checks"] == {"correct → incorrect": 8}
    assert body["metrics"]["s2r/outcome/accuracy"] == [0.6, 0.0]
    assert "solve 5 (correct) +1" in body["examples"][0]["before"]
    assert len(list(read_records("new.jsonl"))) == 10


def test_released_method_reads_otherwise(s2r, work):
    """No verdict is none in the paper; in the released code a last verification then says "correct"."""
    text = "\\boxed{5} Wait, let me recheck my solution. Therefore, the answer cannot be verified."
    write_rollouts("open.jsonl", [Rollout("p", "2 + 3?", text, "5", finished=False)])
    s2r("score", "open.jsonl", "-o", "open_scored.jsonl")
    body = json.loads(s2r("replay", "open_scored.jsonl", "--method", "released-prl", "--json").stdout)
    assert body["kinds"] == {"verdict": 1, "deviations": 1, "action rewards": 1}


def test_unscored_rollouts_are_refused(s2r):
    result = s2r("replay", "rollouts.jsonl")
    assert result.exit_code == 2
    assert "run `s2r score` first" in result.stderr


def test_unknown_checker(s2r):
    result = s2r("replay", "scored.jsonl", "--checker", "s2r_rewards.answers:nothing")
    assert result.exit_code == 2
    assert "checker 's2r_rewards.answers:nothing'" in result.stderr
    assert "has no 'nothing'; expected one of" in result.stderr


def test_without_options_the_stored_rules_stay(s2r, work):
    s2r("score", "rollouts.jsonl", "-o", "released.jsonl", "--method", "released-prl", "--grammar", "tags")
    result = s2r("replay", "released.jsonl", "--fail-on-change", "--json")
    assert result.exit_code == 0
    assert json.loads(result.stdout)["rules"]["after"].startswith("grammar tags, method released-prl")
