"""The shelf: every method against numbers worked out by hand, and the same properties of all."""

import json
import math
import pickle
import re
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from s2r_rewards import judge, parse
from s2r_rewards.answers import CheckResult
from s2r_rewards.baselines import log_mean_exp, none, position, prompt_mean
from s2r_rewards.methods import METHODS
from s2r_rewards.scored import ScoredRollout

TABLE = json.loads((Path(__file__).parent / "shelf_methods.json").read_text())
RESPONSES = list(TABLE["responses"].values())
W, R = "Wait, let me recheck my solution.", "Let me try again."
SAID = {"c": f" {W} Therefore, the answer is correct.", "i": f" {W} Therefore, the answer is incorrect.", "-": f" {W}"}


def compare(gold, answer):
    return CheckResult("correct" if gold == answer else "incorrect", "mine")


def judged(shape):
    """ "0i1c": a wrong attempt, called incorrect, then a right one, called correct."""
    pairs = [shape[i : i + 2] for i in range(0, len(shape), 2)]
    return judge(parse(f" {R} ".join(f"\\boxed{{{pair[0]}}}{SAID.get(pair[1:], '')}" for pair in pairs)), "1", compare)


def number(text):
    factor, _, radicand = text.partition("√")
    return float(Fraction(factor)) * math.sqrt(Fraction(radicand or 1))


def rows(values, batch):
    """One number a scored action."""
    return [
        [number(row)] * len(item.trajectory.scored) if isinstance(row, str) else [number(value) for value in row]
        for row, item in zip(values, batch, strict=True)
    ]


def near(found, expected):
    return [list(row) for row in found] == [pytest.approx(row, abs=2e-6) for row in expected]


def test_every_method_stands_in_a_table():
    first = json.loads((Path(__file__).parent / "methods.json").read_text())["methods"]
    assert list(METHODS) == [*first, *TABLE["settings"]]
    assert list(TABLE["settings"]) == [case["method"] for case in TABLE["cases"]]
    assert all(METHODS[name].name == name and METHODS[name].source for name in METHODS)


@pytest.mark.parametrize("name", TABLE["settings"])
def test_published_defaults(name):
    for field, value in TABLE["settings"][name].items():
        found = getattr(METHODS[name], field)
        assert (list(found) if isinstance(found, tuple) else found) == value, field


@pytest.mark.parametrize("case", TABLE["cases"], ids=lambda c: c["method"])
def test_by_hand(case):
    method, batch = METHODS[case["method"]], [judged(shape) for shape in RESPONSES]
    assert near([method.rewards(item) for item in batch], rows(case["rewards"], batch))
    assert near(method.advantages(batch), rows(case["advantages"], batch))
    assert near(method.advantages(batch, ["p"] * 5), rows(case["advantages"], batch))
    alone = [batch[0], batch[4]]
    assert near(method.advantages(alone, ["p", "q"]), rows(case["alone"], alone))


shapes = st.lists(st.sampled_from(["1c", "1i", "0c", "0i", "1-", "0-"]), min_size=1, max_size=4).map("".join)
groups = st.lists(st.tuples(st.one_of(shapes, shapes.map(lambda s: s[:-1])), st.sampled_from("pq")), max_size=5)


@pytest.mark.parametrize("name", METHODS)
@settings(max_examples=20)
@given(batch=groups, data=st.data())
def test_the_same_of_all(name, batch, data):
    """One finite number an action; what travels gives the same; order and the names of prompts do not matter."""
    method = METHODS[name]
    items, prompts = [judged(shape) for shape, _ in batch], [prompt for _, prompt in batch]
    found = method.advantages(items, prompts)
    assert [len(row) for row in found] == [len(item.trajectory.scored) for item in items]
    assert all(math.isfinite(value) for row in found for value in row)
    records = [ScoredRollout.loads(method.score(item).dumps()) for item in items]
    assert method.advantages(records, prompts) == found
    renamed = [{"p": 7, "q": ("x", 1)}[prompt] for prompt in prompts]
    assert method.advantages(items, renamed) == found
    if name != "rae":  # which is about the order
        order = data.draw(st.permutations(range(len(items))))
        moved = method.advantages([items[i] for i in order], [prompts[i] for i in order])
        assert [list(row) for row in moved] == [pytest.approx(list(found[i]), abs=1e-9) for i in order]


