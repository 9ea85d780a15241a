"""The grammar `natural`: our own cases by hand, labelled outputs of models, hostile texts, and what `paper` just misses."""

import json
import time
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from s2r_rewards import GRAMMARS, action_rewards, judge, judge_many, parse
from s2r_rewards.natural import read_verdict, verification_style
from s2r_rewards.natural.cues import cues
from s2r_rewards.natural.values import differs, form, same
from s2r_rewards.natural.verdicts import plain, spoken
from s2r_rewards.testing import SHELF
from s2r_rewards.trajectory import DEVIATIONS, UNCERTAINTIES

HERE = Path(__file__).parent
TABLE = json.loads((HERE / "cases.json").read_text(encoding="utf-8"))
NATURAL = GRAMMARS["natural"]


def rows(name):
    return [json.loads(line) for line in (HERE / name).read_text(encoding="utf-8").splitlines()]


def said(trajectory):
    return [
        [a.kind, a.answer if a.kind == "solve" else a.verdict and a.verdict.value]
        for a in trajectory.actions
        if a.kind != "end"
    ]


@pytest.mark.parametrize("case", TABLE["responses"], ids=lambda c: c["name"])
def test_actions_verdicts_and_answers(case):
    assert said(parse(case["text"], "natural", finished=True)) == case["actions"]


@pytest.mark.parametrize("verdict", TABLE["verdicts"])
def test_what_a_sentence_says(verdict):
    for sentence in TABLE["verdicts"][verdict]:
        text = f"So x = 4. The answer is \\boxed{{4}}.\n\nWait, let me recheck my solution.\n\n{sentence}"
        (found,) = parse(text, "natural", finished=True).verifications
        assert (found.verdict.value if found.verdict else "none") == verdict, sentence


@pytest.mark.parametrize("case", SHELF, ids=lambda c: c.name)
def test_responses_in_the_papers_words_read_the_same(case):
    natural, paper = (said(parse(case.text, g, finished=True)) for g in ("natural", "paper"))
    assert natural == paper


def test_labelled_outputs_of_models():
    """The short ones of a labelled corpus; boundaries within 40 characters, consecutive checks are one."""
    cases = rows("responses.jsonl")
    found = [parse(row["response"], "natural", finished=True) for row in cases]
    hits = labelled = proposed = verdicts = checks = 0
    for row, trajectory in zip(cases, found, strict=True):
        kinds = [s for s in row["spans"] if s["kind"] != "writeup"]
        starts = [s["start"] for i, s in enumerate(kinds) if s["kind"] == "verify" and kinds[i - 1]["kind"] == "solve"]
        mine = [a.start for a in trajectory.verifications]
        hits += sum(any(abs(start - at) <= 40 for at in mine) for start in starts)
        labelled, proposed = labelled + len(starts), proposed + len(mine)
        for span in row["spans"]:
            if span["kind"] == "verify":
                verdict = read_verdict(row["response"], span["start"], span["end"]).verdict
                verdicts += (verdict.value if verdict else None) == span["verdict"]
                checks += 1
    judged = judge_many(found, [row["gold"] for row in cases])
    right = sum(j.last_correct == row["final_correct"] for j, row in zip(judged, cases, strict=True))
    assert hits / labelled >= 0.75
    assert hits / proposed >= 0.8
    assert verdicts / checks >= 0.8
    assert right / len(cases) >= 0.95


def test_styles_of_verifications():
    cases = rows("verifications.jsonl")
    assert sum(verification_style(c["text"]) == c["style"] for c in cases) / len(cases) >= 0.85
    for style, texts in TABLE["styles"].items():
        assert [verification_style(text) for text in texts] == [style] * len(texts)


def test_options():
    marked = "<think>\nSo x = 4.\n\nLet me double-check. Yes, that is correct.\n</think>\n\nIn other words, \\boxed{4\\text{ cm}}."
    assert parse(marked, NATURAL).attempts[0].answer == "4\\text{ cm}"
    assert parse(marked, replace(NATURAL, written_up_answer=False)).attempts[0].answer == "4"
    weak = "Therefore, the value is 8.\n\nAlternatively, 2^3 = 8.\n\nThe final answer is 8."
    assert len(parse(weak, NATURAL).verifications) == 1
    assert not parse(weak, replace(NATURAL, weak_openings=False)).verifications
    assert parse(weak, NATURAL).verifications[0].verdict is not None
    assert parse(weak, replace(NATURAL, outcome_verdicts=False)).verifications[0].verdict is None


