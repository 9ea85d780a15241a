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


def run(batch, monkeypatch, config, clip=None, ours=None, **info):
    """verl's ppo_loss on the batch, its un-padding of the model output replaced by padding ours."""
    import verl.workers.utils.losses as losses

    monkeypatch.setattr(losses, "no_padding_2_padding", lambda values, data: padded(values))
    data = TensorDict(
        {name: nested(rows) for name, rows in batch.items() if name != "log_prob"}, batch_size=len(batch["log_prob"])
    )
    for name, value in {"dp_size": 1, "batch_num_tokens": None, "global_batch_size": None, **info}.items():
        assign_non_tensor(data, **{name: value})
    options = {"ratio": "action", "clip": clip, **(ours or {})}
    return loss_with_actions({"log_probs": batch["log_prob"]}, data, config=config, **options)


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


def one_action_each(lengths=(6, 3, 1, 4), seed=0):
    """Responses that are one action each, with ratios from far below to far above every clip."""
    generator = torch.Generator().manual_seed(seed)
    old = [torch.randn(n, generator=generator) * 0.3 - 1 for n in lengths]
    steps = [torch.randn(n, generator=generator) * 0.9 for n in lengths]
    signs = [1.5, -0.75, -2.0, 0.5]
    return {
        "log_prob": [(a + b).requires_grad_() for a, b in zip(old, steps, strict=True)],
        "old_log_probs": old,
        "advantages": [torch.full((n,), a) for n, a in zip(lengths, signs, strict=True)],
        "response_mask": [torch.ones(n, dtype=torch.long) for n in lengths],
        "s2r_action_ids": [torch.ones(n, dtype=torch.long) for n in lengths],
    }


MODES = ("token-mean", "seq-mean-token-mean", "seq-mean-token-sum", "seq-mean-token-sum-norm")
CLIPS = ({}, {"clip_ratio_high": 0.28}, {"clip_ratio_low": 0.05}, {"clip_ratio_c": 1.5}, {"clip_ratio": 0.4})
INFOS = ({}, {"dp_size": 2, "global_batch_size": 8, "batch_num_tokens": 40})


def losses_of(rows, monkeypatch, theirs, info, weights=None, **settings):
    """(verl's loss and gradients, ours and ours) on the same rows."""
    found = []
    for mode, options in ((theirs, {}), ("s2r_action", {"level": "outcome", **settings.pop("ours", {})})):
        config = actor_config()
        for name, value in settings.items():
            object.__setattr__(config, name, value)
        if settings.get("clip_ratio"):
            for name in ("clip_ratio_low", "clip_ratio_high"):
                object.__setattr__(config, name, None)
        object.__setattr__(config.policy_loss, "loss_mode", mode)
        batch = rows if weights is None else {**rows, "rollout_is_weights": weights}
        loss, _ = run(batch, monkeypatch, config, ours=options, **info)
        found += [loss.detach(), torch.autograd.grad(loss, rows["log_prob"])]
    return found


@pytest.mark.parametrize("info", INFOS, ids=["alone", "share of a mini-batch"])
@pytest.mark.parametrize("clip", CLIPS, ids=str)
@pytest.mark.parametrize("mode", MODES)
def test_where_a_response_is_one_action_clips_and_averages_are_verls(monkeypatch, mode, clip, info):
    rows = one_action_each()
    settings = {"loss_agg_mode": mode, **clip}
    their_loss, their_grads, loss, grads = losses_of(
        rows, monkeypatch, "vanilla", info, ours={"ratio": "token"}, **settings
    )
    torch.testing.assert_close(loss, their_loss, atol=1e-6, rtol=1e-6)
    for ours, theirs in zip(grads, their_grads, strict=True):
        torch.testing.assert_close(ours, theirs, atol=1e-6, rtol=1e-5)


def test_rollout_weights_and_rejected_tokens_are_verls(monkeypatch):
    rows = one_action_each()
    rows["response_mask"][0][2] = 0
    rows["response_mask"][3][:] = 0
    weights = [torch.rand(len(row)) * 2 for row in rows["advantages"]]
    their_loss, their_grads, loss, grads = losses_of(rows, monkeypatch, "vanilla", {}, weights, ours={"ratio": "token"})
    torch.testing.assert_close(loss, their_loss, atol=1e-6, rtol=1e-6)
    for ours, theirs in zip(grads, their_grads, strict=True):
        torch.testing.assert_close(ours, theirs, atol=1e-6, rtol=1e-5)


def test_the_mean_ratio_of_a_response_is_gspos(monkeypatch):
    rows = one_action_each()
    settings = {
        "loss_agg_mode": "seq-mean-token-mean",
        "clip_ratio_low": 3e-4,
        "clip_ratio_high": 4e-4,
        "clip_ratio_c": 1e9,
    }
    their_loss, _, loss, _ = losses_of(rows, monkeypatch, "gspo", {}, ours={"ratio": "trajectory_mean"}, **settings)
    torch.testing.assert_close(loss, their_loss, atol=1e-6, rtol=1e-6)


@pytest.mark.parametrize("mode", MODES[1:])
def test_at_the_process_level_a_chosen_average_is_the_tokens(monkeypatch, mode):
    """Single tokens are actions, so that one ratio an action is one a token."""
    rows = one_action_each()
    rows["s2r_action_ids"] = [torch.arange(1, len(row) + 1) for row in rows["s2r_action_ids"]]
    ours = {"ratio": "action", "level": "process"}
    their_loss, _, loss, _ = losses_of(rows, monkeypatch, "vanilla", {}, ours=ours, loss_agg_mode=mode)
    torch.testing.assert_close(loss, their_loss, atol=1e-6, rtol=1e-6)


