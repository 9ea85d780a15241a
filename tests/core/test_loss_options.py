"""Ratios, clips, averages and divisors of other methods, against numbers worked out by hand."""

import json
import math
from dataclasses import replace
from pathlib import Path

import pytest

pytest.importorskip("torch")
import torch

from s2r_rewards import get_method, judge, parse
from s2r_rewards.adapter import Options, resolve_method
from s2r_rewards.answers import CheckResult
from s2r_rewards.losses import action_policy_loss, by_response, response_losses, shaped_probability
from s2r_rewards.methods import METHODS
from s2r_rewards.methods.objective import AVERAGES, OBJECTIVES, RATIOS, Overlong

TABLE = json.loads((Path(__file__).parent / "losses.json").read_text())
LOG_RATIOS = torch.tensor([TABLE["log_ratios"]], dtype=torch.float64)
IDS = torch.tensor([TABLE["action_ids"]])
ZERO, ONE = torch.zeros_like(LOG_RATIOS), torch.ones_like(LOG_RATIOS)


def options_of(case):
    given = dict(case["options"])
    if isinstance(given.get("clip"), list):
        given["clip"] = tuple(given["clip"])
    return given


@pytest.mark.parametrize("case", TABLE["cases"], ids=lambda c: c["name"])
def test_objective_by_hand(case):
    for advantage, expected in ((1, case["plus"]), (-1, case["minus"])):
        loss, _ = action_policy_loss(LOG_RATIOS, ZERO, advantage * ONE, IDS, **options_of(case))
        assert -loss.item() == pytest.approx(expected, abs=2e-6)


@pytest.mark.parametrize("sign", [1, -1])
def test_cispo_weighs_every_token_and_stops_no_gradient(sign):
    """Weights 1.105171, 1.2 (of 1.349859), 0.818731 on log π, whatever the advantage; ε below is 10: off."""
    log_probs = (LOG_RATIOS - 1.0).requires_grad_()
    settings = {"ratio": "token", "clip": (10.0, 0.2), "objective": "cispo", "average": "tokens"}
    loss, stats = action_policy_loss(log_probs, ZERO - 1.0, sign * ONE, IDS, **settings)
    loss.backward()
    weights = [1.105171, 1.2, 0.818731]
    assert log_probs.grad[0].tolist() == pytest.approx([-sign * w / 3 for w in weights], abs=1e-6)
    expected = -sum(sign * w * lp for w, lp in zip(weights, log_probs[0].tolist(), strict=True)) / 3
    assert loss.item() == pytest.approx(expected, abs=2e-6)
    assert stats["clip_fraction"] == pytest.approx(1 / 4)  # half of the tokens of one of two actions


def test_gspo_moves_every_token_alike():
    """s = e^(0.2/3) inside of the band: each of 3 tokens gets −s·A/3."""
    log_probs = LOG_RATIOS.clone().requires_grad_()
    settings = {"ratio": "trajectory_mean", "average": "responses"}
    action_policy_loss(log_probs, ZERO, ONE, IDS, clip=0.2, **settings)[0].backward()
    assert log_probs.grad[0].tolist() == pytest.approx([-1.068939 / 3] * 3, abs=1e-6)


def test_refined_tokens_weigh_by_their_probability():
    """π = 0.4 and 0.9: 0.4/0.5 and 0.9/1; the ordinary token has ρ = 2, not clipped."""
    new = torch.log(torch.tensor([[0.4, 0.9, 0.6]]))
    old = torch.log(torch.tensor([[0.4, 0.9, 0.3]]))
    refined = torch.tensor([[True, True, False]])
    method = get_method("critique-grpo")
    loss, _ = action_policy_loss(
        new, old, torch.ones(1, 3), torch.zeros(1, 3).long(), off_policy=refined, **method.loss_options
    )
    assert loss.item() == pytest.approx(-(0.8 + 0.9 + 2.0) / 6144)
    assert shaped_probability(torch.tensor(0.0)).item() == pytest.approx(1 / 1.1)


@pytest.mark.parametrize("ratio", RATIOS)
@pytest.mark.parametrize("objective", OBJECTIVES)
@pytest.mark.parametrize("average", AVERAGES)
@pytest.mark.parametrize("divisor", [None, 7.0])
def test_micro_batches_add_up(ratio, objective, average, divisor):
    """Σ losses / Σ weights over any split is the loss of the whole; rows without actions have no weight."""
    if divisor and average == "responses":
        return
    torch.manual_seed(0)
    new, old = torch.randn(6, 9, dtype=torch.float64) / 4, torch.randn(6, 9, dtype=torch.float64) / 4
    ids = torch.tensor([[0, 0, 1, 1, 1, 2, 3, 3, -1]] * 3 + [[0, 1, -1, -1, -1, -1, -1, -1, -1]] * 2 + [[-1] * 9])
    advantages = torch.randn(6, 4, dtype=torch.float64).gather(1, ids.clamp(min=0))
    settings = {"ratio": ratio, "objective": objective, "average": average, "divisor": divisor}
    whole, _ = action_policy_loss(new, old, advantages, ids, **settings)
    parts = [
        response_losses(new[rows], old[rows], advantages[rows], ids[rows], **settings)[:2]
        for rows in ([0, 5], [1, 2, 3], [4])
    ]
    losses, weights = (torch.cat(column) for column in zip(*parts, strict=True))
    assert losses.sum() / weights.sum() == pytest.approx(whole.item(), abs=1e-12)
    assert weights[1] == 0  # row 5


