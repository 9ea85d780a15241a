"""parse(): a table of cases, the invariants of a trajectory, and hostile text."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from s2r_rewards import DEVIATIONS, GRAMMARS, Grammar, Verdict, VerdictRule, VerdictTier, parse

TABLE = json.loads((Path(__file__).parent / "parsing.json").read_text())
W, R = TABLE["W"], TABLE["R"]
FRAGMENTS = [
    W, R, "Wait,", "<verify>", "<solve>", "</verify>", "<|im_end|>", "</s>", "\\boxed{4}", "\\boxed{", "}", "\n\n", " ",
    "Therefore, the answer is correct.", "Therefore, the answer is incorrect.", "x", "é", "😀", "\ud800", "\x00",
]  # fmt: skip
texts = st.lists(st.one_of(st.sampled_from(FRAGMENTS), st.text(max_size=5)), max_size=25).map("".join)


def written_out(text):
    """With the markers that W and R stand for, where they stand alone on a line."""
    return "\n".join({"W": W, "R": R}.get(line, line) for line in text.split("\n"))


@pytest.mark.parametrize("case", TABLE["cases"], ids=lambda c: c["name"])
def test_case(case):
    text = written_out(case["text"])
    trajectory = parse(text, case.get("grammar", "paper"), case.get("finished"))
    assert "".join(a.kind[0] for a in trajectory.actions) == case["kinds"]
    assert [a.answer for a in trajectory.attempts] == case["answers"]
    assert [a.verdict and a.verdict.value for a in trajectory.verifications] == case["verdicts"]
    assert sorted(trajectory.codes) == sorted(case["codes"])
    assert trajectory.ended is case.get("ended", case.get("finished"))
    if "places" in case:
        found = [[d.code, d.action, text[d.start : d.end]] for d in trajectory.deviations]
        assert found == [[code, action, written_out(covered)] for code, action, covered in case["places"]]


SENTENCES = [
    (grammar, verdict, said)
    for grammar, by_verdict in TABLE["sentences"].items()
    for verdict, sentences in by_verdict.items()
    for said in sentences
]


@pytest.mark.parametrize(("grammar", "verdict", "said"), SENTENCES)
def test_what_a_sentence_says(grammar, verdict, said):
    """The verification is not the last one, so that the released grammar's default would be ``incorrect``."""
    verify, retry = GRAMMARS[grammar].verify_markers[0], GRAMMARS[grammar].retry_markers[0]
    if (grammar, verdict) == ("released", "incorrect"):  # … and here it is the last one: the default is ``correct``
        retry = ""
    (verification,) = parse(f"\\boxed{{4}} {verify} {said} {retry}", grammar).verifications
    assert (verification.verdict.value if verification.verdict else "none") == verdict


@pytest.mark.parametrize("grammar", sorted(GRAMMARS))
@pytest.mark.parametrize("marker", TABLE["end_markers"])
def test_every_end_marker_ends(grammar, marker):
    trajectory = parse("\\boxed{4}" + marker, grammar)
    assert (trajectory.ended, trajectory.text_of(trajectory.actions[-1])) == (True, marker)


