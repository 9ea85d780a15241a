"""Tensors and losses against numbers worked out by hand."""

import math

import pytest
import torch

from s2r_rewards import parse
from s2r_rewards.losses import (
    action_log_ratio,
    action_policy_loss,
    kl_penalised,
    sft_mask,
    sum_by_action,
    trained_actions,
)
from s2r_rewards.tensors import action_ids, at_action_ends, spread

SPANS = [[(0, 2), (2, 5)], [(0, 1), (1, 2), (2, 4), (4, 5)]]
VALUES = [[1.0, -1.0], [-1.0, 0.5, 2.0]]  # the last span of the second row is `end`: no value


def test_spread():
    expected = [[1, 1, -1, -1, -1, 0], [-1, 0.5, 2, 2, 0, 0]]
    assert spread(VALUES, SPANS, 6).tolist() == expected


def test_at_action_ends():
    assert at_action_ends(VALUES, SPANS, 6).tolist() == [[0, 1, 0, 0, -1, 0], [-1, 0.5, 0, 2, 0, 0]]


def test_action_ids():
    assert action_ids(SPANS, 6).tolist() == [[0, 0, 1, 1, 1, -1], [0, 1, 2, 2, 3, -1]]


def test_spans_are_cut_at_the_length():
    assert spread([[1.0, 2.0]], [[(0, 2), (2, 9)]], 3).tolist() == [[1, 1, 2]]
    assert at_action_ends([[1.0, 2.0]], [[(0, 2), (2, 9)]], 3).tolist() == [[0, 1, 0]]


def test_empty_spans_leave_no_trace():
    assert spread([[3.0, 1.0]], [[(0, 0), (0, 2)]], 2).tolist() == [[1, 1]]
    assert spread([], [], 4).shape == (0, 4)
    assert action_ids([[]], 2).tolist() == [[-1, -1]]


def test_shapes_are_checked():
    with pytest.raises(ValueError, match="2 values for 1 spans"):
        spread([[1.0, 2.0]], [[(0, 1)]], 3)
    with pytest.raises(ValueError, match="values for 1"):
        spread([[1.0]], [], 3)
    with pytest.raises(ValueError, match="expected order"):
        spread([[1.0, 2.0]], [[(0, 3), (2, 4)]], 5)
    good = torch.zeros(2, 3)
    with pytest.raises(ValueError, match="one shape"):
        action_policy_loss(good, good, torch.zeros(2, 4), torch.zeros(2, 3, dtype=torch.long))
    with pytest.raises(ValueError, match="colour"):
        action_log_ratio(good, torch.zeros(2, 3, dtype=torch.long), "colour")


IDS = torch.tensor([[0, 0, 1, -1], [0, 1, 1, 2]])
ADVANTAGES = torch.tensor([[1.0, 1.0, -2.0, 0.0], [3.0, -1.0, -1.0, 0.5]])


@pytest.mark.parametrize("ratio", ["action", "action_mean", "token", "trajectory_mean"])
def test_on_policy_loss_is_minus_the_mean_advantage(ratio):
    """ρ = 1: −½[(1 − 2)/2 + (3 − 1 + 0.5)/3] = −1/6."""
    logp = torch.randn(2, 4)
    loss, stats = action_policy_loss(logp, logp.clone(), ADVANTAGES, IDS, ratio=ratio)
    assert loss.item() == pytest.approx(-1 / 6)
    assert stats == {"clip_fraction": 0.0, "ratio_mean": pytest.approx(1.0), "approx_kl": 0.0}


