import itertools
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from s2r_rewards.evaluation.statistics import bootstrap, majority_right, pass_at_k, wilson


def test_wilson_by_hand():
    # 8 of 10 at 95 %: centre (0.8 + 1.9207/10) / (1 + 3.8415/10) = 0.71674, half width 0.22659.
    low, high = wilson(8, 10)
    assert (low, high) == pytest.approx((0.4902, 0.9433), abs=1e-4)
    assert wilson(0, 0) == (0.0, 1.0)
    assert wilson(0, 20)[0] == 0.0
    assert wilson(20, 20)[1] == pytest.approx(1.0)


@given(st.integers(1, 500), st.data())
def test_wilson_holds_the_estimate(trials, data):
    successes = data.draw(st.integers(0, trials))
    low, high = wilson(successes, trials)
    assert 0 <= low <= successes / trials + 1e-12
    assert successes / trials - 1e-12 <= high <= 1


def test_bootstrap():
    low, high = bootstrap([0.0] * 50 + [1.0] * 50)
    # The standard error of the mean is 0.05: ±1.96 of them, give or take the resampling.
    assert (low, high) == pytest.approx((0.402, 0.598), abs=0.03)
    assert bootstrap([0.5] * 9) == (0.5, 0.5)
    assert math.isnan(bootstrap([])[0])
    assert bootstrap([0.0, 1.0, 1.0], seed=3) == bootstrap([0.0, 1.0, 1.0], seed=3)


@given(st.lists(st.booleans(), min_size=1, max_size=7), st.data())
def test_pass_at_k_is_the_share_of_subsets_with_a_right_one(samples, data):
    k = data.draw(st.integers(1, len(samples)))
    subsets = list(itertools.combinations(samples, k))
    assert pass_at_k(sum(samples), len(samples), k) == pytest.approx(sum(map(any, subsets)) / len(subsets))


def test_pass_at_k_refuses_nonsense():
    with pytest.raises(ValueError, match="pass@3 of 1 right among 2"):
        pass_at_k(1, 2, 3)


@pytest.mark.parametrize(
    ("answers", "share"),
    [
        ({"4": (3, 3), "5": (2, 0)}, 1.0),
        ({"4": (2, 2), "5": (3, 0)}, 0.0),
        ({"4": (2, 2), "5": (2, 0)}, 0.5),
        ({"4": (1, 1), "5": (1, 0), "6": (1, 0)}, 1 / 3),
        ({"1/2": (1, 1), "0.5": (1, 1), "1": (1, 0)}, 1.0),
        ({"": (5, 0), "4": (1, 1)}, 1.0),
        ({"": (5, 0)}, 0.0),
        ({}, 0.0),
    ],
)
def test_majority(answers, share):
    assert majority_right(answers) == pytest.approx(share)