def test_a_constant_divisor_does_not_depend_on_the_number_of_actions():
    """A constant advantage: with 1/|y|_a a response of one action counts as much as one of three, with K it does not."""
    ids = torch.tensor([[0, -1, -1], [0, 1, 2]])
    values = torch.ones(2, 3)
    assert by_response(values, ids)[0].tolist() == [1, 1]
    assert by_response(values, ids, divisor=2.0)[0].tolist() == [0.5, 1.5]
    assert by_response(values, ids, "tokens")[1].tolist() == [1, 3]
    assert by_response(values, ids, "tokens", 2.0)[1].tolist() == [1, 1]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"objective": "ppo"}, "objective is 'ppo'; expected one of"),
        ({"average": "sequence"}, "average is 'sequence'; expected one of"),
        ({"ratio": "sequence"}, "ratio is 'sequence'; expected one of"),
        ({"dual_clip": 0.9}, "dual_clip is 0.9; expected a number above 1"),
        ({"dual_clip": 3.0, "objective": "cispo"}, "has no minimum to bound: drop it"),
        ({"divisor": 0.0}, "divisor is 0.0; expected a positive number"),
        ({"divisor": 10.0, "average": "responses"}, "use average='actions' or 'tokens'"),
        ({"clip": (0.2, -0.1)}, r"clip is \(0.2, -0.1\); expected ε >= 0"),
        ({"clip": (0.2,)}, r"clip is \(0.2,\)"),
    ],
)
def test_what_no_loss_can_be_made_of_is_refused_by_loss_and_method(settings, message):
    with pytest.raises(ValueError, match=message):
        action_policy_loss(ZERO, ZERO, ONE, IDS, **settings)
    with pytest.raises(ValueError, match=f"method 's2r-prl': .*{message}"):
        replace(get_method("s2r-prl"), **settings)


@pytest.mark.parametrize("name", METHODS)
def test_loss_options_of_every_method_are_arguments_of_the_loss(name):
    loss, _ = action_policy_loss(LOG_RATIOS, ZERO, ONE, IDS, **METHODS[name].loss_options)
    assert math.isfinite(loss.item())


def test_what_is_left_to_the_trainer_is_absent():
    assert get_method("s2r-prl").loss_options == {
        "ratio": "action",
        "objective": "clip",
        "average": "actions",
        "divisor": None,
    }
    assert get_method("self-verify").loss_options == {
        "ratio": "token",
        "objective": "clip",
        "average": "tokens",
        "divisor": None,
        "clip": (0.2, 0.28),
        "dual_clip": 10.0,
    }


def compare(gold, answer):
    return CheckResult("correct" if gold == answer else "incorrect", "mine")


class TestOverlong:
    @pytest.mark.parametrize(
        ("length", "expected"), [(0, 0), (16_384, 0), (16_385, -1 / 4096), (18_432, -0.5), (20_480, -1), (24_576, -2)]
    )
    def test_published_numbers(self, length, expected):
        assert Overlong().penalty(length) == pytest.approx(expected)
        assert Overlong(factor=0.5).penalty(length) == pytest.approx(expected / 2)

    def test_of_the_outcome_and_of_the_last_action(self):
        """Lengths 8 and 16 of 16, buffer 8: 0 and −1. Outcomes 1, 1: 1 and 0, so ±1 against each other."""
        right = judge(
            parse("\\boxed{1} Wait, let me recheck my solution. Therefore, the answer is correct."), "1", compare
        )
        spans = ([(0, 4), (4, 8)], [(0, 4), (4, 16)])
        orl = replace(get_method("s2r-orl"), overlong=Overlong(16, 8))
        assert orl.advantages([orl.score(right, tokens=one) for one in spans]) == ((1.0, 1.0), (-1.0, -1.0))
        prl = replace(get_method("s2r-prl"), overlong=Overlong(16, 8))
        assert prl.advantages([prl.score(right, tokens=one) for one in spans]) == ((0.0, 0.5), (0.0, -0.5))

    def test_lengths_must_be_known(self):
        method = replace(get_method("s2r-orl"), overlong=Overlong())
        for call in (
            lambda: method.advantages([judge(parse("\\boxed{1}"), "1", compare)]),
            lambda: method.outcome_advantages([1.0]),
        ):
            with pytest.raises(ValueError, match="needs the actions in tokens"):
                call()

    @pytest.mark.parametrize("given", [(16, 0), (16, 17), (16, 8, -1.0)])
    def test_what_it_cannot_be(self, given):
        with pytest.raises(ValueError, match="expected 0 < buffer <= limit and a factor >= 0"):
            Overlong(*given)


def test_they_are_options_of_every_trainer():
    options = Options.from_mapping({"divisor": 8.0, "objective": "cispo", "ratio": "token"})
    assert resolve_method(options).loss_options == {
        "ratio": "token",
        "objective": "cispo",
        "average": "actions",
        "divisor": 8.0,
    }
