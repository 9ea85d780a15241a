"""Methods: what each one is, its advantages by hand, and what cannot be one."""

import json
import math
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest

from s2r_rewards import judge, parse
from s2r_rewards.answers import CheckResult
from s2r_rewards.baselines import position, prompt_deviation, prompt_mean
from s2r_rewards.grammar import get_grammar
from s2r_rewards.methods import METHODS, Method, OfflineFilter, accuracies_of_others, get_method, prompt_accuracies

TABLE = json.loads((Path(__file__).parent / "methods.json").read_text())
PROMPTS = [row["prompt"] for row in TABLE["batch"]]
W, R = "Wait, let me recheck my solution.", "Let me try again."
SAID = {"c": f" {W} Therefore, the answer is correct.", "i": f" {W} Therefore, the answer is incorrect.", "": ""}


def compare(gold, answer):
    return CheckResult("correct" if gold == answer else "incorrect", "mine")


def judged(attempts, finished=None, grammar="paper"):
    text = f" {R} ".join(f"\\boxed{{{4 if a[0] == '+' else 5}}}{SAID[a[1:]]}" for a in attempts)
    return judge(parse(text, grammar, finished), "4", compare)


def batch_of(method):
    return [judged(row["attempts"], grammar=method.grammar) for row in TABLE["batch"]]


def numbers(rows):
    return [pytest.approx([float(Fraction(value)) for value in row]) for row in rows]


def test_there_are_these():
    assert list(METHODS)[: len(TABLE["methods"])] == list(TABLE["methods"])  # the others: test_shelf_methods.py


@pytest.mark.parametrize("name", TABLE["methods"])
def test_what_a_method_is(name):
    method = METHODS[name]
    facts = dict(TABLE["methods"][name])
    rejection, most, balance = facts.pop("filter")
    assert method.filter == OfflineFilter(rejection, most, balance)
    assert method.clip is None  # the trainer's own
    baseline = method.baseline
    found = {
        "level": method.level,
        "groups": method.groups,
        "running": method.running,
        "baseline": baseline.name,
        "min_count": baseline.min_count,
        "leave_one_out": baseline.leave_one_out,
        "grammar": method.grammar,
        "ratio": method.ratio,
        "bonuses": method.adjust is not None,
    }
    cut = judged(["-i", "+c"], finished=False)
    assert found == {key: value for key, value in facts.items() if key != "no_end_penalty"}
    assert baseline.default == 0
    last = -1 if facts["no_end_penalty"] else 1
    assert method.outcome(cut) == last
    expected = (-1, 1, 1, last) if method.level == "process" else (last,) * 4
    assert method.rewards(cut) == expected


@pytest.mark.parametrize("case", TABLE["cases"], ids=lambda c: c["method"])
def test_advantages_by_hand(case):
    method = get_method(case["method"])
    batch = batch_of(method)
    rewards = TABLE["rewards"]
    if method.level == "outcome":
        rewards = [[r] * len(row) for r, row in zip(TABLE["outcomes"], rewards, strict=True)]
    assert [list(method.rewards(item)) for item in batch] == rewards
    assert [method.outcome(item) for item in batch] == TABLE["outcomes"]
    differences = [
        [str(r - Fraction(b)) for r, b in zip(*row, strict=True)]
        for row in zip(rewards, case["baselines"], strict=True)
    ]
    baselines, advantages = method.credit(batch, PROMPTS)
    assert list(baselines) == numbers(case["baselines"])
    assert list(advantages) == numbers(case.get("advantages", differences))
    # the same from records, and from the other door
    assert method.advantages([method.score(item) for item in batch], PROMPTS) == advantages
    assert method.advantages(batch, PROMPTS) == advantages


def test_ten_observations_before_a_context_counts():
    """The released code's count: nine earlier rewards are not enough, ten are."""
    method, batch = get_method("released-prl"), [judged(["+"], grammar="released")]
    state = method.new_state()
    nine = method.credit(batch * 9, state=state)[0]
    assert nine == ((0.0,),) * 9
    assert method.credit(batch, state=state)[0] == ((0.0,),)  # the tenth
    assert method.credit(batch, state=state)[0] == ((1.0,),)
    assert method.credit(batch * 10)[0] == ((0.0,),) * 10  # without a state nothing is known


def test_advantages_are_those_of_credit():
    """Also with a state, and with accuracies that are known already."""
    method, batch = get_method("released-prl"), [judged(["+"], grammar="released")]
    state = method.new_state()
    assert method.advantages(batch * 10, state=state) == ((1.0,),) * 10
    assert method.advantages(batch, state=state) == ((0.0,),)
    offline = get_method("s2r-offline-prl")
    mixed = [judged(["+"]), judged(["-"])]
    assert offline.advantages(mixed, ["p", "q"]) == ((0.0,), (0.0,))
    assert offline.advantages(mixed, ["p", "q"], [0.5, 0.5]) == ((1.0,), (-1.0,))


