"""Eq. 1 with its KL term: the loss on OpenRLHF's real Actor, and its real train_sft with a frozen reference."""

import re
from types import SimpleNamespace

import harness
import pytest
import torch
from click.testing import CliRunner
from openrlhf.models import Actor, SFTLoss

from s2r_openrlhf import train_sft
from s2r_openrlhf.policy.sft_kl import KLSFTLoss, s2r_sft_trainer
from s2r_openrlhf.sft import main

BETA = 0.1


def actor(folder, shaken=0.0):
    torch.manual_seed(3)
    model = Actor(str(folder), attn_implementation="eager").float()
    with torch.no_grad():
        for weights in model.parameters():
            weights += shaken * torch.randn_like(weights)
    return model


def rows():
    """Two rows of unequal length, padded on the right; δ on some of their tokens, as SFTDataset shifts it."""
    torch.manual_seed(0)
    ids = torch.randint(10, 200, (2, 12))
    attention = torch.ones(2, 12, dtype=torch.long)
    attention[1, 8:] = 0
    mask = (torch.rand(2, 11) < 0.6).float()
    mask[1, 7:] = 0
    return ids, attention, mask


def by_hand(model, reference, ids, attention, mask):
    """(NLL, KL), sums over the trained tokens, in float64 over the whole vocabulary."""
    position = (attention.cumsum(-1) - 1).clamp(min=0)
    with torch.no_grad():
        p, q = (
            m.model(ids, attention_mask=attention, position_ids=position).logits.double().log_softmax(-1)[:, :-1]
            for m in (model, reference)
        )
    nll = -(p.gather(2, ids[:, 1:, None])[..., 0] * mask).sum()
    return float(nll), float(((p.exp() * (p - q)).sum(-1) * mask).sum())


def losses(model, loss, ids, attention, mask, **divisors):
    handle = model.register_forward_hook(loss.see, with_kwargs=True)
    log_probs, _ = model(ids, attention_mask=attention, return_output=True, return_logprobs=True)
    handle.remove()
    return loss(log_probs, mask, **divisors)


def test_the_loss_by_hand_whatever_the_divisor(workspace):
    model, reference = actor(workspace / "model").train(), actor(workspace / "model", shaken=0.02).eval()
    given = rows()
    nll, kl = by_hand(model, reference, *given)
    assert kl > 0.01
    loss = KLSFTLoss(reference, packed=False, beta=BETA)
    count = float(given[2].sum())
    found = losses(model, loss, *given)
    assert float(found.detach()) == pytest.approx((nll + BETA * kl) / count, abs=1e-6)
    assert loss.take() == pytest.approx({"s2r/nll": nll / count, "s2r/kl": kl / count}, abs=1e-6)
    found = losses(model, loss, *given, dp_size=2, batch_num_tokens=3 * count)
    assert float(found.detach()) == pytest.approx((nll + BETA * kl) / count * 2 / 3, abs=1e-6)
    found.backward()
    assert all(weights.grad is None for weights in reference.parameters())
    assert any(weights.grad.abs().sum() > 0 for weights in model.parameters())


def test_micro_batches_add_up_to_the_step(workspace):
    model, reference = actor(workspace / "model").train(), actor(workspace / "model", shaken=0.02).eval()
    ids, attention, mask = rows()
    loss = KLSFTLoss(reference, packed=False, beta=BETA)
    whole = float(losses(model, loss, ids, attention, mask).detach())
    parts = [
        float(
            losses(
                model, loss, ids[i : i + 1], attention[i : i + 1], mask[i : i + 1], batch_num_tokens=mask.sum()
            ).detach()
        )
        for i in range(2)
    ]
    assert sum(parts) == pytest.approx(whole, abs=1e-6)


