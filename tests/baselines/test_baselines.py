"""Every baseline: hand-computed tables, the same few properties, and clear refusals."""

import json
import math
import pickle
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from s2r_rewards import baselines, process_advantages
from s2r_rewards.baselines import (
    BASELINES,
    Baseline,
    Means,
    RunningBaseline,
    accuracy_baseline,
    accuracy_group,
    get_baseline,
    log_mean_exp,
    position,
    reward_context,
    rloo,
    running,
)
from s2r_rewards.baselines.accuracy_group import accuracy_bin
from s2r_rewards.baselines.reward_context import _longer, context_keys

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
    call = BASELINES.get(case["call"]) or getattr(baselines, case["call"])
    got = call(numbers(case["rewards"]), **case.get("options", {}))
    expected = numbers(case["expected"])
    assert flatten(got) == pytest.approx(flatten(expected))
    assert [type(r) for r in got] == [type(r) for r in expected]  # flat stays flat
    assert [len(r) for r in got if isinstance(r, tuple)] == [len(r) for r in expected if isinstance(r, tuple)]


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


def test_contexts_of_zeros_are_one_context():
    """−0.0 is 0.0: both second actions are compared with each other."""
    _longer.cache_clear()
    assert context_keys([-0.0, 1.0], None)[1] == (None, "0.0 ")
    assert reward_context([[-0.0, 1.0], [0.0, -1.0]]) == ((0.0, 0.0), (0.0, 0.0))


def test_long_contexts_are_told_apart_and_found_again():
    """Contexts of 60 rewards that differ in the first one only; their texts are kept as digests of equal length."""
    same, other = [1.0] * 60, [-1.0] + [1.0] * 59
    keys = [context_keys(row, "p") for row in (same, list(same), other)]
    assert keys[0] == keys[1]
    assert set(keys[0]) & set(keys[2]) == {("p", "")}
    assert keys[0][:3] == (("p", ""), ("p", "1.0 "), ("p", "1.0 1.0 "))
    assert keys[0][50] == ("p", "1.0 " * 50)  # readable up to 200 characters
    assert max(len(context) for _, context in context_keys([1.0] * 500, None)) == 200


LOG_COSH_1 = math.log((math.e + 1 / math.e) / 2)  # log mean exp of 1 and −1


@pytest.mark.parametrize(
    ("rewards", "options", "expected"),
    [
        ([1.0, -1.0], {}, (LOG_COSH_1,) * 2),
        ([2.0, -2.0], {"tau": 2.0}, (2 * LOG_COSH_1,) * 2),
        ([0.5, -0.5], {"tau": 0.5}, (LOG_COSH_1 / 2,) * 2),
        ([1.0, -1.0, 1.0, 0.25], {"groups": ["a", "a", "b", "c"]}, (LOG_COSH_1, LOG_COSH_1, 1.0, 0.25)),
        ([[1.0], [], [-1.0]], {}, ((LOG_COSH_1,), (), (LOG_COSH_1,))),
        ([[1.0, -1.0], [], [-1.0]], {"groups": [0, 1, 2]}, ((LOG_COSH_1,) * 2, (), (-1.0,))),
        ([800.0, 800.0], {}, (800.0, 800.0)),  # e^800 is no float
        ([-800.0, -800.0], {}, (-800.0, -800.0)),
        ([1.0, -1.0], {"tau": 0.001}, (1 - 0.001 * math.log(2),) * 2),  # almost the maximum
        ([1.0, -1.0], {"tau": 100.0}, (100 * math.log(math.cosh(0.01)),) * 2),  # almost the mean
    ],
)
def test_log_mean_exp(rewards, options, expected):
    got = log_mean_exp(rewards, **options)
    assert flatten(got) == pytest.approx(flatten(expected))
    assert [type(row) for row in got] == [type(row) for row in expected]


