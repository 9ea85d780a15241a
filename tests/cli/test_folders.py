"""What may stand where rollouts are named: folders of many kinds, and records of other tools."""

import json
import os

import pytest

from s2r_rewards.rollouts import Rollout, read_rollouts, write_rollouts
from s2r_rewards.rollouts.records import read_records, write_records
from s2r_rewards.testing import solve

RIGHT = solve("5").verify("correct").end().text()


def count(result):
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)["rollouts"]


def rollouts(path, number, **fields):
    write_rollouts(path, [Rollout(f"p{i}", "2 + 3?", RIGHT, "5", **fields) for i in range(number)])


def test_a_folder_with_other_files(s2r, work):
    rollouts("run/a.jsonl", 2)
    write_records("run/metrics.jsonl", [{"step": 1, "loss": 0.5}])
    write_records("run/problems.jsonl", [{"id": "p0", "problem": "2 + 3?", "answer": "5"}])
    (work / "run" / "summary.json").write_text(json.dumps({"figures": [1, 2]}, indent=1))
    assert count(s2r("stats", "run", "--json")) == 2
    assert s2r("report", "run", "-o", "page.html").exit_code == 0


def test_scored_rollouts_are_not_counted_beside_their_source(s2r, work):
    rollouts("run/a.jsonl", 3)
    assert s2r("score", "run", "-o", "scored.jsonl").exit_code == 0
    for name in ("scored.jsonl", "scored.jsonl.receipt.json"):
        os.rename(name, f"run/{name}")
    result = s2r("stats", "run", "--json")
    assert count(result) == 3
    assert "run/a.jsonl: left out; run/scored.jsonl holds the same rollouts, scored" in result.stderr


def test_a_run_folder(s2r, work):
    """As recipes/tiny writes one: the newest stage is read, the others are named."""
    rollouts("run/seed-0/rollouts/bi.jsonl", 2)
    os.utime("run/seed-0/rollouts/bi.jsonl", (1, 1))
    rollouts("run/seed-0/rollouts/prl.jsonl", 4)
    write_records("run/seed-0/metrics.jsonl", [{"step": 1}])
    (work / "run" / "summary.json").write_text("{}")
    result = s2r("stats", "run", "--json")
    assert count(result) == 4
    assert "run/seed-0/rollouts/prl.jsonl, the newest; name another: run/seed-0/rollouts/bi.jsonl" in result.stderr


def test_a_trainers_output_folder(s2r, work):
    """verl's rollout_data_dir somewhere below: all of its steps, in their order."""
    os.makedirs("out/checkpoints/global_step_2")
    os.rename("verl_dumps", "out/rollouts")
    assert count(s2r("stats", "out", "--json")) == 10
    assert s2r("score", "out", "-o", "scored.jsonl").exit_code == 0
    assert [r.step for r in read_rollouts("scored.jsonl")] == [2] * 5 + [10] * 5


def test_a_folder_without_rollouts(s2r, work):
    write_records("run/metrics.jsonl", [{"step": 1}])
    result = s2r("stats", "run")
    assert result.exit_code == 2
    assert "run: no .jsonl, .jsonl.gz or .parquet file with responses in it" in result.stderr


@pytest.mark.parametrize(
    ("record", "prompt", "response"),
    [
        ({"prompt": [{"role": "user", "content": "2 + 3?"}], "response": RIGHT}, "2 + 3?", RIGHT),
        (
            {
                "prompt": [{"role": "system", "content": "Be short."}, {"role": "user", "content": "Q"}],
                "response": RIGHT,
            },
            "Q",
            RIGHT,
        ),
        ({"prompt": [{"role": "user", "content": [{"type": "text", "text": "Q"}]}], "response": RIGHT}, "Q", RIGHT),
        (
            {
                "prompt": [
                    {"role": "user", "content": "Q"},
                    {"role": "assistant", "content": "A"},
                    {"role": "user", "content": "Sure?"},
                ],
                "response": RIGHT,
            },
            "user: Q\n\nassistant: A\n\nuser: Sure?",
            RIGHT,
        ),
        ({"prompt": "Q", "completion": [{"role": "assistant", "content": RIGHT}]}, "Q", RIGHT),
        ({"prompt": "Q", "response": RIGHT, "reasoning_content": "Hm."}, "Q", f"<think>\nHm.\n</think>\n\n{RIGHT}"),
        ({"prompt": "Q", "response": None, "reasoning_content": "Hm."}, "Q", "<think>\nHm.\n</think>\n\n"),
        (
            {
                "prompt": [{"role": "user", "content": "Q"}],
                "messages": [{"role": "user", "content": "Q"}, {"role": "assistant", "content": RIGHT}],
            },
            "Q",
            RIGHT,
        ),
        (
            {"prompt": "Q", "completion": [{"role": "assistant", "content": None, "reasoning_content": "Hm."}]},
            "Q",
            "<think>\nHm.\n</think>\n\n",
        ),
        (
            {"prompt": "Q", "response": f"<think>Hm.</think>{RIGHT}", "reasoning": "Hm."},
            "Q",
            f"<think>Hm.</think>{RIGHT}",
        ),
    ],
)
def test_chat_messages_and_thinking(s2r, work, record, prompt, response):
    write_records("chat.jsonl", [{**record, "gold": "5"}])
    assert s2r("score", "chat.jsonl", "-o", "out.jsonl").exit_code == 0
    (rollout,) = read_rollouts("out.jsonl")
    assert (rollout.prompt, rollout.response) == (prompt, response)
    if not isinstance(record["prompt"], str):
        assert rollout.extra["messages"] == record.get("messages", record["prompt"])
    assert s2r("score", "out.jsonl", "-o", "again.jsonl").exit_code == 0
    assert [r.response for r in read_rollouts("again.jsonl")] == [response]


def test_verls_data_set_names_its_gold(s2r, work):
    row = {"prompt": [{"role": "user", "content": "2 + 3?"}], "response": RIGHT, "reward_model": {"ground_truth": "5"}}
    write_records("verl.jsonl", [row])
    assert s2r("score", "verl.jsonl", "-o", "out.jsonl").exit_code == 0
    ((_, record),) = read_records("out.jsonl")
    assert record["s2r"]["outcome"] == 1.0