def test_only_running_methods_remember():
    method = get_method("s2r-prl")
    assert method.new_state() is None
    state = get_method("released-prl").new_state()
    assert method.credit([judged(["+"])], state=state) == (((1.0,),), ((0.0,),))
    assert state.state_dict()["totals"] == []


def test_the_accuracy_may_be_known_already():
    """Accuracy 0.5 for all four: one group, first actions 1, −1, −1, −1."""
    method = get_method("s2r-offline-prl")
    batch = batch_of(method)
    baselines, _ = method.credit(batch, PROMPTS, accuracy=[0.5] * 4)
    assert [row[0] for row in baselines] == [-0.5] * 4
    apart, _ = method.credit(batch, PROMPTS, accuracy=[0.5, 0.5, 0.25, 0.25])
    assert [row[0] for row in apart] == [0, 0, -1, -1]


def test_accuracies_are_counted_by_prompt():
    scored = [get_method("s2r-prl").score(item) for item in batch_of(get_method("s2r-prl"))]
    assert prompt_accuracies(scored, PROMPTS) == (2 / 3, 2 / 3, 2 / 3, 0)
    assert prompt_accuracies(scored) == (0.5,) * 4
    with pytest.raises(ValueError):
        prompt_accuracies(scored, ["p"])
    nothing = replace(scored[0], outcome=0.0)
    assert prompt_accuracies([nothing]) == (0.0,)  # right is what earns more than 0


def test_without_prompts_all_are_samples_of_one():
    method = get_method("s2r-orl")
    batch = [judged(["+"]), judged(["-"]), judged(["-"])]
    assert method.advantages(batch) == ((2.0,), (-1.0,), (-1.0,))


def test_prompts_of_equal_accuracy_are_told_apart():
    batch = [judged([shape]) for shape in ("+", "-", "+", "-")]
    assert get_method("s2r-orl").advantages(batch, "ppqq") == ((2.0,), (-2.0,), (2.0,), (-2.0,))


def test_outcome_advantages_also_of_what_has_no_action():
    method = get_method("s2r-orl")
    assert method.outcome_advantages([1.0, -1.0, 0.5], ["a", "a", "b"]) == (2.0, -2.0, 0.5)
    assert method.outcome_advantages([1.0, -1.0]) == (2.0, -2.0)
    over_batch = replace(method, groups="batch")
    assert over_batch.outcome_advantages([1.0, -1.0, -1.0], ["a", "a", "b"]) == (2.0, -1.0, -1.0)
    with pytest.raises(ValueError) as caught:
        get_method("s2r-prl").outcome_advantages([1.0])
    assert str(caught.value) == "method 's2r-prl' is of the level 'process'; expected 'outcome'"


def test_outcome_advantages_are_those_of_the_method_in_every_respect():
    """Running means, accuracy groups, scale and adjustment: as if each response were one action."""
    running = replace(get_method("s2r-orl"), baseline=position, groups="batch", running=True)
    state = running.new_state()
    assert running.outcome_advantages([1.0, 1.0, -1.0, 1.0], state=state) == (1.0, 1.0, -1.0, 1.0)  # nothing known
    assert running.outcome_advantages([1.0, -1.0], state=state) == (0.5, -1.5)
    offline = get_method("s2r-offline-orl")
    assert offline.outcome_advantages([1.0, -1.0, 1.0, -1.0], "ppqq") == (1.0, -1.0, 1.0, -1.0)  # both 1/2
    assert offline.outcome_advantages([1.0, 1.0, 1.0, -1.0], "ppqq") == (0.0, 0.0, 1.0, -1.0)
    assert offline.outcome_advantages([1.0, -1.0], accuracy=[0.1, 0.9]) == (0.0, 0.0)
    twice = replace(get_method("s2r-orl"), adjust=lambda batch, rows: tuple(tuple(2 * a for a in row) for row in rows))
    assert twice.outcome_advantages([1.0, -1.0]) == (4.0, -4.0)
    scaled = replace(get_method("s2r-orl"), baseline=prompt_mean, scale=prompt_deviation)
    assert scaled.outcome_advantages([1.0, -1.0, 1.0], "ppq") == (
        pytest.approx(0.5**0.5),
        pytest.approx(-(0.5**0.5)),
        0,
    )


