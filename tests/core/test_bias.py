"""Expected gradients by enumeration: the page's table, its claims, and what `effects` says of every method."""

import json
import sys
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest
from click.testing import CliRunner

from s2r_rewards import get_method
from s2r_rewards.adapter.named_effects import effects_in
from s2r_rewards.baselines import position
from s2r_rewards.cli.doctor import command
from s2r_rewards.methods import METHODS
from s2r_rewards.methods.effects import effects
from s2r_rewards.rewards import unit_rewards

ROOT = Path(__file__).resolve().parents[2]
TABLE = json.loads((Path(__file__).parent / "bias.json").read_text())
THREE_QUARTERS, NINE_TENTHS = Fraction(3, 4), Fraction(9, 10)


@pytest.fixture(scope="module")
def bias():
    sys.path.insert(0, str(ROOT / "benchmarks"))
    try:
        import bias

        yield bias
    finally:
        sys.path.remove(str(ROOT / "benchmarks"))


def same(found, expected):
    """Fractions to 1e-12, decimals to what they show."""
    for value, wanted in zip(found, expected, strict=True):
        exact = isinstance(wanted, str)
        assert float(value) == pytest.approx(float(Fraction(wanted)), abs=1e-12 if exact else 6e-7, rel=0)
        assert not exact or value == Fraction(wanted)


@pytest.mark.parametrize("name", TABLE["estimators"])
def test_the_table_of_the_page(bias, name):
    method, claim = bias.ESTIMATORS[name]
    same(bias.gradient_of(method), TABLE["estimators"][name])
    if name in TABLE["claims"]:
        same(bias.claimed(method, claim), TABLE["claims"][name])


@pytest.mark.parametrize("samples", TABLE["offline"])
def test_accuracy_groups_hold_the_responses_own_outcome(bias, samples):
    same(bias.offline(bias.Toy(), int(samples)), TABLE["offline"][samples])
    same(bias.offline(bias.Toy(), int(samples), others=True), ["33/64", "33/64"])


def test_a_mean_over_a_responses_actions_pays_for_stopping(bias):
    method = get_method("s2r-prl")
    same(bias.by_length(method, bias.Toy(), 1, constant=1.0), TABLE["length"]["constant"])
    loo = bias.ESTIMATORS["own reward, context leave-one-out"][0]
    same(bias.by_length(loo, bias.Toy(), 3), TABLE["length"]["context leave-one-out"])
    constant = bias.expected(bias.Toy(), lambda batch: tuple((1.0,) * len(b.rewards) for b in batch), method.score, 1)
    same(constant, ["0", "0"])


def test_rewards_of_0_and_1_pay_for_false_verdicts(bias):
    """p = q = 9/10: the sum of 0/1 rewards falls with better verdicts, own rewards rise."""
    toy, unit = bias.Toy(NINE_TENTHS, NINE_TENTHS), replace(get_method("return-to-go"), rewards=unit_rewards)
    numbers = TABLE["nine_tenths"]
    assert float(bias.gradient_of(unit, toy, 2)[1]) == pytest.approx(numbers["J"], abs=6e-5)
    assert float(bias.claimed(unit, bias.own, toy)[1]) == pytest.approx(numbers["M"], abs=6e-5)
    aggregated = replace(bias.ESTIMATORS["centred by turn, aggregated (verl#7244)"][0], rewards=unit_rewards)
    assert float(bias.gradient_of(aggregated, toy, 2)[1]) == pytest.approx(
        numbers["aggregated, two responses"], abs=6e-7
    )
    assert bias.gradient_of(get_method("return-to-go"), toy, 2)[1] > 0


@pytest.mark.parametrize("p", [Fraction(1, 4), Fraction(3, 4)])
def test_cal_is_exact_under_a_verifier_that_is_always_right(bias, p):
    """2p(1 − p)², by hand, of P(one of two attempts right) = 1 − (1 − p)²."""
    toy = bias.Toy(p, Fraction(1))
    assert bias.gradient_of(get_method("cal"), toy, 2) == (2 * p * (1 - p) ** 2, 0)
    assert bias.gradient_of(get_method("cal"), toy, 3) == bias.claimed(get_method("cal"), bias.best, toy)


LEFT_OUT = {
    "s2r-offline-prl",
    "s2r-offline-orl",
    "released-offline-prl",
    "released-offline-orl",
}  # no prompt: `offline`


