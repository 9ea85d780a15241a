"""Every method by name in OpenRLHF: real executor, Experience and maker, and the actor's loss, against the library."""

import json
import sys
from pathlib import Path

import pytest
import scripted
import torch
from openrlhf.models import PolicyLoss

from s2r_openrlhf.agent import AgentExecutor
from s2r_openrlhf.options import ENVIRONMENT, Options, is_openrlhfs_own
from s2r_openrlhf.policy.loss import ActionLoss
from s2r_rewards import judge, parse
from s2r_rewards.losses import action_policy_loss
from s2r_rewards.methods import METHODS

sys.path.insert(0, str(Path(__file__).parent))
from test_maker import PLANS, columns_of, experiences, make_maker, per_sample

PROMPTS = [0, 0, 1, 1, 2, 2]


@pytest.mark.parametrize("name", METHODS)
def test_rewards_advantages_and_loss(name, tokenizer, monkeypatch):
    method = METHODS[name]
    monkeypatch.setenv(ENVIRONMENT, json.dumps({"method": name}))
    texts = [scripted.response(plan) for plan in PLANS]
    judged = [judge(parse(text, method.grammar, finished=True), scripted.GOLD) for text in texts]
    outputs = scripted.execute(AgentExecutor(), tokenizer, texts)
    assert [float(output["reward"]) for output in outputs] == [pytest.approx(method.outcome(item)) for item in judged]
    records = [output["label"].scored for output in outputs]
    assert [record.rewards for record in records] == [pytest.approx(method.rewards(item)) for item in judged]
    where = [columns_of(output) for output in outputs]

    maker = make_maker(Options(name))
    batches = maker.compute_advantages_and_returns(experiences(maker, outputs))
    # The records know the actions' tokens, which some methods weigh them by.
    values = method.advantages(records, PROMPTS, state=method.new_state())
    for (_, advantages, mask), row, spans in zip(per_sample(batches), values, where, strict=True):
        if method.level == "outcome":
            expected = torch.where(mask, row[0], advantages)
        else:
            expected = torch.zeros(len(mask))
            for value, (first, end) in zip(row, spans, strict=False):
                expected[first:end] = value
        torch.testing.assert_close(advantages, expected, atol=1e-6, rtol=0)
    if is_openrlhfs_own(method):
        return  # OpenRLHF's own loss
    for e in batches:
        torch.manual_seed(0)
        new, old = (torch.randn(e.action_mask.shape) * 0.1 - 1 for _ in range(2))
        clip = method.clip or (0.2, 0.2)
        loss = ActionLoss(PolicyLoss(clip_eps_low=clip[0], clip_eps_high=clip[1]), method)
        loss.ids = e.returns
        sizes = {"batch_num_tokens": e.action_mask.sum(), "global_batch_size": float(len(new))}
        if loss.by_tokens:
            sizes["batch_num_tokens"] = (e.returns > 0).sum()
        found = loss(new, old, e.advantages, action_mask=e.action_mask, **sizes)[0]
        wanted, _ = action_policy_loss(
            new, old, e.advantages, e.returns.long() - 1, **{**method.loss_options, "clip": clip}
        )
        torch.testing.assert_close(found, wanted, atol=1e-6, rtol=0)
