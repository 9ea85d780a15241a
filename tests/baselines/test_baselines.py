"""Every baseline: hand-computed tables, the same few properties, and clear refusals."""

import json
import math
import pickle
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from s2r_rewards import baselines, process_advantages
from s2r_rewards.baselines import BASELINES, accuracy_group, log_mean_exp, reward_context, rloo, running
from s2r_rewards.baselines.accuracy_group import accuracy_bin

CASES = json.loads((Path(__file__).parent / "cases.json").read_text())["cases"]
batches = st.lists(st.lists(st.sampled_from([1.0, -1.0]), max_size=7), max_size=12)
#: every pure baseline in the form (rewards) → baselines, with a constant key per trajectory where it needs one
PURE = {
    "rloo": rloo,
    "reward_context": reward_context,
    "reward_context leave-one-out": lambda r: reward_context(r, leave_one_out=True),
    "position": BASELINES["position"],
    "accuracy_group position": lambda r: accuracy_group(r, [0.5] * len(r)),
    "accuracy_group context": lambda r: accuracy_group(r, [0.5] * len(r), by="context"),
    "accuracy_group outcome": lambda r: accuracy_group(r, [0.5] * len(r), by="outcome"),
    "log_mean_exp": log_mean_exp,
    "running": lambda r: running(min_count=1)(r),
}


def numbers(value):
    return tuple(numbers(v) for v in value) if isinstance(value, list) else float(Fraction(value))


def flatten(value):
    return [x for row in value for x in (row if isinstance(row, tuple) else (row,))]


@pytest.mark.parametrize("case", CASES, ids=lambda c: c["name"])
def test_case(case):
    got = getattr(baselines, case["call"])(case["rewards"], **case.get("options", {}))
    expected = numbers(case["expected"])
    assert flatten(got) == pytest.approx(flatten(expected))
    assert [len(r) if isinstance(r, tuple) else 1 for r in got] == [
        len(r) if isinstance(r, tuple) else 1 for r in expected
    ]


@pytest.mark.parametrize("name", PURE)
@given(batch=batches)
def test_same_shape_and_finite(name, batch):
    got = PURE[name](batch)
    assert [len(row) for row in got] == [len(row) for row in batch]
    assert all(math.isfinite(v) for row in got for v in row)


@pytest.mark.parametrize("name", PURE)
@given(batch=batches, data=st.data())
def test_permuting_trajectories_permutes_results(name, batch, data):
    order = data.draw(st.permutations(range(len(batch))))
    whole = PURE[name](batch)
    assert PURE[name]([batch[i] for i in order]) == tuple(whole[i] for i in order)


@given(batch=batches)
def test_paper_advantages_of_a_context_sum_to_zero(batch):
    sums = {}
    for rewards, advantages in zip(batch, process_advantages(batch), strict=True):
        for t, advantage in enumerate(advantages):
            sums.setdefault(tuple(rewards[:t]), []).append(advantage)
    for values in sums.values():
        assert math.fsum(values) == pytest.approx(0.0, abs=1e-9)


@given(batch=batches)
def test_one_group_for_all_equals_no_groups(batch):
    assert reward_context(batch, groups=["x"] * len(batch)) == reward_context(batch)


def test_ten_thousand_actions_are_linear_work():
    assert len(reward_context([[1.0, -1.0] * 5_000] * 3)[0]) == 10_000


def test_log_mean_exp_lies_between_mean_and_maximum():
    assert log_mean_exp([1.0, -1.0])[0] == pytest.approx(math.log((math.e + 1 / math.e) / 2))
    assert log_mean_exp([1.0, -1.0], tau=0.001)[0] == pytest.approx(1.0, abs=1e-3)
    assert log_mean_exp([1.0, -1.0], tau=1e6)[0] == pytest.approx(0.0, abs=1e-3)
    with pytest.raises(ValueError, match="positive"):
        log_mean_exp([1.0], tau=0)


class TestRunning:
    def test_scores_before_it_learns(self):
        baseline = running(min_count=2)
        assert baseline([[1.0], [-1.0], [1.0]]) == ((0.0,), (0.0,), (0.0,))
        assert baseline([[1.0]]) == ((pytest.approx(1 / 3),),)

    def test_ten_observations_before_a_key_counts(self):
        baseline = running()
        baseline([[1.0]] * 9)
        assert baseline([[1.0]]) == ((0.0,),)
        assert baseline([[1.0]]) == ((1.0,),)

    def test_decay_forgets(self):
        baseline = running(min_count=1, decay=0.5)
        baseline([[1.0]] * 2)  # sum 2, count 2; decays to 1, 1
        baseline([[-1.0]])  # sum 0, count 2
        assert baseline([[1.0]]) == ((0.0,),)

    def test_state_survives_json_and_pickle(self):
        baseline = running(min_count=1)
        baseline([[1.0, -1.0], [-1.0, 1.0]])
        other = running(min_count=1)
        other.load_state_dict(json.loads(json.dumps(baseline.state_dict())))
        third = pickle.loads(pickle.dumps(baseline))
        batch = [[1.0, 1.0], [-1.0, -1.0]]
        assert baseline(batch) == other(batch) == third(batch)

    def test_state_of_another_kind_is_refused(self):
        with pytest.raises(ValueError, match="position"):
            running(by="context").load_state_dict(running(by="position").state_dict())

    def test_state_stays_bounded_on_long_contexts(self):
        baseline = running(min_count=1)
        baseline([[1.0, -1.0] * 2_000])
        assert len(baseline.state_dict()["totals"]) <= 65


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: rloo([1.0, [1.0]]), "mix numbers and sequences"),
        (lambda: reward_context([[1.0, float("nan")]]), "trajectory 0, action 1"),
        (lambda: reward_context([["1"]]), "expected a finite number"),
        (lambda: rloo([1.0, 1.0], groups=["a"]), "1 keys for 2 trajectories"),
        (lambda: accuracy_group([[1.0]], [1.5]), r"expected a number in \[0, 1\]"),
        (lambda: accuracy_group([[1.0]], [0.5], by="colour"), "colour"),
        (lambda: running(by="colour"), "colour"),
        (lambda: running(decay=0), "decay"),
    ],
)
def test_bad_input_says_what_is_wrong(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_eighths_fall_into_bins_of_their_own():
    assert len({accuracy_bin(k / 8) for k in range(9)}) == 9
    assert accuracy_bin(0.3) == 3  # 0.3 * 10 is 2.999… in floating point