def check_invariants(trajectory, text):
    assert "".join(trajectory.text_of(a) for a in trajectory.actions) == text  # spans tile the text
    at = 0
    for action in trajectory.actions:
        assert action.start == at
        at = action.end
    kinds = [a.kind for a in trajectory.scored]
    assert kinds == ["solve", "verify"] * (len(kinds) // 2) + ["solve"] * (len(kinds) % 2)
    assert (trajectory.actions[-1:] and trajectory.actions[-1].kind == "end") == bool(trajectory.ended) or not text
    assert set(trajectory.codes) <= set(DEVIATIONS)
    assert all(d.meaning and 0 <= d.start <= d.end <= len(text) for d in trajectory.deviations)


@given(texts, st.sampled_from(sorted(GRAMMARS)), st.sampled_from([None, True, False]))
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


ROUND = f"\\boxed{{5}} {W} So the answer is incorrect. {R} "


def test_too_many_actions_are_named_not_cut():
    trajectory = parse(ROUND * 30)
    assert len(trajectory.scored) == 61  # the last retry marker opens an empty attempt
    (found,) = [d for d in trajectory.deviations if d.code == "too_many_actions"]
    assert (found.action, found.start, found.end) == (None, trajectory.actions[20].start, len(ROUND * 30))


def test_twenty_actions_are_not_too_many():
    """Appendix F rejects more than 20 actions. The end is no action that counts."""
    at_the_edge = ROUND * 9 + f"\\boxed{{4}} {W} So the answer is correct."
    over_it = at_the_edge + f" {R} \\boxed{{4}}"
    assert [len(parse(text).scored) for text in (at_the_edge, over_it)] == [20, 21]
    assert "too_many_actions" not in parse(at_the_edge + "</s>").codes
    assert "too_many_actions" in parse(over_it + "</s>").codes


def with_markers(verify, retry, end=("END",)):
    return replace(GRAMMARS["paper"], verify_markers=verify, retry_markers=retry, end_markers=end)


@pytest.mark.parametrize(
    ("grammar", "text", "actions"),
    [
        # of markers that begin together, the longest counts: here it decides of what kind the action is
        (with_markers(("Wait,",), ("Wait, again:",)), "a Wait, b Wait, again: c", ["a ", "Wait, b ", "Wait, again: c"]),
        (with_markers(("Wait, again:",), ("Wait,",)), "a Wait, again: b", ["a ", "Wait, again: b"]),
        # of markers that overlap, the first counts, and the next may begin where it ends
        (with_markers(("one two",), ("two three",)), "a one two three", ["a ", "one two three"]),
        (with_markers(("one",), ("two",)), "a onetwo", ["a ", "one", "two"]),
        (with_markers(("oo",), ("r",)), "a ooo r b", ["a ", "ooo ", "r b"]),
        # they may stand in any order, and there may be several of a kind
        (with_markers(("v1", "v2"), ("r1", "r2")), "a v2 b r2 c v1 d r1 e", ["a ", "v2 b ", "r2 c ", "v1 d ", "r1 e"]),
        (with_markers(("v",), ("r",), ("END", "STOP")), "a v b STOP r END", ["a ", "v b ", "STOP r END"]),
    ],
)
def test_which_marker_counts(grammar, text, actions):
    trajectory = parse(text, grammar)
    assert [trajectory.text_of(action) for action in trajectory.actions] == actions


def test_the_longest_marker_is_no_content():
    trajectory = parse("\\boxed{4} Wait, let me see", with_markers(("Wait,", "Wait, let me see"), ("r",)))
    assert "empty_action" in trajectory.codes


def test_own_grammar():
    mine = Grammar(
        name="mine",
        verify_markers=("CHECK:",),
        retry_markers=("AGAIN:",),
        verdict_tiers=(VerdictTier((VerdictRule("OK", Verdict.CORRECT), VerdictRule("(N)O", Verdict.INCORRECT))),),
    )
    trajectory = parse("\\boxed{1} CHECK: NO AGAIN: \\boxed{2} CHECK: OK", mine)
    assert [a.verdict for a in trajectory.verifications] == [Verdict.INCORRECT, Verdict.CORRECT]
    assert trajectory.grammar == "mine"


def test_a_default_verdict_can_be_part_of_any_grammar():
    """As in the released code: correct in the last segment, else incorrect."""
    mine = replace(GRAMMARS["paper"], default_verdict="released")
    trajectory = parse(f"\\boxed{{4}} {W} Hm. {R} \\boxed{{4}} {W} Hm.", mine)
    assert [a.verdict for a in trajectory.verifications] == [Verdict.INCORRECT, Verdict.CORRECT]


def test_a_lead_stands_before_every_rule():
    rules = (VerdictRule("good", Verdict.CORRECT), VerdictRule("bad", Verdict.INCORRECT))
    mine = replace(GRAMMARS["paper"], verdict_tiers=(VerdictTier(rules, lead="all |both "),))
    said = {"all bad": Verdict.INCORRECT, "both good": Verdict.CORRECT, "good": None, "all badgood": Verdict.INCORRECT}
    for text, verdict in said.items():
        (verification,) = parse(f"x {W} {text}", mine).verifications
        assert verification.verdict is verdict


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"default_verdict": "maybe"}, "default_verdict is 'maybe'; expected one of none, incorrect, released"),
        ({"verify_markers": "Wait"}, "verify_markers is 'Wait'; expected a tuple of non-empty strings"),
        ({"verify_markers": ()}, "verify_markers is (); expected a tuple of non-empty strings"),
        ({"retry_markers": ("",)}, "retry_markers is ('',); expected a tuple of non-empty strings"),
        (
            {"verdict_tiers": (VerdictTier((VerdictRule("(", None),)),)},
            "verdict pattern '(?P<r0>()': missing ), unterminated subpattern at position 0",
        ),
    ],
)
def test_bad_grammar_says_what_is_wrong(change, message):
    with pytest.raises(ValueError) as caught:
        replace(GRAMMARS["paper"], **change)
    assert str(caught.value) == f"grammar 'paper': {message}"


def test_bad_arguments():
    with pytest.raises(ValueError) as caught:
        parse("", "latin")
    assert str(caught.value) == (
        "unknown grammar 'latin'; expected one of natural, paper, released, released-offline, tags, or your own as package.module:object"
    )
    with pytest.raises(ValueError) as caught:
        parse("", 7)
    assert str(caught.value) == "grammar 7 is int; expected a Grammar"
    with pytest.raises(TypeError) as caught:
        parse(b"")
    assert str(caught.value) == "parse() got bytes; expected the decoded response as str"