class TestMeans:
    def test_sums_and_counts_by_key(self):
        means = Means()
        means.add([1.0, -1.0, 0.5], ["a", "b", "a"])
        means.add([0.25], ["b"])
        assert means.totals() == {"a": (1.5, 2), "b": (-0.75, 2)}
        with pytest.raises(ValueError):
            means.add([1.0, 2.0], ["a"])

    def test_what_is_old_counts_less(self):
        means = Means()
        means.add([1.0, 0.5, 4.0], "aab")
        means.decay(0.5)
        assert means.totals() == {"a": (0.75, 1.0), "b": (2.0, 0.5)}
        means.add([1.0], "a")
        assert means.totals() == {"a": (1.75, 2.0), "b": (2.0, 0.5)}

    def test_starts_again_from_stored_totals(self):
        means = Means()
        means.add([9.0], "z")
        means.load({"a": (1.5, 2.0)})
        means.add([0.5, 1.0], "ab")
        assert means.totals() == {"a": (2.0, 3.0), "b": (1.0, 1)}

    @pytest.mark.parametrize("count", [4095, 4096, 4097, 20_000])
    def test_many_rewards_are_summed_exactly_in_little_memory(self, count):
        means = Means()
        for _ in range(count):
            means.add([0.1], ["a"])
        assert means.totals() == {"a": (math.fsum([0.1] * count), count)}
        assert len(means._values["a"]) < 4096

    def test_nothing_is_lost_between_great_and_small(self):
        """10^16 − 10^16 + 1 a thousand times over, in an order in which floats would lose every 1."""
        means = Means()
        means.add([1e16] * 3000 + [1.0] * 3000 + [-1e16] * 3000, ["a"] * 9000)
        assert means.totals() == {"a": (3000.0, 9000)}


