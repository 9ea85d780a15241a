import json
from pathlib import Path

import pytest

from s2r_rewards.datasets.verification import (
    STYLES,
    checked_attempts,
    difficulty,
    read_verification,
    style_table,
    verification_messages,
    verification_requests,
    verified_row,
)
from s2r_rewards.rollouts import Rollout

CASES = json.loads((Path(__file__).parent / "verification.json").read_text())


@pytest.mark.parametrize("case", CASES, ids=lambda c: c["text"][:40])
def test_read_verification(case):
    reading = read_verification(case["text"], case.get("finished", True))
    assert (reading.verdict and reading.verdict.value, reading.reason) == (case.get("verdict"), case.get("reason"))


def test_the_styles_ask_for_different_things():
    solving, confirming = (
        verification_messages("What is 2 + 2?", "It is \\boxed{4}.", "4", style)[0]["content"] for style in STYLES
    )
    assert "working the problem out again" in solving
    assert "without solving the problem again" in confirming
    for text in (solving, confirming):
        assert "What is 2 + 2?" in text
        assert "It is \\boxed{4}." in text
        assert text.endswith("Therefore, the answer cannot be verified.")
    with pytest.raises(ValueError, match="expected one of"):
        verification_messages("", "", "", "other")


def rollout(response, sample, **more):
    return Rollout("p", "What is 2 + 2?", response, "4", extra={"sample": sample}, **more)


def test_attempts_and_difficulty():
    attempts = checked_attempts(
        [
            rollout("So \\boxed{4}.", 0),
            rollout("So \\boxed{5}.", 1),
            rollout("No idea.", 2),
            rollout("So \\boxed{4}", 3, finished=False),
            rollout("\\boxed{5}\n\nWait, let me recheck my solution.\n\nHm. \\boxed{4}", 4),
        ]
    )
    assert [(a.correct, a.unusable) for a in attempts] == [
        (True, None),
        (False, None),
        (False, "no_answer"),
        (True, "cut_off"),
        (True, "marker_inside"),
    ]
    assert difficulty(attempts) == {"p": (2, 5)}
    requests = list(verification_requests(attempts, STYLES, tries=2))
    assert [r.key for r in requests][:5] == [
        "p#0/problem-solving/0",
        "p#0/problem-solving/1",
        "p#0/confirmative/0",
        "p#0/confirmative/1",
        "p#1/problem-solving/0",
    ]
    assert len(requests) == 8
    assert (requests[0].context["wrong"], requests[0].context["total"]) == (2, 5)


def row(correct, said, style="confirmative"):
    text = f"Hm. Therefore, the answer is {said}." if said else "Hm."
    return verified_row({"correct": correct, "style": style, "response": text, "finished": True})


def test_only_agreeing_verifications_are_kept():
    kept = row(True, "correct"), row(False, "incorrect"), row(True, "incorrect"), row(False, None)
    assert [(r["kept"], r["reason"]) for r in kept] == [
        (True, None),
        (True, None),
        (False, "disagrees"),
        (False, "no_verdict"),
    ]


def test_table_of_styles():
    rows = [row(True, "correct")] * 3 + [row(True, "incorrect")] + [row(False, "incorrect")] + [row(False, None)]
    counts = style_table([*rows, row(False, "correct", "problem-solving")])
    assert list(counts) == ["confirmative", "problem-solving"]
    ours = counts["confirmative"]
    assert (ours.accuracy(True, False), ours.accuracy(True), ours.accuracy(False)) == (4 / 6, 3 / 4, 1 / 2)
    assert ours.reasons == {"disagrees": 1, "no_verdict": 1}
    assert counts["problem-solving"].accuracy(True, False) == 0.0