def test_packed_rows_give_the_same(workspace):
    """Packing needs flash attention: here the model's logits are packed behind it, as OpenRLHF packs them."""
    model, reference = actor(workspace / "model").train(), actor(workspace / "model", shaken=0.02).eval()
    ids, attention, mask = rows()

    def packed(inputs, attention_mask, **_):
        logits = reference(inputs, attention_mask=attention_mask, return_output=True)["logits"]
        return {"logits": logits[attention_mask.bool()].unsqueeze(0)}

    plain, dense = KLSFTLoss(reference, False, BETA), KLSFTLoss(packed, True, BETA)
    with torch.no_grad():
        log_probs, output = model(ids, attention_mask=attention, return_output=True, return_logprobs=True)
    found = []
    for loss, logits in ((plain, output["logits"]), (dense, output["logits"][attention.bool()].unsqueeze(0))):
        loss.see(model, (ids,), {"return_output": True, "attention_mask": attention}, (log_probs, {"logits": logits}))
        found.append(float(loss(log_probs, mask)))
    assert found[0] == pytest.approx(found[1], abs=1e-6)
    assert plain.terms[0][1] > 0


def test_evaluation_has_the_nll_alone(workspace):
    model = actor(workspace / "model").eval()
    ids, attention, mask = rows()
    loss = KLSFTLoss(None, packed=False, beta=BETA)
    found = losses(model, loss, ids, attention, mask)
    log_probs = model(ids, attention_mask=attention, return_logprobs=True)
    assert float(found) == pytest.approx(float(SFTLoss()(log_probs, mask)), abs=1e-7)
    assert loss.take() == {}


def test_a_version_whose_loss_knows_no_step_is_refused(monkeypatch):
    monkeypatch.setattr(SFTLoss, "forward", lambda self, per_token_logps, loss_mask: None)
    with pytest.raises(RuntimeError, match=r"--s2r\.beta needs OpenRLHF 0\.11 or later"):
        s2r_sft_trainer(object, BETA, None, False)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--s2r.beta", "0.1", "--ds.use_liger_kernel"], "--ds.use_liger_kernel makes no logits"),
        (["--s2r.beta", "0.1", "--ds.ring_attn_size", "2", "--ds.packing_samples"], "--ds.ring_attn_size is 2"),
        (["--s2r.reference", "x"], "--s2r.reference is given, but --s2r.beta is 0"),
        (["--s2r.offload"], "--s2r.offload is given, but --s2r.beta is 0"),
    ],
)
def test_what_would_train_without_it_is_refused(arguments, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        train_sft.check(["--data.dataset", "x", *arguments])


@pytest.mark.parametrize("arguments", [["--s2r.beat", "1"], ["--s2r.beta", "-1"]])
def test_unknown_and_impossible_options(arguments, capsys):
    with pytest.raises(SystemExit):
        train_sft.split(arguments)
    assert "--s2r.beta" in capsys.readouterr().err


def test_training_starts_at_no_kl_and_moves_away(workspace, tmp_path):
    data, template = tmp_path / "sft.jsonl", tmp_path / "sft.jinja"
    prepare = ["prepare", workspace / "trajectories.jsonl", "-o", data, "--model", workspace / "model"]
    done = CliRunner().invoke(main, [str(word) for word in (*prepare, "--template", template)])
    assert done.exit_code == 0, done.output
    harness.train_sft(
        tmp_path / "sft", workspace / "model", data, template.read_text(),
        module=train_sft.MODULE, s2r__beta=BETA, train__max_epochs=1, lr_warmup_ratio=0.2,
    )  # fmt: skip
    output = (tmp_path / "sft" / "output.log").read_text()
    steps = [SimpleNamespace(nll=float(a), kl=float(b)) for a, b in re.findall(r"s2r/nll (\S+), s2r/kl (\S+)", output)]
    assert len(steps) > 2
    assert steps[0].kl == 0.0  # the model is its own reference still
    assert steps[-1].kl > 1e-4
    assert steps[-1].nll < steps[0].nll
