"""The loss over actions in OpenRLHF's place: micro-batches, ranks, one action a response, corrections, versions."""

from dataclasses import replace
from itertools import pairwise
from types import SimpleNamespace

import pytest
import torch
from openrlhf.models import PolicyLoss
from openrlhf.trainer.ray.ppo_actor import ActorPPOTrainer

from s2r_openrlhf.policy.actor import s2r_actor, use_action_loss
from s2r_openrlhf.policy.loss import ActionLoss
from s2r_rewards.losses import action_policy_loss
from s2r_rewards.methods import get_method

PRL = get_method("s2r-prl")
WIDTH = 40


def rows(count, seed=0, actions=(1, 5)):
    """log π, log π_old, log π of vLLM, advantages, ids (1-based, 0 outside) and mask of ``count`` responses, [B, T]."""
    torch.manual_seed(seed)
    old = -torch.rand(count, WIDTH) - 0.1
    new = old + 0.15 * torch.randn(count, WIDTH)
    rollout = old + 0.4 * torch.randn(count, WIDTH)
    mask, ids, advantages = torch.zeros(count, WIDTH), torch.zeros(count, WIDTH), torch.zeros(count, WIDTH)
    for row in range(count):
        first, length = int(torch.randint(0, 6, ())), int(torch.randint(10, 30, ()))
        mask[row, first : first + length] = 1
        number = int(torch.randint(*actions, ()))
        for k, part in enumerate(torch.arange(first, first + length).chunk(number)):
            ids[row, part], advantages[row, part] = k + 1, float(torch.randn(()))
    return {"new": new, "old": old, "rollout": rollout, "advantages": advantages, "ids": ids, "mask": mask}


def cut(batch, rows):
    return {name: value[rows] for name, value in batch.items()}


def call(loss, batch, **step):
    if isinstance(loss, ActionLoss):
        loss.ids = batch["ids"]
    return loss(
        batch["new"], batch["old"], batch["advantages"],
        action_mask=batch["mask"], rollout_log_probs=batch["rollout"], **step,
    )  # fmt: skip


def whole(batch, micro_batches=1, ranks=1):
    """What OpenRLHF tells the loss of a step: its samples and tokens over all ranks, over the micro-batches."""
    tokens, samples = batch["mask"].sum(), (batch["mask"].sum(1) > 0).sum().float()
    return {"dp_size": ranks, "batch_num_tokens": tokens / micro_batches, "global_batch_size": samples / micro_batches}


def library(batch, **settings):
    return action_policy_loss(batch["new"], batch["old"], batch["advantages"], batch["ids"].long() - 1, **settings)


@pytest.mark.parametrize("method", [PRL, replace(PRL, ratio="action_mean"), replace(PRL, ratio="trajectory_mean"),
                                    replace(PRL, average="tokens"), replace(PRL, average="responses"),
                                    replace(PRL, divisor=3.0), replace(PRL, objective="cispo")],
                         ids=lambda m: f"{m.ratio}-{m.average}-{m.divisor}-{m.objective}")  # fmt: skip
