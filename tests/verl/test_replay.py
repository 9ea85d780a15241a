"""Offline replay: stored responses become tokens with stored advantages."""

import pytest
from s2r_verl_cpu.assets import response

from s2r_rewards import judge, parse
from s2r_rewards.rewards import action_rewards
from s2r_verl.replay import ReplayOutput, stored_actions

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


def dense(rollout, level, tokenizer):
    from verl.experimental.agent_loop.agent_loop import AgentLoopMetrics

    ids = [*tokenizer.encode(TEXT, add_special_tokens=False), tokenizer.eos_token_id]
    advantages, spans = stored_actions(rollout, level, ids, tokenizer)
    output = ReplayOutput(
        prompt_ids=[1],
        response_ids=ids,
        response_mask=[1] * len(ids),
        metrics=AgentLoopMetrics(),
        extra_fields={},
        s2r_advantages=advantages,
        s2r_spans=spans,
    )
    return ids, output.as_dict()


def test_every_token_carries_its_actions_advantage(rollout, tokenizer):
    ids, row = dense(rollout, "process", tokenizer)
    pieces = [
        tokenizer.decode([i for i, k in zip(ids, row["s2r_action_ids"], strict=True) if k == n])
        for n in (1, 2, 3, 4)
    ]
    assert "".join(pieces) == TEXT
    assert [
        rollout["actions"][k - 1]["advantage"] if k <= 4 else 0.0 for k in row["s2r_action_ids"].tolist()
    ] == (pytest.approx(row["rm_scores"].tolist()))
    assert row["s2r_action_ids"][-1] == 5
    assert not {"s2r_advantages", "s2r_spans"} & set(row)


def test_outcome_level_spreads_one_advantage(rollout, tokenizer):
    ids, row = dense(rollout, "outcome", tokenizer)
    assert row["rm_scores"].tolist() == pytest.approx([0.7] * len(ids))
