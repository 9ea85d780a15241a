"""Log-probabilities of bfloat16 logits keep their digits, from the worker on."""

import pickle

import pytest
import torch
from verl.utils import torch_functional

from s2r_rewards.losses import sum_by_action
from s2r_verl.precision import InFloat32, log_probs_in_float32


@pytest.fixture
def stock():
    """verl's own function, put back afterwards."""
    own = torch_functional.logprobs_from_logits_v2
    yield own
    torch_functional.logprobs_from_logits_v2 = own


def loss(*_, **__):
    return 0.0


def logits_of(tokens, vocabulary=500):
    torch.manual_seed(0)
    old = (3 * torch.randn(4, tokens, vocabulary)).bfloat16()
    return old, (old.float() + 0.05 * torch.randn_like(old.float())).bfloat16(), torch.randint(vocabulary, (4, tokens))


def errors(take):
    """|log-ratio of a 750-token action − the same in float64|, four actions."""
    old, now, labels = logits_of(750)
    exact = [x.double().log_softmax(-1).gather(-1, labels[..., None])[..., 0] for x in (now, old)]
    found = [take(x, labels).float() for x in (now, old)]
    ids = torch.zeros_like(labels)
    (sums, _), (right, _) = (sum_by_action(a - b, ids) for a, b in (found, exact))
    return (sums - right).abs().flatten()


def test_a_long_action_keeps_its_ratio(stock):
    assert errors(stock).max() > 0.1  # half of a clip of 0.2
    assert errors(log_probs_in_float32).max() < 1e-3


def test_it_is_installed_where_the_loss_arrives(stock):
    sent = pickle.dumps(InFloat32(loss, config=None))
    assert torch_functional.logprobs_from_logits_v2 is stock
    arrived = pickle.loads(sent)
    assert arrived() == 0.0
    assert arrived.keywords == {"config": None}
    assert torch_functional.logprobs_from_logits_v2 is log_probs_in_float32
    old, _, labels = logits_of(5)
    assert torch_functional.logprobs_from_logits(old, labels).dtype == torch.float32


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_wider_logits_give_what_they_gave(stock, dtype):
    logits, labels = torch.randn(3, 7, 20, dtype=dtype), torch.randint(20, (3, 7))
    torch.testing.assert_close(log_probs_in_float32(logits, labels), stock(logits, labels), rtol=0, atol=1e-6)
    assert log_probs_in_float32(logits, labels).dtype == dtype
    assert log_probs_in_float32(logits[:0], labels[:0]).shape == (0, 7)


def test_gradients_flow(stock):
    logits = torch.randn(2, 3, 5).bfloat16().requires_grad_()
    log_probs_in_float32(logits, torch.zeros(2, 3, dtype=torch.long)).sum().backward()
    assert logits.grad.abs().sum() > 0