@pytest.mark.parametrize("sizes", [[16], [4] * 4, [1, 7, 3, 5]], ids=str)
@pytest.mark.parametrize("ranks", [1, 2])
def test_micro_batches_and_ranks_add_up_to_the_librarys_loss(method, sizes, ranks):
    """DeepSpeed scales each micro-batch by 1/n and averages over ranks; value and gradient are those of the whole."""
    batch = rows(16)
    loss = ActionLoss(PolicyLoss(clip_eps_low=0.2, clip_eps_high=0.3), method)
    new = batch["new"].clone().requires_grad_()
    step = whole(batch, len(sizes) // ranks or 1, ranks)
    bounds = torch.tensor([0, *sizes]).cumsum(0).tolist()
    if len(sizes) == 1 and ranks == 2:
        bounds = [0, 8, 16]
    accumulated = max((len(bounds) - 1) // ranks, 1)
    total = sum(
        call(loss, cut({**batch, "new": new}, slice(a, b)), **step)[0]
        for a, b in pairwise(bounds)
    ) / accumulated / ranks  # fmt: skip
    own = batch["new"].clone().requires_grad_()
    expected, _ = library({**batch, "new": own}, **{**method.loss_options, "clip": (0.2, 0.3)})
    assert total.item() == pytest.approx(expected.item(), abs=1e-6)
    [found], [wanted] = torch.autograd.grad(total, new), torch.autograd.grad(expected, own)
    assert found == pytest.approx(wanted, abs=1e-6)


CORRECTIONS = {
    "off": {},
    "token mask": {"is_correction_level": "token"},
    "token clip": {"is_correction_level": "token", "is_correction_mode": "clip"},
    "sequence mask": {"is_correction_level": "seq", "is_correction_threshold": [0.9, 1.1]},
    "binary KL": {
        "is_correction_level": "seq",
        "is_correction_gating": "binary_kl",
        "is_correction_threshold": [0, 0.05],
    },
}


def policy_loss(**settings):
    """OpenRLHF's; a correction that this version does not know is left out of the test."""
    try:
        return PolicyLoss(**settings)
    except TypeError as error:
        pytest.skip(f"openrlhf's PolicyLoss: {error}")


@pytest.mark.parametrize("dual_clip", [None, 1.5])
@pytest.mark.parametrize("correction", CORRECTIONS.values(), ids=CORRECTIONS)
def test_one_action_a_response_with_token_ratios_is_openrlhfs_own_loss(correction, dual_clip):
    batch = rows(12, seed=1, actions=(1, 2))
    settings = {"clip_eps_low": 0.1, "clip_eps_high": 0.2, "dual_clip": dual_clip, **correction}
    own = policy_loss(token_level_loss=False, **settings)
    ours = ActionLoss(policy_loss(**settings), replace(PRL, ratio="token"))
    step = whole(batch)
    expected, found = call(own, batch, **step), call(ours, batch, **step)
    assert len(found) == len(expected)
    assert found[0].item() == pytest.approx(expected[0].item(), abs=1e-6)
    for a, b in zip(found[2:], expected[2:], strict=True):
        assert (a is None and b is None) or a.item() == pytest.approx(b.item(), abs=1e-6)


def test_one_action_a_response_with_mean_ratios_is_openrlhfs_gspo():
    batch = rows(12, seed=2, actions=(1, 2))
    own = PolicyLoss(policy_loss_type="gspo")
    ours = ActionLoss(PolicyLoss(), replace(PRL, ratio="action_mean"))
    step = whole(batch)
    assert call(ours, batch, **step)[0].item() == pytest.approx(call(own, batch, **step)[0].item(), abs=1e-6)


def test_token_averages_are_openrlhfs_token_mean():
    batch = rows(12, seed=3)
    ours = ActionLoss(PolicyLoss(), replace(PRL, ratio="token", average="tokens"))
    step = whole(batch)
    assert call(ours, batch, **step)[0].item() == pytest.approx(call(PolicyLoss(), batch, **step)[0].item(), abs=1e-6)


def test_the_ratio_of_a_response_is_a_product():
    """By hand: ratios 1.5 · 0.8 = 1.2 and 2 · 2 = 4 (clipped at 1.25); advantages 1 and 2: −(1.2 + 2.5) / 2."""
    batch = {
        "new": torch.tensor([[1.5, 0.8], [2.0, 2.0]]).log(),
        "old": torch.zeros(2, 2),
        "rollout": torch.zeros(2, 2),
        "advantages": torch.tensor([[1.0, 1.0], [2.0, 2.0]]),
        "ids": torch.ones(2, 2),
        "mask": torch.ones(2, 2),
    }
    loss = ActionLoss(PolicyLoss(clip_eps_low=0.25, clip_eps_high=0.25), get_method("s2r-orl"))
    found, clipped, *_ = call(loss, batch, **whole(batch))
    assert found.item() == pytest.approx(-(1.2 + 2.5) / 2, abs=1e-6)
    assert clipped.item() == pytest.approx(0.5)


def test_bfloat16_log_probabilities_are_summed_in_float32():
    """750 tokens with a log-ratio of 2⁻¹⁰ each: in bfloat16 the sum would stop growing."""
    tokens, step = 750, 2.0**-10
    old = torch.full((1, tokens), -0.125, dtype=torch.bfloat16)
    new = (old.float() + step).to(torch.bfloat16)
    batch = {"old": old, "new": new, "rollout": old, "advantages": torch.ones(1, tokens)}
    batch |= {"ids": torch.ones(1, tokens), "mask": torch.ones(1, tokens)}
    loss = ActionLoss(PolicyLoss(clip_eps_low=10.0, clip_eps_high=10.0), PRL)
    log_ratio = float((new.float() - old.float()).sum())
    assert call(loss, batch, **whole(batch))[0].item() == pytest.approx(-torch.tensor(log_ratio).exp().item(), rel=1e-5)


class Trainer(ActorPPOTrainer):
    """The two things of OpenRLHF's trainer that are touched."""

    def __init__(self):
        self.actor_loss_fn = PolicyLoss()

    def training_step(self, experience, kl_ctl, step, loss_batch_info=None):
        loss, *_ = call(self.actor_loss_fn, {**experience.batch, "ids": experience.returns}, **loss_batch_info)
        return {"metrics": {"policy_loss": loss}, "weights": {"policy_loss": "token"}}


def test_the_trainer_gets_each_micro_batchs_actions_and_logs_a_mean_over_responses():
    trainer, batch = Trainer(), rows(8)
    use_action_loss(trainer, PRL)
    assert isinstance(trainer, ActorPPOTrainer)
    logged = []
    for part in (slice(0, 3), slice(3, 8)):
        micro = cut(batch, part)
        step = trainer.training_step(SimpleNamespace(batch=micro, returns=micro["ids"]), 0.0, 0, whole(batch, 2))
        assert step["weights"] == {"policy_loss": "sample"}
        logged += [float(step["metrics"]["policy_loss"])] * len(micro["new"])
    assert sum(logged) / 8 == pytest.approx(library(batch)[0].item(), abs=1e-6)


def test_the_actor_puts_the_loss_in_when_the_model_is_there():
    class Base:
        def init_model_from_pretrained(self, *args, **kwargs):
            self.trainer = Trainer()
            return "loaded"

    actor = s2r_actor(SimpleNamespace(__ray_metadata__=SimpleNamespace(modified_class=Base)), PRL)()
    assert actor.init_model_from_pretrained("strategy", "model") == "loaded"
    assert isinstance(actor.trainer.actor_loss_fn, ActionLoss)
