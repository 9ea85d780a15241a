"""The action-level loss inside verl's own ppo_loss."""

import math

import pytest
import torch
from tensordict import TensorDict
from verl.utils.tensordict_utils import assign_non_tensor

from s2r_rewards.adapter import ConfigError
from s2r_rewards.losses import action_policy_loss
from s2r_verl.algorithms import action_loss, loss_with_actions

WIDTHS = (6, 4, 1)
IDS = ([1, 1, 2, 2, 2, 3], [1, 2, 2, 3], [5])


def nested(rows):
    return torch.nested.as_nested_tensor([torch.as_tensor(r) for r in rows], layout=torch.jagged)


@pytest.fixture
def batch():
    """Two responses and one padding row (mask 0), whose action ids are those of the row that it copies."""
    torch.manual_seed(0)
    rows = {
        "log_prob": [torch.randn(w) * 0.1 - 1 for w in WIDTHS],
        "old_log_probs": [torch.randn(w) * 0.1 - 1 for w in WIDTHS],
        "advantages": [torch.tensor([1.0, 1, -0.5, -0.5, -0.5, 0]), torch.tensor([0.5, 2, 2, 0]), torch.zeros(1)],
        "response_mask": [torch.ones(6, dtype=torch.long), torch.ones(4, dtype=torch.long), torch.zeros(1).long()],
        "s2r_action_ids": [torch.tensor(IDS[0]), torch.tensor(IDS[1]), torch.tensor([5, 5, 5, 5, 5, 5, 5])],
    }
    return rows


def actor_config(**batch_info):
    from verl.workers.config import FSDPActorConfig, PolicyLossConfig

    config = FSDPActorConfig(
        strategy="fsdp2", rollout_n=1, use_dynamic_bsz=True, policy_loss=PolicyLossConfig(loss_mode="s2r_action")
    )
    config.global_batch_info.update(batch_info)
    return config


def padded(rows):
    return torch.nn.utils.rnn.pad_sequence(list(rows), batch_first=True)


def expected(rows, count=2):
    ids = padded([torch.tensor(r) for r in IDS[:count]]) - 1
    return action_policy_loss(
        padded(rows["log_prob"][:count]),
        padded(rows["old_log_probs"][:count]),
        padded(rows["advantages"][:count]),
        ids,
        clip=0.2,
    )


def run(batch, monkeypatch, config, clip=None, **info):
    """verl's ppo_loss on the batch, its un-padding of the model output replaced by padding ours."""
    import verl.workers.utils.losses as losses

    monkeypatch.setattr(losses, "no_padding_2_padding", lambda values, data: padded(values))
    data = TensorDict(
        {name: nested(rows) for name, rows in batch.items() if name != "log_prob"}, batch_size=len(batch["log_prob"])
    )
    for name, value in {"dp_size": 1, "batch_num_tokens": None, "global_batch_size": None, **info}.items():
        assign_non_tensor(data, **{name: value})
    return loss_with_actions({"log_probs": batch["log_prob"]}, data, config=config, ratio="action", clip=clip)


def test_the_loss_is_the_librarys_on_whole_batches(batch, monkeypatch):
    loss, metrics = run(batch, monkeypatch, actor_config())
    wanted, stats = expected(batch)
    torch.testing.assert_close(loss, wanted, atol=1e-6, rtol=0)
    assert metrics["actor/pg_clipfrac"].values[0] == pytest.approx(stats["clip_fraction"])


def test_micro_batches_and_ranks_add_up(batch, monkeypatch):
    """verl averages over ranks: with dp_size 2 and 8 responses in the mini-batch, each counts 2/8."""
    loss, _ = run(batch, monkeypatch, actor_config(), dp_size=2, global_batch_size=8)
    torch.testing.assert_close(loss, expected(batch)[0] * 2 / 8 * 2, atol=1e-6, rtol=0)


def test_bfloat16_log_probabilities_are_summed_in_float32():
    """verl hands over the model's bfloat16; in it, the log-ratio of a long action would lose its digits."""
    from s2r_verl import algorithms

    torch.manual_seed(0)
    old = (torch.rand(1, 2000) * -3).bfloat16()
    new = (old.float() + 1e-2 * torch.randn(1, 2000)).bfloat16()
    ones = torch.ones(1, 2000)
    token = algorithms._objective.set((ones.long(), algorithms.Objective()))
    try:
        loss, _ = action_loss(old, new, ones, ones, config=actor_config())
    finally:
        algorithms._objective.reset(token)
    ids = torch.zeros(1, 2000, dtype=torch.long)
    exact, _ = action_policy_loss(new.double(), old.double(), ones.double(), ids)
    assert float(loss) == pytest.approx(float(exact), abs=1e-5)


def test_without_boundaries_it_says_what_to_set():
    zeros = torch.zeros(1, 2)
    with pytest.raises(ConfigError, match="s2r_sync"):
        action_loss(zeros, zeros, zeros, zeros)
    with pytest.raises(ConfigError, match="s2r_agent"):
        loss_with_actions({}, TensorDict({}, batch_size=1), config=None, ratio="action")


def test_a_methods_own_clip_goes_before_verls(monkeypatch):
    """ρ = e^0.5 = 1.65 for both rows: cut at 1 + 0.3 above where A > 0, not cut where A < 0."""
    rows = {
        "log_prob": [torch.tensor([-0.5]), torch.tensor([-0.5])],
        "old_log_probs": [torch.tensor([-1.0]), torch.tensor([-1.0])],
        "advantages": [torch.tensor([1.0]), torch.tensor([-1.0])],
        "response_mask": [torch.ones(1).long(), torch.ones(1).long()],
        "s2r_action_ids": [torch.tensor([1]), torch.tensor([1])],
    }
    rho = math.exp(0.5)
    for clip, above in (((0.1, 0.3), 1.3), (0.4, 1.4), (None, 1.2)):
        loss, _ = run(rows, monkeypatch, actor_config(), clip=clip)
        assert float(loss) == pytest.approx(-(above - rho) / 2)
