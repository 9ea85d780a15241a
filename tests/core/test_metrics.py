"""Appendix E's counts and ratios, on judgements small enough to count by hand."""

import math
from dataclasses import asdict
from types import SimpleNamespace

import pytest

from s2r_rewards import METRIC_NAMES, BehaviourCounts, Verdict, behaviour_counts, behaviour_metrics
from s2r_rewards.answers import CheckResult
from s2r_rewards.metrics import level_name, total_counts

CHECK = {"+": "correct", "-": "incorrect", "?": "ungradable", "t": "timeout"}
VERDICT = {"c": Verdict.CORRECT, "i": Verdict.INCORRECT, "n": None}


def judged(shape, malformed=False):
    """``"-i +c"``: a wrong attempt, rejected; a right one, confirmed. A last attempt may stand alone."""
    attempts = shape.split()
    return SimpleNamespace(
        checks=tuple(CheckResult(CHECK[a[0]], "mine") for a in attempts),
        verdicts=tuple(VERDICT[a[1]] for a in attempts if a[1:]),
        malformed=malformed,
    )


@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        ("", {"first_wrong": 1}),
        (
            "+c",
            {
                "attempts": 1, "last_right": 1, "first_right": 1, "verifications": 1, "verdicts_true": 1,
                "confirmed": 1, "right_confirmed": 1, "first_verified_right": 1, "first_verified_right_true": 1,
            },
        ),
        (
            "+i -c",
            {
                "attempts": 2, "first_right": 1, "right_to_wrong": 1, "verifications": 2, "verified_wrong": 1,
                "confirmed": 1, "first_verified_right": 1,
            },
        ),
        (
            "-i +",
            {
                "attempts": 2, "last_right": 1, "first_wrong": 1, "wrong_to_right": 1, "verifications": 1,
                "verdicts_true": 1, "verified_wrong": 1, "wrong_rejected": 1, "first_verified_wrong": 1,
                "first_verified_wrong_true": 1,
            },
        ),
        (
            "-n +n",  # neither says anything: two verifications, none of them true, none confirming
            {
                "attempts": 2, "last_right": 1, "first_wrong": 1, "wrong_to_right": 1, "verifications": 2,
                "verified_wrong": 1, "first_verified_wrong": 1,
            },
        ),
        ("-", {"attempts": 1, "first_wrong": 1}),
        ("+", {"attempts": 1, "first_right": 1, "last_right": 1}),
        ("? t", {"attempts": 2, "first_wrong": 1, "timeouts": 1, "ungradable": 1}),
        (
            "+c -c +c",
            {
                "attempts": 3, "last_right": 1, "first_right": 1, "verifications": 3, "verdicts_true": 2,
                "verified_wrong": 1, "confirmed": 3, "right_confirmed": 2, "first_verified_right": 1,
                "first_verified_right_true": 1,
            },
        ),
    ],
)  # fmt: skip
def test_counts(shape, expected):
    counts = asdict(behaviour_counts(judged(shape)))
    assert {name: count for name, count in counts.items() if count} == {"trajectories": 1, **expected}


def test_malformed_responses_are_counted():
    assert [behaviour_counts(judged("+c", malformed)).malformed for malformed in (False, True)] == [0, 1]


def test_error_recall_is_over_all_verified_wrong_attempts():
    """Five wrong attempts: one is rejected, one confirmed, two verified without a verdict, the last not verified."""
    assert behaviour_metrics([judged("-i -c -n -n -")])["s2r/verify/error_recall"] == 1 / 4


def test_precision_is_over_all_confirmed_attempts():
    """Three right attempts: two confirmed, one rejected. One wrong one is confirmed, too."""
    assert behaviour_metrics([judged("+c +i +c -c")])["s2r/verify/correct_precision"] == 2 / 3


def test_ratios_are_taken_after_adding():
    """Three wrong first attempts, one of them mended; one right one, spoilt; two verdicts of four are true."""
    batch = [judged("-i +c"), judged("-c -"), judged("-"), judged("+i -"), judged("t")]
    metrics = behaviour_metrics(batch)
    assert {name: metrics[name] for name in METRIC_NAMES} == {
        "s2r/outcome/accuracy": 1 / 5,
        "s2r/attempt/first_accuracy": 1 / 5,
        "s2r/verify/accuracy": 2 / 4,
        "s2r/verify/error_recall": 1 / 2,
        "s2r/verify/correct_precision": 1 / 2,
        "s2r/verify/first_accuracy_when_right": 0,
        "s2r/verify/first_accuracy_when_wrong": 1 / 2,
        "s2r/correct/i2c": 1 / 4,
        "s2r/correct/c2i": 1,
        "s2r/trials/mean": 8 / 5,
        "s2r/parse/malformed": 0,
        "s2r/check/timeout": 1 / 8,
        "s2r/check/ungradable": 0,
        "s2r/check/judge": 0,
    }


def test_a_ratio_over_nothing_is_nan():
    metrics = behaviour_metrics([])
    assert list(metrics) == list(METRIC_NAMES)
    assert all(math.isnan(value) for value in metrics.values())


def test_counts_of_two_sets_add_field_by_field():
    numbers = range(1, 21)
    one, two = BehaviourCounts(*numbers), BehaviourCounts(*(100 * n for n in numbers))
    assert one + two == BehaviourCounts(*(101 * n for n in numbers))
    batch = [judged("-i +c"), judged("t"), judged("+c")]
    assert total_counts(iter(batch)) == sum(map(behaviour_counts, batch), BehaviourCounts())


def test_levels():
    batch = [judged("-i +c"), judged("-"), judged("+c"), judged("+c"), judged("-")]
    metrics = behaviour_metrics(batch, levels=[3, None, 10, 10, 3])
    assert metrics["s2r/outcome/accuracy"] == 3 / 5
    assert metrics["s2r/level/3/outcome/accuracy"] == 1 / 2
    assert metrics["s2r/level/10/outcome/accuracy"] == 1
    # all metrics, then all of each level, levels in the order of their names
    assert list(metrics) == [*METRIC_NAMES, *(level_name(n, level) for level in (10, 3) for n in METRIC_NAMES)]
    with pytest.raises(ValueError) as caught:
        behaviour_metrics(batch, levels=[1])
    assert str(caught.value) == "1 levels for 5 trajectories; expected one each"


def test_level_names():
    assert level_name("s2r/trials/mean", 3) == "s2r/level/3/trials/mean"
    assert level_name("s2r/verify/s2r/", "hard") == "s2r/level/hard/verify/s2r/"