class TestBaseline:
    def test_settings_of_a_call_and_of_the_object(self):
        rewards = [[1.0], [1.0], [-1.0]]
        own = Baseline("mine", lambda row, group: [group] * len(row), leave_one_out=True, min_count=3, default=0.5)
        assert own(rewards) == ((0.0,), (0.0,), (1.0,))
        assert own(rewards, leave_one_out=False) == ((1 / 3,),) * 3
        assert own(rewards, min_count=4) == ((0.5,),) * 3
        assert own(rewards, groups="aab", min_count=2) == ((1.0,), (1.0,), (0.5,))
        assert own(rewards, min_count=4, default=-0.5) == ((-0.5,),) * 3
        assert own.with_settings(min_count=4, default=None) == replace(own, min_count=4)
        assert own.with_settings(min_count=None) is own

    def test_nothing_is_known_of_a_new_key(self):
        assert position.look_up({"a": (3.0, 2.0)}, [1.0, 1.0], "ab") == (1.5, 0.0)
        assert position.with_settings(default=0.5).look_up({}, [1.0], "a") == (0.5,)

    def test_one_key_for_each_reward(self):
        with pytest.raises(ValueError):
            position.look_up({}, [1.0, 1.0], "a")
        with pytest.raises(ValueError):
            Baseline("mine", lambda row, group: [group])([[1.0, 1.0]])

    def test_names(self):
        names = ["rloo", "reward_context", "position", "log_mean_exp"]
        names += [f"accuracy_group/{by}" for by in ("position", "context", "outcome")]
        names += ["prompt_mean", "role", "moving_average", "none"]
        assert list(BASELINES) == names
        functions = ("log_mean_exp", "none")
        assert all(BASELINES[name].name == name for name in names if name not in functions)

    def test_accuracy_groups_are_by_position_unless_told_otherwise(self):
        baseline = accuracy_baseline()
        assert baseline.name == "accuracy_group/position"
        assert baseline([[1.0, 1.0], [-1.0, 1.0]], [0.5, 0.5]) == ((0.0, 1.0), (0.0, 1.0))

    def test_found_by_name_reference_or_itself(self):
        assert get_baseline("position") is position
        assert get_baseline("s2r_rewards.baselines.rloo:rloo") is rloo
        assert get_baseline(log_mean_exp) is log_mean_exp


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
        """Sum and count both halve before a batch is added: (2, 2) → (1, 1) + (−1, 1) → (0, 2) → (0, 1) + (1, 1)."""
        baseline = running(min_count=1, decay=0.5)
        seen = [baseline([[1.0]] * 2), baseline([[-1.0]]), baseline([[1.0]]), baseline([[0.0]])]
        assert seen == [((0.0,),) * 2, ((1.0,),), ((0.0,),), ((0.5,),)]

    def test_decayed_counts_may_fall_below_the_minimum(self):
        """Ten observations count as 10, then 5 + 1, then 3 + 1: known, then not any more."""
        baseline = running(min_count=6, decay=0.5)
        seen = [baseline([[1.0]] * 10), baseline([[1.0]]), baseline([[1.0]]), baseline([[1.0]])]
        assert seen == [((0.0,),) * 10, ((1.0,),), ((1.0,),), ((0.0,),)]

    def test_nothing_is_forgotten_unless_told_to(self):
        baseline = running(min_count=1)
        baseline([[1.0]] * 2)
        baseline([[-1.0]])
        assert baseline([[1.0]]) == ((pytest.approx(1 / 3),),)

    def test_by_context_unless_told_otherwise(self):
        """After (1, 1) and (−1, −1): the second action knows its context, or, by position, the mean of both."""
        for baseline, expected in ((running(min_count=1), 1.0), (running("position", min_count=1), 0.0)):
            baseline([[1.0, 1.0], [-1.0, -1.0]])
            assert baseline([[1.0, 1.0]]) == ((0.0, expected),)

    def test_groups_split_the_keys_and_flat_rewards_stay_flat(self):
        baseline = running(min_count=1)
        baseline([1.0, 0.5], groups=["a", "b"])
        assert baseline([0.0, 0.0, 0.0], groups=["b", "a", "c"]) == (0.5, 1.0, 0.0)

    def test_its_own_default(self):
        assert RunningBaseline(position.with_settings(default=0.25))([[1.0]]) == ((0.25,),)

    def test_state_survives_json_and_pickle(self):
        baseline = running(min_count=1)
        baseline([[1.0, -1.0], [-1.0, 1.0]])
        other = running(min_count=1)
        other.load_state_dict(json.loads(json.dumps(baseline.state_dict())))
        third = pickle.loads(pickle.dumps(baseline))
        batch = [[1.0, 1.0], [-1.0, -1.0]]
        assert baseline(batch) == other(batch) == third(batch) == ((0.0, -1.0), (0.0, 1.0))

    def test_the_state_by_hand(self):
        baseline = running("position", min_count=1, decay=0.5)
        baseline([[1.0, -1.0], [0.5]], groups=["p", None])
        state = baseline.state_dict()
        assert state == {
            "baseline": "position",
            "decay": 0.5,
            "totals": [[("p", 0), 1.0, 1], [("p", 1), -1.0, 1], [(None, 0), 0.5, 1]],
        }
        other = running("position", min_count=1)
        other.load_state_dict({"baseline": "position", "totals": [[["p", 0], 3, 4], [[["a", 1], 0], 1, 1]]})
        assert other([[1.0], [1.0], [1.0]], groups=["p", ("a", 1), "q"]) == ((0.75,), (1.0,), (0.0,))

    def test_a_state_of_another_kind_is_refused(self):
        message = (
            "running: the stored state is of baseline {}, expected 'reward_context'; continue with that one, or "
            "remove the state to begin without it"
        )
        for state, found in (
            (running(by="position").state_dict(), "'position'"),
            ({"by": "context", "sums": {}}, "None"),  # what older versions kept
            ({"baseline": "reward_context"}, "'reward_context'"),
        ):
            with pytest.raises(ValueError) as caught:
                running(by="context").load_state_dict(state)
            assert str(caught.value) == message.format(found)

    def test_state_stays_bounded_on_long_contexts(self):
        """64 contexts of their own, then one key for all that is later, within each group."""
        baseline = running(min_count=1)
        baseline([[1.0] * 64 + [0.5, -0.5], [0.25] * 65], groups=["p", "q"])
        keys = [key for key, _, _ in baseline.state_dict()["totals"]]
        assert len(keys) == 2 * 65
        assert [key for key in keys if key[1] == "later"] == [("p", "later"), ("q", "later")]
        assert baseline([[1.0] * 66], groups=["p"])[0][63:] == (1.0, 0.0, 0.0)

    def test_positions_are_few_and_keep_their_keys(self):
        baseline = running("position", min_count=1)
        baseline([[1.0] * 64 + [0.5, -0.5]])
        assert baseline([[1.0] * 66])[0][63:] == (1.0, 0.5, -0.5)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: rloo([1.0, [1.0]]), "rloo: rewards mix numbers and sequences; expected one or the other"),
        (
            lambda: reward_context([[1.0], [1.0, float("nan")]]),
            "reward_context: reward of trajectory 1, action 1 is nan; expected a finite number",
        ),
        (lambda: position([["1"]]), "position: reward of trajectory 0, action 0 is '1'; expected a finite number"),
        (
            lambda: log_mean_exp([1.0, math.inf]),
            "log_mean_exp: reward of trajectory 1, action 0 is inf; expected a finite number",
        ),
        (lambda: running()([[math.inf]]), "running: reward of trajectory 0, action 0 is inf; expected a finite number"),
        (lambda: rloo([1.0, 1.0], groups=["a"]), "rloo groups: 1 keys for 2 trajectories; expected one a trajectory"),
        (
            lambda: log_mean_exp([1.0], groups=[]),
            "log_mean_exp groups: 0 keys for 1 trajectories; expected one a trajectory",
        ),
        (lambda: running()([[1.0]], groups=[]), "running groups: 0 keys for 1 trajectories; expected one a trajectory"),
        (lambda: log_mean_exp([1.0], tau=0), "log_mean_exp: tau is 0; expected a positive number"),
        (lambda: accuracy_group([[1.0]], [1.5]), "accuracy is 1.5; expected a number in [0, 1]"),
        (lambda: accuracy_group([[1.0]], [-0.1]), "accuracy is -0.1; expected a number in [0, 1]"),
        (
            lambda: accuracy_group([[1.0]], [0.5], by="colour"),
            "accuracy_group: by is 'colour'; expected one of position, context, outcome",
        ),
        (lambda: running(by="colour"), "running: by is 'colour'; expected one of context, position"),
        (lambda: running(decay=0), "running: decay is 0; expected a number in (0, 1]"),
        (lambda: running(decay=1.5), "running: decay is 1.5; expected a number in (0, 1]"),
        (
            lambda: RunningBaseline(rloo),
            "running: rloo has leave_one_out=True; earlier batches never hold the action itself",
        ),
        (
            lambda: get_baseline("colour"),
            "unknown baseline 'colour'; expected one of accuracy_group/context, accuracy_group/outcome, "
            "accuracy_group/position, log_mean_exp, moving_average, none, position, prompt_mean, reward_context, "
            "rloo, role, or your own as package.module:object",
        ),
        (lambda: get_baseline(7), "baseline 7 is int; expected a callable"),
    ],
)
def test_bad_input_says_what_is_wrong(call, message):
    with pytest.raises(ValueError) as caught:
        call()
    assert str(caught.value) == message


def test_eighths_fall_into_bins_of_their_own():
    assert [accuracy_bin(k / 8) for k in range(9)] == [0, 1, 2, 3, 5, 6, 7, 8, 9]
    assert accuracy_bin(0.3) == 3  # 0.3 * 10 is 2.999… in floating point
    assert accuracy_bin(0.29) == 2
    assert [accuracy_bin(a, bins=2) for a in (0.0, 0.49, 0.5, 1.0)] == [0, 0, 1, 1]