def test_an_accuracy_without_the_response_itself():
    """p: 2 of 3 right; for its right responses 1 of the 2 others, for the wrong one 2 of 2. q: nobody else."""
    scored = [get_method("s2r-prl").score(item) for item in batch_of(get_method("s2r-prl"))]
    found = accuracies_of_others(scored, PROMPTS)
    assert (found[:3], math.isnan(found[3])) == ((0.5, 0.5, 1.0), True)
    method = replace(get_method("s2r-offline-orl"), groups="accuracy_of_others")
    assert method.outcome_advantages([1.0, 1.0, -1.0, -1.0], PROMPTS) == (0.0, 0.0, 0.0, 0.0)
    pooled = method.outcome_advantages([1.0, 1.0, -1.0, 1.0, -1.0], "ppprr")  # r: others 0 and 1
    assert pooled == (0.0, 0.0, 0.0, 0.0, 0.0)
    assert method.outcome_advantages([1.0, -1.0, -1.0], "pqr") == (pytest.approx(4 / 3), *[pytest.approx(-2 / 3)] * 2)


def test_a_score_names_method_checker_and_tokens():
    item = judged(["-i"], finished=True)
    scored = get_method("s2r-prl").score(item, "mine 1.0", [(0, 3), (3, 9), (9, 10)])
    assert (scored.method, scored.checker, scored.spans) == ("s2r-prl", "mine 1.0", ((0, 3), (3, 9), (9, 10)))
    assert (scored.rewards, scored.outcome, scored.ended) == ((-1.0, 1.0), -1.0, True)
    bare = get_method("s2r-orl").score(item)
    assert (bare.method, bare.checker, bare.spans, bare.rewards) == ("s2r-orl", "", (), (-1.0, -1.0))


def test_what_happens_to_the_advantages_last():
    def negative(batch, advantages):
        assert [item.rewards for item in batch] == [(1.0,), (-1.0,)]
        return tuple(tuple(-a for a in row) for row in advantages)

    method = replace(get_method("s2r-prl"), adjust=negative)
    assert method.credit([judged(["+"]), judged(["-"])]) == (((0,), (0,)), ((-1,), (1,)))


def test_found_by_name_reference_or_itself():
    method = get_method("s2r-orl")
    assert get_method("s2r_rewards.methods.s2r:ORL") is get_method(method) is method


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: get_method("paper"),
            f"unknown method 'paper'; expected one of {', '.join(sorted(METHODS))}, or your own as "
            "package.module:object",
        ),
        (lambda: get_method("json:dumps"), "method 'json:dumps' is function; expected a Method"),
        (lambda: Method("mine", "", level="token"), "method 'mine': level is 'token'; expected process or outcome"),
        (
            lambda: Method("mine", "", groups="level"),
            "method 'mine': groups is 'level'; expected batch or prompt or accuracy or accuracy_of_others",
        ),
        (
            lambda: replace(get_method("s2r-prl"), rewards=lambda item: (1.0, float("nan"))).score(judged(["+c"])),
            "method 's2r-prl': rewards (1.0, nan), outcome 1.0; expected finite numbers",
        ),
        (
            lambda: replace(get_method("s2r-prl"), outcome=lambda item: float("inf")).score(judged(["+"])),
            "method 's2r-prl': rewards (1.0,), outcome inf; expected finite numbers",
        ),
        (
            lambda: replace(get_method("s2r-prl"), rewards=lambda item: [1.0]).score(judged(["+c"])),
            "1 rewards for 2 scored actions; expected one each",
        ),
    ],
)
def test_what_cannot_be_a_method(call, message):
    with pytest.raises(ValueError) as caught:
        call()
    assert str(caught.value) == message


@pytest.mark.parametrize("level", ["process", "outcome"])
def test_a_baseline_must_keep_the_shape(level):
    short = replace(get_method("s2r-prl"), level=level, baseline=lambda rewards, groups: rewards[1:])
    with pytest.raises(ValueError):
        short.credit([judged(["+"]), judged(["-"])])
    if level == "outcome":
        with pytest.raises(ValueError):
            short.outcome_advantages([1.0, -1.0])


def test_a_running_method_needs_a_keyed_baseline():
    assert Method("mine", "", baseline=position, running=True).new_state().baseline is position
    with pytest.raises(ValueError) as caught:
        Method("mine", "", baseline=len, running=True)
    assert str(caught.value) == (
        "method 'mine': running=True needs a keyed baseline (s2r_rewards.baselines.Baseline), "
        "found <built-in function len>"
    )


def test_a_grammar_of_ones_own_can_be_part_of_it():
    assert replace(get_method("s2r-prl"), grammar=get_grammar("tags")).grammar.name == "tags"
