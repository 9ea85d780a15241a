"""Offline replay: stored responses become tokens with stored advantages."""

import json
from dataclasses import replace

import pytest
from s2r_verl_cpu.assets import response, tokens_actions

from s2r_rewards import judge, parse
from s2r_rewards.adapter.replay import in_tokens, read_stored
from s2r_rewards.methods import get_method
from s2r_rewards.rewards import action_rewards
from s2r_verl import records
from s2r_verl.agent_loop import ActionOutput, stored_actions

TEXT = response(("2", False), ("3", True))
ADVANTAGES = (-0.8, 0.5, 1.25, 0.0)


@pytest.fixture
def rollout():
    judged = judge(parse(TEXT, finished=True), "3")
    actions = [
        {"kind": a.kind, "start": a.start, "end": a.end, "reward": r, "advantage": v}
        for a, r, v in zip(judged.trajectory.scored, action_rewards(judged), ADVANTAGES, strict=True)
    ]
    return {"response": TEXT, "finished": True, "outcome": 1.0, "outcome_advantage": 0.7, "actions": actions}


def dense(rollout, method, tokenizer):
    """As a row of a former release holds it."""
    from verl.experimental.agent_loop.agent_loop import AgentLoopMetrics

    method = get_method(method) if isinstance(method, str) else method
    ids, scored = in_tokens(read_stored(json.dumps(rollout), method.level), tokenizer)
    assert ids == [*tokenizer.encode(TEXT, add_special_tokens=False), tokenizer.eos_token_id]
    output = ActionOutput(
        prompt_ids=[1],
        response_ids=ids,
        response_mask=[1] * len(ids),
        metrics=AgentLoopMetrics(),
        extra_fields={},
        s2r_stored=stored_actions(scored, method, len(ids)),
    )
    return ids, output.as_dict()


def test_every_token_carries_its_actions_advantage(rollout, tokenizer):
    ids, row = dense(rollout, "s2r-offline-prl", tokenizer)
    pieces = [
        tokenizer.decode([i for i, k in zip(ids, tokens_actions(row), strict=True) if k == n]) for n in (1, 2, 3, 4)
    ]
    assert "".join(pieces) == TEXT
    assert row[records.ADVANTAGES].tolist() == pytest.approx([action["advantage"] for action in rollout["actions"]])
    assert tokens_actions(row)[-1] == 5
    assert not {"s2r_level", "s2r_count_end", "s2r_stored"} & set(row)
    _, without = dense(rollout, replace(get_method("s2r-offline-prl"), count_end=False), tokenizer)
    assert tokens_actions(without) == [*tokens_actions(row)[:-1], 0]


def test_outcome_level_spreads_one_advantage(rollout, tokenizer):
    ids, row = dense(rollout, "s2r-offline-orl", tokenizer)
    assert row[records.ADVANTAGES].tolist() == pytest.approx([0.7])
    assert tokens_actions(row) == [1] * len(ids)


def test_what_s2r_data_writes_is_what_replay_reads(tmp_path, tokenizer):
    """The real command on real files; advantages by the library, over accuracy group and position."""
    import pyarrow.parquet as pq
    from click.testing import CliRunner

    from s2r_rewards.advantages import process_advantages
    from s2r_rewards.baselines import accuracy_baseline
    from s2r_rewards.cli.data import command

    texts = [response(("3", True)), response(("2", False), ("3", True)), response(("2", True)), response(("4", True))]
    stored = tmp_path / "rollouts.jsonl"
    rows = [{"problem_id": "p", "prompt": "1 + 2?", "response": t, "gold": "3", "finished": True} for t in texts]
    stored.write_text("\n".join(map(json.dumps, rows)) + "\n")
    parquet = tmp_path / "offline.parquet"
    output = ["-o", str(tmp_path / "offline.jsonl"), "--verl", str(parquet)]
    done = CliRunner().invoke(command, ["offline", str(stored), *output])
    assert done.exit_code == 0, done.output

    judged = [judge(parse(text, finished=True), "3") for text in texts]
    rewards = [action_rewards(item) for item in judged]
    expected = process_advantages(rewards, [0.5] * 4, accuracy_baseline("position"))
    found = {}
    for row in pq.read_table(parquet).to_pylist():
        rollout = read_stored(row["extra_info"]["replay"], "process")
        ids, scored = in_tokens(rollout, tokenizer)
        advantages, spans = stored_actions(scored, get_method("s2r-offline-prl"), len(ids))
        found[rollout.response] = advantages
        assert [first for first, _ in spans] == [0, *(end for _, end in spans[:-1])]
        assert spans[-1][1] == len(ids)
    for text, values in zip(texts, expected, strict=True):
        assert found[text] == pytest.approx(values)