@pytest.mark.parametrize("name", METHODS)
def test_frameworks_can_send_it_to_their_workers(name):
    batch = [judged(shape) for shape in RESPONSES]
    sent = pickle.loads(pickle.dumps(METHODS[name]))
    assert (sent.advantages(batch), sent.loss_options) == (METHODS[name].advantages(batch), METHODS[name].loss_options)


@pytest.mark.parametrize("name", METHODS)
def test_responses_without_attempts_and_batches_of_nothing(name):
    method = METHODS[name]
    assert method.advantages([]) == ()
    assert method.advantages([judged("1c"), judge(parse(""), "1", compare)])[1] == ()


def test_missing_answers_and_verdicts():
    nothing = judge(parse(f"I cannot say. {W} Hm."), "1", compare)
    assert METHODS["rise"].rewards(nothing) == (-1.0, -1.0)
    assert METHODS["deepseek-v2"].outcome(nothing) == METHODS["deepseek-v2"].outcome(judged("1")) == 0.0
    assert METHODS["pag"].rewards(judged("1-0i")) == (1.0, 0.0, -1.0, 1.0)


def test_roles_and_whitening_count_tokens():
    """PAG: attempts 1 (3 tokens) and 0 (1 token): mean 3/4, variance 1/4. Verifications 1 and 1: 0."""
    items = [METHODS["pag"].score(judged(shape), tokens=spans) for shape, spans in TOKENS]
    assert near(METHODS["pag"].advantages(items), [[0.5, 0.0], [-1.5, 0.0]])
    gdpo = [METHODS["gdpo"].score(judged(shape), tokens=spans) for shape, spans in TOKENS]
    # sums ±√½ of the last answer (both verdicts are true): 5 tokens up, 3 down: mean √½/4, variance ½·(15/16)·8/7
    scale = math.sqrt(15 / 28)
    up = math.sqrt(0.5) * 0.75 / scale
    assert near(METHODS["gdpo"].advantages(gdpo), [[up] * 2, [-up / 0.75 * 1.25] * 2])


TOKENS = [("1c", [(0, 3), (3, 5)]), ("0i", [(0, 1), (1, 3)])]


def test_a_moving_average_goes_on_from_batch_to_batch():
    method = METHODS["rae"]
    state = method.new_state()
    batch = [judged(shape) for shape in RESPONSES]
    whole = method.advantages(batch)
    assert (*method.advantages(batch[:2], state=state), *method.advantages(batch[2:], state=state)) == whole
    other = method.new_state()
    other.load_state_dict(json.loads(json.dumps(state.state_dict())))
    assert method.advantages(batch, state=state) == method.advantages(batch, state=other)
    with pytest.raises(ValueError, match="of baseline 'moving_average', expected 'reward_context'"):
        METHODS["released-prl"].new_state().load_state_dict(state.state_dict())


def test_the_pages_example_runs():
    page = (Path(__file__).resolve().parents[2] / "docs/methods.md").read_text()
    (block,) = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    found: dict = {}
    exec(block, found)  # noqa: S102
    assert found["dapo"].overlong.limit == 20_480
    assert all(f"`{name}`" in page for name in METHODS if not name.startswith("released"))


@pytest.mark.parametrize(
    ("name", "changes", "message"),
    [
        ("return-to-go", {"running": True, "baseline": position}, "returns need running=False and a keyed baseline"),
        ("return-to-go", {"baseline": log_mean_exp}, "returns need running=False and a keyed baseline"),
        ("dr-grpo", {"returns": tuple}, "returns and estimators are of actions; expected level='process'"),
        ("pag", {"level": "outcome"}, "returns and estimators are of actions; expected level='process'"),
        ("gigpo", {"scale": prompt_mean}, "an estimator takes the place of returns, scale and running means"),
    ],
)
def test_parts_that_do_not_go_together(name, changes, message):
    with pytest.raises(ValueError, match=f"method '{name}': {message}"):
        replace(METHODS[name], **changes)


def test_returns_without_a_baseline_are_reinforce():
    method = replace(METHODS["return-to-go"], baseline=none)
    assert method.advantages([judged("0i1c")]) == ((2.0, 3.0, 2.0, 1.0),)