def test_every_guess_is_named():
    weak = parse(
        "Therefore, the value is 8.\n\nAlternatively, 2^3 = 8.\n\nThe final answer is 8.", "natural", finished=True
    )
    assert {u.code for u in weak.uncertainties} >= {"weak_opening", "verdict_by_outcome"}
    assert all(u.meaning for u in weak.uncertainties)
    assert not DEVIATIONS.keys() & UNCERTAINTIES.keys()


@pytest.mark.parametrize(("text", "code"), TABLE["paper_near_misses"])
def test_what_paper_just_misses_is_named_and_changes_nothing(text, code):
    found = parse(text, "paper", finished=True)
    assert code in [u.code for u in found.uncertainties]
    assert found.uncertainties[0].meaning
    others = [u for u in found.uncertainties if not 0 <= u.start <= u.end <= len(text)]
    assert not others
    if code == "verdict_in_other_writing":
        assert "missing_verdict" in found.codes
        assert action_rewards(judge(found, "4"))[1] == -1


@pytest.mark.parametrize("text", TABLE["paper_reads"])
def test_what_paper_reads_is_no_near_miss(text):
    assert not parse(text, "paper", finished=True).uncertainties


@pytest.mark.parametrize(
    ("one", "other", "equal"),
    [
        ("4 inches per second", "$4$", True), ("5,000", "\\$5000", True), ("(15, -29)", "\\((15,-29)\\)", True),
        ("45°", "45^\\circ", True), ("\\dfrac{1}{2}", "\\frac12", True), ("x = 7", "7", True),
        ("\\frac{11}{2}", "\\frac{1}{12}", False), ("52/487", "\\frac{52}{487}", True), ("7", "8", False),
        ("A = 1, B = 2", "B=2, A=1", True), ("A = 1, B = 2", "A = 2, B = 1", False), ("6.20", "6.2", True),
    ],
)  # fmt: skip
def test_values_are_compared_roughly(one, other, equal):
    assert same(form(one), form(other)) is equal
    assert differs(form(one), form(other)) is not equal or not equal


PIECES = [
    "So x = 4. ", "Wait, let me double-check. ", "Alternatively, ", "That is wrong. ", "Yes, correct. ", "\n", "\\boxed{4}",
    "\\boxed{", "```", "</think>", "<answer>", "Let me try again. ", "所以答案是 5。", "让我检查一下。", "不对。", "**", "$", "= ",
    "not ", "is ", "<|im_end|>", "İ", "\u00a0", "\r\n", "1,000", "?", "\x00", "\ud800",
]  # fmt: skip
texts = st.lists(st.one_of(st.sampled_from(PIECES), st.text(max_size=4)), max_size=40).map("".join)


@given(texts, st.sampled_from(["natural", "paper", "released", "tags"]))
def test_spans_tile_and_kinds_alternate(text, grammar):
    found = parse(text, grammar)
    at = 0
    for action in found.actions:
        assert action.start == at
        at = action.end
    assert at == len(text) or not found.actions
    kinds = [a.kind for a in found.scored]
    assert kinds == ["solve", "verify"] * (len(kinds) // 2) + ["solve"] * (len(kinds) % 2)
    for note in (*found.deviations, *found.uncertainties):
        assert 0 <= note.start <= note.end <= len(text)
        assert note.meaning


@given(texts)
def test_sentences_that_cannot_speak_are_passed_over_safely(text):
    table = cues()
    words = plain(text)
    if not table.may_speak(words):
        assert not table.patterns["reject"].search(words)
        assert not table.patterns["confirm"].search(words)
        assert spoken(text) is None


@pytest.mark.parametrize(
    "piece",
    ["a.\n", "is ", "Wait, ", "\\boxed{5} Wait, let me check. ", "x = 5. Wait, ", "(", "```\n", "a", "not ", "So, the ",
     "Is this right? ", "所以答案是5。让我再检查一遍。", "\\boxed{", "1,", "= 1 ", "wait, let me recheck my solution. ", "* "],
)  # fmt: skip
def test_time_is_linear(piece):
    """Four times the text takes less than ten times as long: twice the linear share, with room for a busy machine."""

    def seconds(length, grammar):
        text = piece * (length // len(piece))
        begin = time.process_time()
        parse(text, grammar)
        return time.process_time() - begin

    for grammar in ("natural", "paper"):
        short = max(min(seconds(5_000, grammar) for _ in range(3)), 4e-3)
        assert min(seconds(20_000, grammar) for _ in range(3)) < 10 * short