def test_one_ratio_per_action_and_clipping():
    """Two tokens with ratios 1.1 and 1.2 make one action with ρ = 1.32, clipped to 1.2 where A > 0."""
    old = torch.zeros(1, 3)
    new = torch.tensor([[math.log(1.1), math.log(1.2), math.log(0.5)]])
    ids = torch.tensor([[0, 0, 1]])
    advantages = torch.tensor([[1.0, 1.0, 1.0]])
    loss, stats = action_policy_loss(new, old, advantages, ids, clip=0.2)
    assert loss.item() == pytest.approx(-(1.2 + 0.5) / 2)
    assert stats["clip_fraction"] == pytest.approx(0.5)
    loss, _ = action_policy_loss(new, old, -advantages, ids, clip=0.2)
    assert loss.item() == pytest.approx((1.32 + 0.8) / 2)
    loss, _ = action_policy_loss(new, old, advantages, ids, clip=0.2, ratio="action_mean")
    assert loss.item() == pytest.approx(-(math.sqrt(1.32) + 0.5) / 2)
    mean = (1.1 * 1.2 * 0.5) ** (1 / 3)
    loss, _ = action_policy_loss(new, old, advantages, ids, clip=0.2, ratio="trajectory_mean")
    assert loss.item() == pytest.approx(-mean)


def test_gradient_pushes_good_actions_up_and_leaves_padding_alone():
    logp = torch.zeros(2, 4, requires_grad=True)
    loss, _ = action_policy_loss(logp, torch.zeros(2, 4), ADVANTAGES, IDS)
    loss.backward()
    # d loss / d logp of a token = −A_t · (1/B) · (1/|y|_a): the whole action moves with its ratio
    assert logp.grad[0].tolist() == pytest.approx([-0.25, -0.25, 0.5, 0.0])
    assert logp.grad[1].tolist() == pytest.approx([-0.5, 1 / 6, 1 / 6, -1 / 12])


def test_extreme_ratios_stay_finite():
    loss, _ = action_policy_loss(torch.full((1, 3), 500.0), torch.zeros(1, 3), -torch.ones(1, 3), IDS[:1, :3])
    assert torch.isfinite(loss)


def test_long_actions_do_not_lose_digits_in_bfloat16():
    sums, counts = sum_by_action(
        torch.full((1, 1000), 0.01, dtype=torch.bfloat16), torch.zeros(1, 1000).long()
    )
    assert sums.item() == pytest.approx(1000 * 0.01001, rel=1e-3)  # 0.01001 is 0.01 in bfloat16
    assert counts.item() == 1000


def test_nothing_to_train_on_is_zero_not_nan():
    ids = torch.full((2, 4), -1)
    loss, _ = action_policy_loss(torch.zeros(2, 4), torch.zeros(2, 4), ADVANTAGES, ids)
    assert loss.item() == 0


def test_kl_in_the_advantage_is_summed_over_the_action():
    logp = torch.tensor([[0.1, 0.2, 0.4, 9.0]])
    got = kl_penalised(ADVANTAGES[:1], logp, torch.zeros(1, 4), IDS[:1], beta=0.5)
    assert got.tolist()[0] == pytest.approx([1 - 0.15, 1 - 0.15, -2 - 0.2, 0.0])
    whole = kl_penalised(ADVANTAGES[:1], logp, torch.zeros(1, 4), IDS[:1].clamp(max=0), beta=0.5)
    assert whole.tolist()[0] == pytest.approx([1 - 0.35, 1 - 0.35, -2 - 0.35, 0.0])


W, R = "Wait, let me recheck my solution.", "Let me try again."
TEXT = (
    f"\\boxed{{5}} {W} So the answer is incorrect. {R} \\boxed{{4}} {W} So the answer is correct.<|im_end|>"
)


def test_eq_1_masks_wrong_attempts_only():
    assert trained_actions(parse(TEXT)) == (False, True, True, True, True)
    spans = [(0, 3), (3, 6), (6, 8), (8, 11), (11, 12)]
    assert sft_mask(parse(TEXT), spans, 13).tolist() == [0, 0, 0, *[1] * 9, 0]
    with pytest.raises(ValueError, match="expected one each"):
        sft_mask(parse(TEXT), spans[:2], 13)