def test_spans_and_one_advantage_an_action_give_the_same_loss_as_tokens(batch, monkeypatch):
    """As the trainer sends them: two numbers an action and one advantage; the end token has none."""
    tokens, _ = run(batch, monkeypatch, actor_config())
    sparse = {name: rows for name, rows in batch.items() if name not in ("advantages", "s2r_action_ids")}
    sparse["s2r_spans"] = [
        torch.tensor(row, dtype=torch.int32) for row in ([0, 2, 2, 5, 5, 6], [0, 1, 1, 3, 3, 4], [0, 7])
    ]
    sparse["s2r_advantages"] = [torch.tensor([1.0, -0.5]), torch.tensor([0.5, 2.0]), torch.tensor([0.0])]
    loss, _ = run(sparse, monkeypatch, actor_config())
    torch.testing.assert_close(loss, tokens, atol=1e-6, rtol=0)


def test_the_kl_term_is_in_the_advantage(batch, monkeypatch):
    """A − β Σ (log π_old − log π_ref) over the action (Eq. 5), over the response at the outcome level (Eq. 2)."""
    import verl.workers.utils.losses as losses

    reference = [old - 0.25 for old in batch["old_log_probs"]]
    seen = []
    original = losses.ppo_loss
    monkeypatch.setattr(losses, "ppo_loss", lambda **given: seen.append(given["data"]) or original(**given))
    rows = {**batch, "ref_log_prob": reference}
    run(rows, monkeypatch, actor_config(), ours={"beta": 0.1})
    run(rows, monkeypatch, actor_config(), ours={"beta": 0.1})
    del rows["s2r_action_ids"]
    run(rows, monkeypatch, actor_config(), ours={"beta": 0.1, "level": "outcome"})
    process, again, outcome = (data["advantages"].unbind() for data in seen)
    sizes = torch.tensor([2.0, 2, 3, 3, 3, 1])
    torch.testing.assert_close(process[0], batch["advantages"][0] - 0.1 * 0.25 * sizes)
    torch.testing.assert_close(again[0], process[0])
    torch.testing.assert_close(outcome[1], batch["advantages"][1] - 0.1 * 0.25 * 4)
    assert outcome[2].tolist() == [0.0]  # padding


def test_a_distillation_loss_holds_ours(monkeypatch):
    """verl's own loss around a policy loss, with ours inside: the two add up."""
    import verl.trainer.distillation as distillation

    calls = []

    def with_teacher(config, distillation_config, model_output=None, data=None, dp_group=None, **asked):
        import verl.workers.utils.losses as losses

        calls.append(asked)
        if asked:
            return torch.tensor(3.0), {}
        loss, metrics = losses.ppo_loss(config, model_output, data, dp_group)
        return loss + distillation_config, metrics

    monkeypatch.setattr(distillation, "distillation_ppo_loss", with_teacher)
    rows = one_action_each()
    alone, _ = run(rows, monkeypatch, actor_config())
    both, _ = run(rows, monkeypatch, actor_config(), ours={"distillation": 10.0})
    assert float(both) == pytest.approx(float(alone) + 10)
    teachers, _ = loss_with_actions(data={}, student_logits=torch.ones(1), config=None, distillation=10.0)
    assert float(teachers) == 3
    assert calls[1] == {"student_logits": torch.ones(1), "data_format": "thd"}


@pytest.mark.parametrize("level", ["process", "outcome"])
@pytest.mark.parametrize("mode", MODES)
def test_uneven_micro_batches_over_two_ranks_give_the_whole_batchs_loss_and_gradient(monkeypatch, mode, level):
    """As verl sums them: over micro-batches within a rank, then the mean over ranks; spans and beta included."""
    rows = one_action_each()
    del rows["s2r_action_ids"]
    rows["s2r_spans"] = [torch.tensor(s, dtype=torch.int32) for s in ([0, 2, 2, 6], [0, 3], [0, 1], [0, 1, 1, 3, 3, 4])]
    del rows["advantages"]
    rows["s2r_advantages"] = [torch.tensor(a) for a in ([1.5, -0.5], [-2.0], [0.5], [1.0, -1.0])]
    rows["ref_log_prob"] = [old - 0.1 for old in rows["old_log_probs"]]
    config = actor_config()
    object.__setattr__(config, "loss_agg_mode", mode)
    object.__setattr__(config, "loss_scale_factor", 6)
    tokens = sum(len(row) for row in rows["old_log_probs"])
    ours = {"level": level, "beta": 0.05}

    def loss_of(chosen, ranks):
        info = {"dp_size": ranks, "global_batch_size": 4, "batch_num_tokens": tokens}
        part = {name: [values[i] for i in chosen] for name, values in rows.items()}
        return run(part, monkeypatch, config, ours=ours, **info)[0]

    whole = loss_of([0, 1, 2, 3], 1)
    parts = (loss_of([0], 2) + loss_of([2, 3], 2) + loss_of([1], 2)) / 2  # the second rank has one response
    torch.testing.assert_close(parts, whole, atol=1e-6, rtol=1e-6)
    for ours_grad, theirs in zip(
        torch.autograd.grad(parts, rows["log_prob"]), torch.autograd.grad(whole, rows["log_prob"]), strict=True
    ):
        torch.testing.assert_close(ours_grad, theirs, atol=1e-6, rtol=1e-5)
