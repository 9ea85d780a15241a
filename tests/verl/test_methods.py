"""Every method by name in verl: the real reward manager, estimator and policy loss, against the library."""

import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from hydra import compose, initialize_config_module
from s2r_verl_cpu.assets import tokens_actions
from tensordict import TensorDict
from verl import DataProto

from s2r_rewards import judge, parse
from s2r_rewards.adapter import Options, Sample, score_responses
from s2r_rewards.losses import action_policy_loss
from s2r_rewards.methods import METHODS
from s2r_rewards.tensors import action_ids, spread
from s2r_verl.algorithms import Batch, at_hand

sys.path.insert(0, str(Path(__file__).parent))
from test_inprocess import RESPONSES, records_of, run_manager, trainer_rows
from test_policy_loss import actor_config
from test_policy_loss import run as loss_of

PROMPTS = ["a", "a", "a", "b", "b"]


@pytest.fixture(scope="module")
def ids(tokenizer):
    return [[*tokenizer.encode(text, add_special_tokens=False), tokenizer.eos_token_id] for text in RESPONSES]


@pytest.fixture(scope="module")
def width(ids):
    return max(map(len, ids))


def by_the_library(method, ids, tokenizer, width):
    """(advantages [B, T], action ids [B, T])"""
    records = score_responses([Sample(row, "3", True) for row in ids], Options(method.name), tokenizer=tokenizer)
    if method.level == "outcome":
        records = [record.as_one_action(len(row)) for record, row in zip(records, ids, strict=True)]
    values = method.advantages(records, PROMPTS)
    where = [record.objective_spans(method.count_end) for record in records]
    return spread(values, [record.spans for record in records], width), action_ids(where, width)


def manager_of(name, tokenizer):
    from verl.trainer.ppo.reward import load_reward_manager

    overrides = [
        "reward.reward_manager.name=s2r",
        f"+algorithm.s2r.method={name}",
        "algorithm.adv_estimator=s2r",
        "actor_rollout_ref.rollout.name=vllm",
        "actor_rollout_ref.rollout.agent.default_agent_loop=s2r_agent",
        "actor_rollout_ref.actor.policy_loss.loss_mode=s2r_action",
        "trainer.v1.trainer_mode=s2r_sync",
    ]
    with initialize_config_module("verl.trainer.config", version_base=None):
        config = compose("ppo_trainer", overrides=overrides)
    return config, load_reward_manager(config, tokenizer)


@pytest.mark.parametrize("name", METHODS)
def test_rewards_advantages_and_loss(name, tokenizer, ids, width, monkeypatch):
    from verl.trainer.ppo.ray_trainer import compute_advantage

    method = METHODS[name]
    config, manager = manager_of(name, tokenizer)
    infos = run_manager(manager, [(row, "3") for row in ids], tokenizer.pad_token_id)
    judged = [judge(parse(text, method.grammar, finished=True), "3") for text in RESPONSES]
    assert [info["reward_score"] for info in infos] == [pytest.approx(method.outcome(item)) for item in judged]
    records = records_of(infos)
    assert [record.rewards for record in records] == [pytest.approx(method.rewards(item)) for item in judged]

    rows = trainer_rows(ids, infos, method)
    wanted, wanted_ids = by_the_library(method, ids, tokenizer, width)
    found = [[t - 1 for t in tokens_actions(row)] for row in rows]
    assert found == [row[: len(tokens)].tolist() for row, tokens in zip(wanted_ids, ids, strict=True)]

    mask = torch.tensor([[1.0] * len(row) + [0.0] * (width - len(row)) for row in ids])
    data = DataProto(
        batch=TensorDict({"token_level_rewards": torch.zeros(5, width), "response_mask": mask}, batch_size=5),
        non_tensor_batch={"uid": np.array(PROMPTS, dtype=object)},
    )
    with at_hand(Batch(records, method, method.new_state())):
        got = compute_advantage(data, adv_estimator="s2r", config=config.algorithm).batch["advantages"]
    torch.testing.assert_close(got, wanted, atol=1e-6, rtol=0)

    torch.manual_seed(0)
    lengths = [len(row) for row in ids]
    batch = {
        "log_prob": [torch.randn(n) * 0.1 - 1 for n in lengths],
        "old_log_probs": [torch.randn(n) * 0.1 - 1 for n in lengths],
        "advantages": [row[:n] for row, n in zip(got, lengths, strict=True)],
        "response_mask": [torch.ones(n).long() for n in lengths],
        "s2r_action_ids": [torch.tensor(tokens_actions(row)) for row in rows],
    }
    options = method.loss_options
    loss, _ = loss_of(batch, monkeypatch, actor_config(), options.get("clip"), {**options, "level": method.level})
    if method.level == "outcome" and (method.average, method.divisor) == ("actions", None):
        options["average"] = "tokens"  # verl's loss_agg_mode=token-mean
    new, old = (torch.nn.utils.rnn.pad_sequence(batch[key], batch_first=True) for key in ("log_prob", "old_log_probs"))
    expected, _ = action_policy_loss(new, old, wanted, wanted_ids, **{"clip": 0.2, "dual_clip": 3.0, **options})
    torch.testing.assert_close(loss, expected, atol=1e-6, rtol=0)