@pytest.mark.parametrize("name", [name for name in METHODS if name not in LEFT_OUT])
@pytest.mark.parametrize(
    "toy", [(THREE_QUARTERS, THREE_QUARTERS, 2, 3), (Fraction(1, 3), Fraction(4, 5), 3, 2)], ids=str
)
def test_a_method_has_an_effect_where_one_is_told_and_nowhere_else(bias, name, toy):
    """Without a word in `effects` about its advantages, the expected gradient is what the method claims, up to a factor."""
    p, q, attempts, responses = toy
    world, method = bias.Toy(p, q, attempts), METHODS[name]
    found = bias.gradient_of(method, world, responses)
    target = bias.claimed(method, bias.CLAIMS[name][1], world)
    parallel = abs(float(found[0] * target[1] - found[1] * target[0])) < 1e-12
    told = [one for one in effects(method) if one.of == "advantages"]
    assert bool(told) or parallel
    if told and responses > 2:  # MaxRL of two responses is exact
        assert abs(found[0] - target[0]) + abs(found[1] - target[1]) > 1e-6


def test_every_online_method_has_a_claim(bias):
    assert set(bias.CLAIMS) == set(METHODS) - LEFT_OUT


def test_it_prints_and_draws(bias, tmp_path, monkeypatch, capsys):
    """The stored table is what it prints today."""
    pytest.importorskip("matplotlib", reason="needs matplotlib: pip install 's2r-rewards[tiny]'")
    target, drawn = tmp_path / "bias.md", tmp_path / "bias.svg"
    monkeypatch.setattr(sys, "argv", ["bias.py", "--attempts", "2", "--output", str(target), "--picture", str(drawn)])
    bias.main()
    text = target.read_text()
    assert text in capsys.readouterr().out
    assert text.strip() in (ROOT / "benchmarks/results/bias.md").read_text()
    assert drawn.read_text().startswith("<?xml")


def test_what_is_told_and_how_to_be_rid_of_it():
    prl = get_method("s2r-prl")
    (first, second) = effects(prl)
    assert (first.of, second.of) == ("advantages", "loss")
    assert "rare contexts" in first.what
    assert first.way_out == "leave_one_out=true: exact"
    assert "1/|y|_a" in second.what
    assert "divisor=K" in second.way_out
    loo = replace(prl, baseline=prl.baseline.with_settings(leave_one_out=True))
    assert effects(loo) == (second,)
    assert effects(replace(loo, divisor=20.0)) == ()
    assert "rare positions" in effects(replace(prl, baseline=position))[0].what
    assert "own outcome" in effects(get_method("s2r-offline-orl"))[0].what
    assert "own outcome" not in str(effects(replace(get_method("s2r-offline-orl"), groups="accuracy_of_others")))
    assert "long response" in effects(get_method("s2r-orl"))[0].what
    assert "long response" in effects(replace(get_method("s2r-orl"), divisor=20.0))[0].what  # still a mean of tokens
    assert effects(replace(get_method("s2r-orl"), average="tokens", divisor=20.0)) == ()
    assert effects(get_method("dr-grpo")) == ()
    unit = replace(get_method("return-to-go"), rewards=unit_rewards)
    assert "a false verdict buys one" in effects(unit)[0].what
    assert [one.of for one in effects(get_method("return-to-go"))] == ["loss"]


@pytest.mark.parametrize(
    ("name", "text", "warned"),
    [
        ("a.yaml", "algorithm: {s2r: {method: s2r-prl}}", ["rare contexts", "1/|y|_a"]),
        ("a.yaml", "algorithm: {s2r: {method: s2r-prl, leave_one_out: true}}", ["1/|y|_a"]),
        ("a.yaml", "s2r: {method: dr-grpo}", []),
        ("a.yaml", "s2r: {method: unknown}", []),
        ("a.yaml", "[1, 2", []),
        (
            "a.sh",
            "train +algorithm.s2r.method=self-verify \\\n  trainer.n=1",
            ["one mean for all attempts", "divided by"],
        ),
        ("a.sh", "python -m s2r_openrlhf.train_ppo_ray --s2r.method s2r-prl --s2r.leave_one_out yes", ["1/|y|_a"]),
        ("a.sh", "train  # algorithm.s2r.method=s2r-prl", []),
    ],
)
def test_doctor_warns_of_what_a_configuration_names(tmp_path, name, text, warned):
    path = tmp_path / name
    path.write_text(text)
    found = list(effects_in(path))
    assert [finding.level for finding in found] == ["warning"] * len(warned)
    assert all(part in finding.found for part, finding in zip(warned, found, strict=True))


def test_doctor_knows_methods_by_name():
    result = CliRunner().invoke(command, ["--no-gpu", "--json", "--method", "dr-grpo", "--method", "s2r-prl"])
    found = {(one["level"], one["what"]) for one in json.loads(result.output)}
    assert ("ok", "method dr-grpo") in found
    assert {("warning", "method s2r-prl, its advantages"), ("warning", "method s2r-prl, its loss")} <= found
    wrong = CliRunner().invoke(command, ["--method", "no-such"])
    assert wrong.exit_code == 2
    assert "unknown method 'no-such'" in wrong.output
