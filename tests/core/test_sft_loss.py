"""Eq. 1 with its KL term, against numbers worked out by hand and against another way of summing."""

import math

import pytest

torch = pytest.importorskip("torch")

from s2r_rewards.losses import full_kl, nll_and_kl, sft_loss  # noqa: E402

# Two tokens over a vocabulary of two. π: (1/2, 1/2) and (3/4, 1/4); the reference: (1/4, 3/4) and the same.
P = torch.tensor([[[1 / 2, 1 / 2], [3 / 4, 1 / 4], [0.9, 0.1]]], dtype=torch.float64).log()
Q = torch.tensor([[[1 / 4, 3 / 4], [3 / 4, 1 / 4], [0.1, 0.9]]], dtype=torch.float64).log()
LABELS, MASK = torch.tensor([[0, 1, 0]]), torch.tensor([[1, 1, 0]])
NLL = math.log(2) + math.log(4)
KL = 0.5 * math.log(2) + 0.5 * math.log(2 / 3)


def test_by_hand():
    loss, stats = sft_loss(P, LABELS, MASK, Q, beta=0.1)
    assert float(loss) == pytest.approx((NLL + 0.1 * KL) / 2, abs=1e-12)
    assert stats == pytest.approx({"nll": NLL / 2, "kl": KL / 2}, abs=1e-12)


def test_divisors_by_hand():
    """Eq. 1 as printed sums over the example; the default is the mean over its trained tokens."""
    as_printed, _ = sft_loss(P, LABELS, MASK, Q, beta=0.1, divisor=1)
    assert float(as_printed) == pytest.approx(NLL + 0.1 * KL, abs=1e-12)


def test_without_a_reference_it_is_the_plain_loss():
    loss, stats = sft_loss(P, LABELS, MASK)
    assert float(loss) == pytest.approx(NLL / 2, abs=1e-12)
    assert stats["kl"] == 0
    with pytest.raises(ValueError, match=r"beta is 0\.1, but there are no logits of a reference model"):
        sft_loss(P, LABELS, MASK, beta=0.1)


def test_the_kl_of_a_model_to_itself_is_exactly_nothing():
    logits = torch.randn(4, 7, 50).requires_grad_()
    loss, stats = sft_loss(logits, torch.randint(50, (4, 7)), torch.ones(4, 7), logits.detach(), beta=0.1)
    assert stats["kl"] == 0.0
    loss.backward()


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16])
def test_loss_and_gradient_equal_torchs_own(dtype):
    torch.manual_seed(0)
    logits, ref = torch.randn(3, 11, 40).to(dtype).requires_grad_(), torch.randn(3, 11, 40).to(dtype)
    labels, mask = torch.randint(40, (3, 11)), torch.rand(3, 11) < 0.6
    loss, _ = sft_loss(logits, labels, mask, ref, beta=0.3)
    (found,) = torch.autograd.grad(loss, logits)
    log_p, log_q = (x.double().log_softmax(-1)[mask] for x in (logits, ref))
    kl = torch.nn.functional.kl_div(log_q, log_p, log_target=True, reduction="sum")
    expected = (torch.nn.functional.nll_loss(log_p, labels[mask], reduction="sum") + 0.3 * kl) / mask.sum()
    (gradient,) = torch.autograd.grad(expected, logits)
    assert float(loss.detach()) == pytest.approx(float(expected.detach()), abs=1e-6)
    torch.testing.assert_close(found, gradient, rtol=0, atol=1e-6 if dtype != torch.bfloat16 else 2e-4)
    assert not found[~mask].any()


@pytest.mark.parametrize("chunk", [1, 4, 5, 1000])
def test_chunks_change_nothing(chunk):
    torch.manual_seed(1)
    logits, ref = torch.randn(13, 9, dtype=torch.float64), torch.randn(13, 9, dtype=torch.float64)
    labels = torch.randint(9, (13,))
    for found, whole in zip(nll_and_kl(logits, labels, ref, chunk), nll_and_kl(logits, labels, ref), strict=True):
        torch.testing.assert_close(found, whole, rtol=0, atol=1e-14)


def by_autograd(logits, labels, ref):
    """Both terms from whole log-probabilities, for autograd to derive."""
    log_p, log_q = logits.log_softmax(-1), ref.log_softmax(-1)
    return -log_p.gather(-1, labels[:, None])[:, 0], (log_p.exp() * (log_p - log_q)).sum(-1)


