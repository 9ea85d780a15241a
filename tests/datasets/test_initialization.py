import json
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from s2r_rewards.datasets.initialization import (
    INITIALIZATION_PRESETS,
    Dropped,
    Segment,
    VerifiedAttempt,
    assemble,
    build_trajectory,
    parses_back,
    single_attempt,
    wanted_attempts,
)
from s2r_rewards.parsing import parse
from s2r_rewards.trajectory import Verdict

CASES = json.loads((Path(__file__).parent / "initialization.json").read_text())
PAPER = INITIALIZATION_PRESETS["paper"]


def attempt(answer, correct, verdict=None):
    verdict = verdict or ("correct" if correct else "incorrect")
    return VerifiedAttempt(
        text=f"2 + 2 makes \\boxed{{{answer.strip()}}}.",
        answer=answer,
        correct=correct,
        verification=f"Four fingers. Therefore, the answer is {verdict}.",
        verdict=Verdict(verdict),
    )


@pytest.mark.parametrize("case", CASES["wanted_attempts"], ids=lambda c: f"{c['wrong']}/{c['total']}")
def test_attempts_by_difficulty(case):
    assert wanted_attempts(case["wrong"], case["total"], PAPER) == case["attempts"]


@pytest.mark.parametrize("case", CASES["build"], ids=lambda c: c["name"])
def test_build(case):
    built = build_trajectory([attempt(*a) for a in case["attempts"]], wrong=case["wrong"], total=5)
    if "dropped" in case:
        assert built == Dropped(case["dropped"])
        return
    parsed = parse(built.text, "paper", finished=True)
    answers = [a.answer for a in parsed.attempts]
    if "gives" in case:
        assert answers == case["gives"]
    assert len(answers) == built.attempts == case.get("count", len(answers))
    assert len(set(answers)) == len(answers)
    assert built.wanted == case.get("wanted", built.attempts)
    assert answers[-1] == "4"
    assert not parsed.codes


def test_text_and_mask_written_out():
    segments = assemble([attempt("5", False), attempt("4", True)], PAPER)
    assert segments == (
        Segment("solve", "2 + 2 makes \\boxed{5}.\n\n", False),
        Segment(
            "verify", "Wait, let me recheck my solution.\n\nFour fingers. Therefore, the answer is incorrect.\n\n", True
        ),
        Segment("solve", "Let me try again.\n\n2 + 2 makes \\boxed{4}.\n\n", True),
        Segment("verify", "Wait, let me recheck my solution.\n\nFour fingers. Therefore, the answer is correct.", True),
        Segment("end", "", True),
    )


def test_keep_probabilities_of_the_released_code():
    def kept(wrong, attempts):
        built = [build_trajectory(attempts, wrong=wrong, total=5, preset="released", key=str(i)) for i in range(4000)]
        assert {b.reason for b in built if isinstance(b, Dropped)} <= {"not_kept"}
        return sum(not isinstance(b, Dropped) for b in built) / len(built)

    # 4000 draws: three standard errors are at most 0.024.
    assert kept(0, [attempt("4", True)]) == pytest.approx(0.2394, abs=0.024)
    assert kept(1, [attempt("4", True), attempt("5", False)]) == pytest.approx(0.5, abs=0.024)
    assert kept(2, [attempt("4", True), attempt("5", False)]) == 1.0


@pytest.mark.parametrize("hidden", ["Wait, let me recheck my solution. Hm.", "Let me try again.", "<|im_end|>"])
def test_a_marker_inside_an_attempt_or_a_verification_is_refused(hidden):
    good = attempt("4", True)
    in_attempt = replace(good, text=f"First.\n{hidden}\n{good.text}")
    in_check = replace(good, verification=f"{hidden}\n{good.verification}")
    for bad in (in_attempt, in_check):
        assert build_trajectory([bad], wrong=0, total=5) == Dropped("ambiguous_text")


def test_two_verdicts_are_refused():
    bad = replace(
        attempt("4", True), verification="Therefore, the answer is correct. Therefore, the answer is correct."
    )
    assert build_trajectory([bad], wrong=0, total=5) == Dropped("ambiguous_text")


def test_equal_values_count_once_where_the_caller_can_tell():
    attempts = [attempt("4", True), attempt("1/2", False), attempt("0.5", False)]
    by_value = build_trajectory(attempts, wrong=3, total=5, same=lambda a, b: {a, b} == {"1/2", "0.5"})
    assert (by_value.attempts, build_trajectory(attempts, wrong=3, total=5).attempts) == (2, 3)


@given(st.lists(st.tuples(st.sampled_from("56789"), st.booleans()), max_size=8), st.integers(0, 5), st.integers())
def test_every_trajectory_keeps_the_protocol(drawn, wrong, seed):
    attempts = [attempt("4" if right else answer, right) for answer, right in drawn]
    built = build_trajectory(attempts, wrong=wrong, total=5, seed=seed, key="p")
    assert built == build_trajectory(list(attempts), wrong=wrong, total=5, seed=seed, key="p")
    if isinstance(built, Dropped):
        assert not any(a.correct for a in attempts)
        return
    solves = [s for s in built.segments if s.kind == "solve"]
    assert [s.trained for s in solves] == [False] * (len(solves) - 1) + [True]
    assert all(s.trained for s in built.segments if s.kind != "solve")
    assert parses_back(built.segments)
    assert built.attempts <= built.wanted


def test_comparison_sets_have_one_trained_attempt():
    built = single_attempt(" So \\boxed{3}. ")
    assert [(s.kind, s.text, s.trained) for s in built.segments] == [
        ("solve", "So \\boxed{3}.", True),
        ("end", "", True),
    ]


def test_wrong_counts_are_refused():
    with pytest.raises(ValueError, match="wrong=6 of total=5"):
        wanted_attempts(6, 5, PAPER)
