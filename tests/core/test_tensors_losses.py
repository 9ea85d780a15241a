"""Tensors and losses against numbers worked out by hand."""

import math
import re

import pytest
import torch

from s2r_rewards import parse
from s2r_rewards.losses import (
    RATIOS,
    action_log_ratio,
    action_policy_loss,
    kl_penalised,
    mean_over_actions,
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
    assert at_action_ends([[3.0, 1.0]], [[(0, 2), (2, 2)]], 2).tolist() == [[0, 3]]
    assert spread([[3.0, 1.0]], [[(0, 0), (0, 2)]], 2).tolist() == [[1, 1]]
    assert spread([], [], 4).shape == (0, 4)
    assert action_ids([[]], 2).tolist() == [[-1, -1]]


def test_types():
    assert spread(VALUES, SPANS, 6).dtype == at_action_ends(VALUES, SPANS, 6).dtype == torch.float32
    assert spread(VALUES, SPANS, 6, torch.float64).dtype == torch.float64
    assert at_action_ends(VALUES, SPANS, 6, torch.float64).dtype == torch.float64
    assert action_ids(SPANS, 6).dtype == torch.long


def test_gaps_between_spans_carry_nothing():
    assert spread([[3.0, 5.0]], [[(1, 2), (3, 4)]], 5).tolist() == [[0, 3, 0, 5, 0]]
    assert at_action_ends([[3.0, 5.0]], [[(1, 2), (3, 5)]], 5).tolist() == [[0, 3, 0, 0, 5]]
    assert action_ids([[(1, 2), (3, 4)]], 5).tolist() == [[-1, 0, -1, 1, -1]]


def test_actions_behind_the_length_are_left_out():
    values, spans = [[1.0, 2.0, 3.0]], [[(0, 2), (2, 4), (4, 6)]]
    assert spread(values, spans, 4).tolist() == [[1, 1, 2, 2]]
    assert at_action_ends(values, spans, 4).tolist() == [[0, 1, 0, 2]]
    assert action_ids(spans, 4).tolist() == [[0, 0, 1, 1]]


@pytest.mark.parametrize("place", [spread, at_action_ends])
def test_as_many_spans_as_values(place):
    with pytest.raises(ValueError) as caught:
        place([[1.0]], [], 3)
    assert str(caught.value) == "values for 1 trajectories, spans for 0; expected as many"
    with pytest.raises(ValueError) as caught:
        place([[1.0], [1.0, 2.0]], [[(0, 1)], [(0, 1)]], 3)
    assert str(caught.value) == "trajectory 1: 2 values for 1 spans; expected a span each"


@pytest.mark.parametrize(
    ("spans", "found"),
    [
        ([(0, 3), (2, 4)], "span [2, 4) begins before token 3"),
        ([(2, 4), (0, 2)], "span [0, 2) begins before token 4"),
        ([(0, 1), (3, 2)], "span [3, 2) begins before token 1"),
    ],
)
def test_spans_must_be_in_order(spans, found):
    with pytest.raises(ValueError) as caught:
        spread([[], [1.0, 2.0]], [[], spans], 5)
    assert str(caught.value) == f"trajectory 1: {found}; expected order"


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


def test_clipping_from_below():
    """ρ = 0.5 < 0.8: clipped where A < 0, and counted; where A > 0 the smaller product is the unclipped one."""
    new, ids = torch.full((1, 1), math.log(0.5)), torch.zeros(1, 1).long()
    loss, stats = action_policy_loss(new, torch.zeros(1, 1), -torch.ones(1, 1), ids)
    assert (loss.item(), stats["clip_fraction"]) == (pytest.approx(0.8), 1.0)
    loss, stats = action_policy_loss(new, torch.zeros(1, 1), torch.ones(1, 1), ids)
    assert (loss.item(), stats["clip_fraction"]) == (pytest.approx(-0.5), 0.0)
    loss, _ = action_policy_loss(new, torch.zeros(1, 1), -torch.ones(1, 1), ids, clip=0.6)
    assert loss.item() == pytest.approx(0.5)


def test_two_sides_of_the_clip():
    """ε = 0.4 below and 0.1 above: ρ = 2 and 0.25 of one token each."""
    new, ids = torch.log(torch.tensor([[2.0, 0.25]])), torch.tensor([[0, 1]])
    for sign, expected in ((1.0, 1.1 + 0.25), (-1.0, -2 - 0.6)):
        loss, _ = action_policy_loss(new, torch.zeros(1, 2), sign * torch.ones(1, 2), ids, clip=(0.4, 0.1))
        assert loss.item() == pytest.approx(-expected / 2)


def test_statistics_are_as_exact_as_their_inputs():
    """One of three actions is clipped."""
    new, ids = torch.tensor([[1.0, 0.0, 0.0]], dtype=torch.float64), torch.tensor([[0, 1, 2]])
    _, stats = action_policy_loss(new, torch.zeros_like(new), torch.ones_like(new), ids)
    assert stats["clip_fraction"] == pytest.approx(1 / 3, rel=1e-12)


def test_statistics():
    """Log-ratios 0.1, 0.2 | 0.4 and 9 in the padding: actions of ρ = e^0.3 and e^0.4, mean log-ratio 0.7/3."""
    new = torch.tensor([[0.1, 0.2, 0.4, 9.0]])
    _, stats = action_policy_loss(new, torch.zeros(1, 4), ADVANTAGES[:1], IDS[:1], clip=0.36)
    assert stats == {
        "clip_fraction": 0.0,  # e^0.3 = 1.35 is inside; e^0.4 = 1.49 is not, but its advantage is negative
        "ratio_mean": pytest.approx((math.exp(0.3) + math.exp(0.4)) / 2),
        "approx_kl": pytest.approx(-0.7 / 3),
    }
    _, stats = action_policy_loss(new[:, 2:], torch.ones(1, 2), ADVANTAGES[:1, 2:], IDS[:1, 2:] - 1)
    assert stats["approx_kl"] == pytest.approx(0.6)  # one token


def test_the_padding_has_no_say():
    new = torch.tensor([[0.1, 0.2, 0.4, math.nan]])
    advantages = torch.tensor([[1.0, 1.0, -2.0, math.nan]])
    loss, stats = action_policy_loss(new, torch.zeros(1, 4), advantages, IDS[:1], clip=0.9)
    assert loss.item() == pytest.approx(-(math.exp(0.3) - 2 * math.exp(0.4)) / 2)
    assert all(math.isfinite(value) for value in stats.values())


def test_mean_over_actions():
    """(1 + 3)/2 = 2 and 5: mean 3.5 of the first; 7 of the second; the third has no action."""
    values = torch.tensor([[1.0, 3.0, 5.0, 100.0], [7.0, 7.0, 100.0, 100.0], [100.0] * 4])
    ids = torch.tensor([[0, 0, 1, -1], [0, 0, -1, -1], [-1] * 4])
    assert mean_over_actions(values, ids).item() == pytest.approx((3.5 + 7) / 2)
    assert mean_over_actions(values[:1], ids[:1]).item() == pytest.approx(3.5)
    assert mean_over_actions(values[2:], ids[2:]).item() == 0


@pytest.mark.parametrize(
    ("ratio", "expected"),
    [
        ("action", [[4.0, 4.0, 5.0, 0.0], [1.0, 5.0, 5.0, 0.0]]),
        ("action_mean", [[2.0, 2.0, 5.0, 0.0], [1.0, 2.5, 2.5, 0.0]]),
        ("trajectory_mean", [[3.0, 3.0, 3.0, 0.0], [2.0, 2.0, 2.0, 0.0]]),
        ("token", [[1.0, 3.0, 5.0, 7.0], [1.0, 2.0, 3.0, 4.0]]),
    ],
)
def test_which_tokens_share_a_ratio(ratio, expected):
    values = torch.tensor([[1.0, 3.0, 5.0, 7.0], [1.0, 2.0, 3.0, 4.0]])
    ids = torch.tensor([[0, 0, 1, -1], [0, 1, 1, -1]])
    assert action_log_ratio(values, ids, ratio).tolist() == expected
    if ratio == "action":
        assert action_log_ratio(values, ids).tolist() == expected  # the default


def test_sums_and_counts():
    values = torch.tensor([[1.0, 3.0, 5.0, 7.0], [1.0, 2.0, 3.0, 4.0]], dtype=torch.float64)
    sums, counts = sum_by_action(values, torch.tensor([[0, 0, 1, -1], [2, -1, 0, 0]]))
    assert (sums.tolist(), counts.tolist()) == ([[4, 5, 0], [7, 0, 1]], [[2, 1, 0], [2, 0, 1]])
    assert sums.dtype == counts.dtype == torch.float64
    sums, counts = sum_by_action(values, torch.full((2, 4), -1))
    assert (sums.tolist(), counts.tolist()) == ([[0], [0]], [[0], [0]])
    assert sum_by_action(torch.zeros(2, 0), torch.zeros(2, 0).long())[0].tolist() == [[0], [0]]


def test_tensors_are_made_where_their_inputs_lie():
    logp = torch.tensor([[0.1, 0.2, 0.4, 9.0]])
    with torch.device("meta"):  # the default device is another one
        loss, _ = action_policy_loss(logp, logp.clone(), ADVANTAGES[:1], IDS[:1])
    assert loss.item() == pytest.approx(0.5)


def test_shapes_are_checked():
    ids = torch.zeros(2, 3, dtype=torch.long)
    good, wide = torch.zeros(2, 3), torch.zeros(2, 4)
    for call, names in {
        lambda x: action_policy_loss(good, good, x, ids): ["log_probs", "old_log_probs", "advantages", "action_ids"],
        lambda x: action_policy_loss(x, x, x, ids): ["log_probs", "old_log_probs", "advantages", "action_ids"],
        lambda x: kl_penalised(good, good, x, ids, 0.1): ["advantages", "log_probs", "ref_log_probs", "action_ids"],
        lambda x: kl_penalised(x, x, x, ids, 0.1): ["advantages", "log_probs", "ref_log_probs", "action_ids"],
        lambda x: sum_by_action(x, ids): ["values", "action_ids"],
    }.items():
        with pytest.raises(ValueError, match=r"^expected \[B, T\] tensors of one shape, found \{") as caught:
            call(wide)
        assert re.findall(r"'(\w+)': \(2, [34]\)", str(caught.value)) == names
    with pytest.raises(ValueError, match=r"found \{'values': \(3,\), 'action_ids': \(3,\)\}"):
        sum_by_action(torch.zeros(3), torch.zeros(3).long())
    with pytest.raises(ValueError) as caught:
        action_log_ratio(good, ids, "colour")
    assert str(caught.value) == f"ratio is 'colour'; expected one of {RATIOS}"


def test_gradient_pushes_good_actions_up_and_leaves_padding_alone():
    logp = torch.zeros(2, 4, requires_grad=True)
    loss, _ = action_policy_loss(logp, torch.zeros(2, 4), ADVANTAGES, IDS)
    loss.backward()
    # d loss / d logp of a token = −A_t · (1/B) · (1/|y|_a): the whole action moves with its ratio
    assert logp.grad[0].tolist() == pytest.approx([-0.25, -0.25, 0.5, 0.0])
    assert logp.grad[1].tolist() == pytest.approx([-0.5, 1 / 6, 1 / 6, -1 / 12])


def test_extreme_ratios_stay_finite():
    loss, _ = action_policy_loss(torch.full((1, 3), 500.0), torch.zeros(1, 3), -torch.ones(1, 3), IDS[:1, :3])
    assert loss.item() == pytest.approx(math.exp(20), rel=1e-5)
    _, stats = action_policy_loss(torch.full((1, 3), -500.0), torch.zeros(1, 3), torch.ones(1, 3), IDS[:1, :3])
    assert stats["ratio_mean"] == pytest.approx(math.exp(-20), rel=1e-5, abs=0)


def test_long_actions_do_not_lose_digits_in_bfloat16():
    sums, counts = sum_by_action(torch.full((1, 1000), 0.01, dtype=torch.bfloat16), torch.zeros(1, 1000).long())
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
    reference = torch.tensor([[0.0, 0.1, 0.0, 0.0]])  # π/π_ref counts, not π
    got = kl_penalised(ADVANTAGES[:1], logp, reference, IDS[:1], beta=0.5)
    assert got.tolist()[0] == pytest.approx([1 - 0.1, 1 - 0.1, -2 - 0.2, 0.0])
    whole = kl_penalised(ADVANTAGES[:1], logp, torch.zeros(1, 4), IDS[:1].clamp(max=0), beta=0.5)
    assert whole.tolist()[0] == pytest.approx([1 - 0.35, 1 - 0.35, -2 - 0.35, 0.0])


def test_no_gradient_flows_through_the_kl_in_the_advantage():
    logp = torch.tensor([[0.1, 0.2, 0.4, 9.0]], requires_grad=True)
    assert not kl_penalised(ADVANTAGES[:1], logp, torch.zeros(1, 4), IDS[:1], beta=0.5).requires_grad


def test_what_belongs_to_no_action_has_no_advantage():
    advantages = torch.ones(1, 4)
    assert kl_penalised(advantages, torch.zeros(1, 4), torch.zeros(1, 4), IDS[:1], 0.5).tolist() == [[1, 1, 1, 0]]


W, R = "Wait, let me recheck my solution.", "Let me try again."
TEXT = f"\\boxed{{5}} {W} So the answer is incorrect. {R} \\boxed{{4}} {W} So the answer is correct.<|im_end|>"


def test_eq_1_masks_wrong_attempts_only():
    assert trained_actions(parse(TEXT)) == (False, True, True, True, True)
    spans = [(0, 3), (3, 6), (6, 8), (8, 11), (11, 12)]
    assert sft_mask(parse(TEXT), spans, 13).tolist() == [0, 0, 0, *[1] * 9, 0]
    with pytest.raises(ValueError) as caught:
        sft_mask(parse(TEXT), spans[:2], 13)
    assert str(caught.value) == "2 spans for 5 actions; expected one each"


def test_without_any_attempt_everything_is_trained_on():
    assert trained_actions(parse("", finished=True)) == (True,)
    assert trained_actions(parse("\\boxed{4}")) == (True,)
    assert sft_mask(parse(""), [], 2).tolist() == [0, 0]
