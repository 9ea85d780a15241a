"""parse(): a table of cases, the invariants of a trajectory, and hostile text."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from s2r_rewards import DEVIATIONS, GRAMMARS, Grammar, Verdict, VerdictRule, VerdictTier, parse

TABLE = json.loads((Path(__file__).parent / "parsing.json").read_text())
W, R = TABLE["W"], TABLE["R"]
FRAGMENTS = [
    W, R, "Wait,", "<verify>", "<solve>", "</verify>", "<|im_end|>", "</s>", "\\boxed{4}", "\\boxed{", "}", "\n\n", " ",
    "Therefore, the answer is correct.", "Therefore, the answer is incorrect.", "x", "é", "😀", "\ud800", "\x00",
]  # fmt: skip
texts = st.lists(st.one_of(st.sampled_from(FRAGMENTS), st.text(max_size=5)), max_size=25).map("".join)


@pytest.mark.parametrize("case", TABLE["cases"], ids=lambda c: c["name"])
def test_case(case):
    text = case["text"].replace("W\n", W + "\n").replace("R\n", R + "\n")
    text = text[:-1] + R if text.endswith("\n\nR") else text
    trajectory = parse(text, case.get("grammar", "paper"), case.get("finished"))
    assert "".join(a.kind[0] for a in trajectory.actions) == case["kinds"]
    assert [a.answer for a in trajectory.attempts] == case["answers"]
    assert [a.verdict and a.verdict.value for a in trajectory.verifications] == case["verdicts"]
    assert sorted(trajectory.codes) == sorted(case["codes"])
    assert trajectory.ended == case.get("ended", case.get("finished"))


def check_invariants(trajectory, text):
    assert "".join(trajectory.text_of(a) for a in trajectory.actions) == text  # spans tile the text
    at = 0
    for action in trajectory.actions:
        assert action.start == at
        at = action.end
    kinds = [a.kind for a in trajectory.scored]
    assert kinds == ["solve", "verify"] * (len(kinds) // 2) + ["solve"] * (len(kinds) % 2)
    assert (trajectory.actions[-1:] and trajectory.actions[-1].kind == "end") == bool(
        trajectory.ended
    ) or not text
    assert set(trajectory.codes) <= set(DEVIATIONS)
    assert all(d.meaning and 0 <= d.start <= d.end <= len(text) for d in trajectory.deviations)


@given(texts, st.sampled_from(sorted(GRAMMARS)), st.sampled_from([None, True, False]))
@settings(max_examples=400, deadline=None)
def test_invariants(text, grammar, finished):
    check_invariants(parse(text, grammar, finished), text)


HOSTILE = {
    "ten megabytes without a marker": "x = 1. " * 1_500_000,
    "ten megabytes of spaces": " " * 10_000_000,
    "ten thousand verifications": f"\\boxed{{4}} {W} " * 10_000,
    "ten thousand cycles": f"\\boxed{{5}} {W} So the answer is incorrect. {R} " * 10_000,
    "nested tags": "<solve>" * 50_000 + "<verify>" * 50_000,
    "unclosed boxes": "\\boxed{" * 100_000,
    "deep braces": "\\boxed{" + "{" * 500_000 + "}" * 500_000 + "}",
    "half a verdict, often": W + " therefore, the answer " * 100_000,
    "broken unicode": "\ud800\udfff\x00￾" * 100_000,
    "end tokens": "<|im_end|>" * 100_000,
}


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("grammar", sorted(GRAMMARS))
def test_hostile_text_parses(name, grammar):
    check_invariants(parse(HOSTILE[name], grammar), HOSTILE[name])


def test_marker_stuffing_earns_no_more_actions():
    honest = f"\\boxed{{4}}\n\n{W}\n\nTherefore, the answer is correct."
    stuffed = honest + f"\n\n{W}\n\nTherefore, the answer is correct." * 50
    assert len(parse(stuffed).scored) == len(parse(honest).scored) == 2


def test_too_many_actions_are_named_not_cut():
    trajectory = parse(f"\\boxed{{5}} {W} So the answer is incorrect. {R} " * 30)
    assert len(trajectory.scored) > 20
    assert "too_many_actions" in trajectory.codes


def test_own_grammar():
    mine = Grammar(
        name="mine",
        verify_markers=("CHECK:",),
        retry_markers=("AGAIN:",),
        verdict_tiers=(
            VerdictTier((VerdictRule("OK", Verdict.CORRECT), VerdictRule("(N)O", Verdict.INCORRECT))),
        ),
    )
    trajectory = parse("\\boxed{1} CHECK: NO AGAIN: \\boxed{2} CHECK: OK", mine)
    assert [a.verdict for a in trajectory.verifications] == [Verdict.INCORRECT, Verdict.CORRECT]
    assert trajectory.grammar == "mine"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"default_verdict": "maybe"}, "expected 'none' or 'released'"),
        ({"verify_markers": "Wait"}, "tuple of non-empty strings"),
        ({"retry_markers": ("",)}, "tuple of non-empty strings"),
        ({"verdict_tiers": (VerdictTier((VerdictRule("(", None),)),)}, "verdict pattern"),
    ],
)
def test_bad_grammar_says_what_is_wrong(change, message):
    with pytest.raises(ValueError, match=message):
        replace(GRAMMARS["paper"], **change)


def test_bad_arguments():
    with pytest.raises(ValueError, match="paper"):
        parse("", "latin")
    with pytest.raises(TypeError, match="bytes"):
        parse(b"")
