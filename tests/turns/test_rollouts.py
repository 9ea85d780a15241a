"""Conversations in files: scored with what the user asked for, kept, and shown in the report."""

import json

import pytest

from s2r_rewards.report.payload import payload
from s2r_rewards.rollouts import read_rollouts, write_rollouts
from s2r_rewards.rollouts.scoring import score_rollouts

TALK = [
    {"role": "assistant", "content": "\\boxed{5}\n"},
    {"role": "user", "content": "Check it. \\boxed{9}"},
    {"role": "assistant", "content": "Therefore, the answer is incorrect.\n"},
    {"role": "user", "content": "Once more."},
    {"role": "assistant", "content": "\\boxed{4}"},
]
QUESTION = {"role": "user", "content": "2 + 2?"}


@pytest.mark.parametrize(
    "row", [{"prompt": "2 + 2?", "response": TALK}, {"messages": [QUESTION, *TALK]}], ids=["response", "messages"]
)
@pytest.mark.parametrize("name", ["r.jsonl", "r.parquet"])
def test_a_conversation_is_scored_kept_and_shown(row, name, tmp_path):
    (tmp_path / "in.jsonl").write_text(json.dumps({**row, "gold": "4"}))
    (rollout,) = read_rollouts(tmp_path / "in.jsonl")
    assert rollout.prompt == "2 + 2?"
    assert "9" not in rollout.response
    (scored,) = score_rollouts([rollout])
    assert [(a.kind, a.answer, a.reward) for a in scored.s2r.scored] == [
        ("solve", "5", -1), ("verify", None, 1), ("solve", "4", 1),
    ]  # fmt: skip
    if name.endswith("parquet"):
        pytest.importorskip("pyarrow")
    write_rollouts(tmp_path / name, [scored])
    (again,) = read_rollouts(tmp_path / name)
    assert (again.turns, again.judged) == (scored.turns, scored.judged)
    assert score_rollouts([again])[0].s2r == scored.s2r
    shown = [action["t"] for action in payload(0, again, ())["a"]]
    assert shown[0] == "\\boxed{5}\n"
    assert shown[1].startswith("⟨user: Check it. \\boxed{9}⟩\nTherefore")
    assert shown[2].startswith("⟨user: Once more.⟩\n\\boxed{4}")


def test_one_turn_stays_one_turn(tmp_path):
    (tmp_path / "in.jsonl").write_text(json.dumps({"prompt": "?", "response": TALK[:1], "gold": "5"}))
    (rollout,) = read_rollouts(tmp_path / "in.jsonl")
    assert rollout.turns is None
    assert rollout.response == "\\boxed{5}\n"