@pytest.mark.parametrize("at", [None, [4, 0, 2]])
@pytest.mark.parametrize("weights", [(1.0, 0.0), (0.0, 1.0), (0.7, 0.1)])
def test_gradients_are_the_derivatives(at, weights):
    torch.manual_seed(3)
    logits, ref = torch.randn(5, 7, dtype=torch.float64, requires_grad=True), torch.randn(5, 7, dtype=torch.float64)
    at = None if at is None else torch.tensor(at)
    rows = torch.arange(5) if at is None else at
    labels = torch.randint(7, (len(rows),))

    def loss(x):
        nll, kl = nll_and_kl(x, labels, ref, 2, at)
        parts = [weight * term for weight, term in zip(weights, (nll, kl), strict=True) if weight]
        return torch.stack(parts).sum(0)

    assert torch.autograd.gradcheck(loss, (logits,))
    nll, kl = by_autograd(logits[rows], labels, ref[rows])
    expected = (torch.randn(len(rows)).double(), weights[0] * nll + weights[1] * kl)
    for found, wanted in zip(
        torch.autograd.grad(loss(logits), logits, expected[0]),
        torch.autograd.grad(expected[1], logits, expected[0]),
        strict=True,
    ):
        torch.testing.assert_close(found, wanted, rtol=0, atol=1e-12)


@pytest.mark.parametrize("spread", [0.01, 1.0, 30.0])
def test_a_large_vocabulary_in_single_precision(spread):
    """Confident models, and models that hardly differ: within 1e-6 of the same sums in double precision."""
    torch.manual_seed(4)
    logits = (3 * torch.randn(6, 50_000)).requires_grad_()
    ref, labels = logits.detach() + spread * torch.randn(6, 50_000), torch.randint(50_000, (6,))
    wide = logits.detach().double().requires_grad_()
    nll, kl = nll_and_kl(logits, labels, ref)
    nll_wide, kl_wide = by_autograd(wide, labels, ref.double())
    torch.testing.assert_close(kl.double(), kl_wide, rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(nll.double(), nll_wide, rtol=1e-6, atol=1e-6)
    (found,) = torch.autograd.grad((nll + 0.1 * kl).mean(), logits)
    (wanted,) = torch.autograd.grad((nll_wide + 0.1 * kl_wide).mean(), wide)
    torch.testing.assert_close(found.double(), wanted, rtol=0, atol=1e-6)


def test_nothing_is_kept_but_what_was_given():
    logits, ref = torch.randn(64, 1000, requires_grad=True), torch.randn(64, 1000)
    labels, at = torch.randint(1000, (9,)), torch.arange(0, 63, 7)
    given = {x.data_ptr() for x in (logits, ref, labels, at)}
    kept = []
    with torch.autograd.graph.saved_tensors_hooks(lambda x: kept.append(x) or x, lambda x: x):
        nll, kl = nll_and_kl(logits, labels, ref, at=at)
    assert {x.data_ptr() for x in kept} == given
    torch.testing.assert_close(full_kl(logits, ref, at=at), kl)
    torch.testing.assert_close(full_kl(logits, ref)[at], kl)
    assert kl.shape == nll.shape == (9,)


def test_micro_batches_add_up_to_the_mini_batch():
    torch.manual_seed(2)
    logits, ref = torch.randn(6, 8, 20, dtype=torch.float64), torch.randn(6, 8, 20, dtype=torch.float64)
    labels, mask = torch.randint(20, (6, 8)), torch.rand(6, 8) < 0.5
    mask[2] = False  # an example without a trained token
    whole, _ = sft_loss(logits, labels, mask, ref, 0.1)
    for sizes in ((1,) * 6, (2, 4), (5, 1)):
        parts = zip(*(x.split(sizes) for x in (logits, labels, mask, ref)), strict=True)
        total = sum(float(sft_loss(p, y, m, q, 0.1, divisor=float(mask.sum()))[0]) for p, y, m, q in parts)
        assert total == pytest.approx(float(whole), abs=1e-12)


def test_nothing_to_train():
    loss, stats = sft_loss(P, LABELS, MASK * 0, Q, 0.1)
    assert (float(loss), stats) == (0.0, {"nll": 0.0, "kl": 0.0})


def test_another_vocabulary_is_refused():
    with pytest.raises(ValueError, match="expected one vocabulary"):
        sft_loss(P, LABELS, MASK, Q[..., :1], 0.1)
