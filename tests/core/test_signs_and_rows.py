"""What travels instead of text and padding: signs of reward hacking counted where a response is scored, jagged rows."""

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from s2r_rewards.adapter import Options, score_response
from s2r_rewards.alarms import alarm_metrics, find_alarms, sign_metrics
from s2r_rewards.answers import CheckResult
from s2r_rewards.judging import judge
from s2r_rewards.parsing import parse
from s2r_rewards.scored import ScoredAction, ScoredRollout
from s2r_rewards.testing import ORACLE
from s2r_rewards.trajectory import Verdict

torch = pytest.importorskip("torch")

from s2r_rewards.tensors import spread, spread_rows  # noqa: E402

PROMPTS = ["What is 2 + 3?", "", "Choose 7 or 12.", "What is 5?", "x"]


@pytest.mark.parametrize("confirmed", [0, 40])
def test_signs_that_travelled_add_up_to_the_alarms_of_the_batch(confirmed):
    """The third response of the oracle confirms a wrong answer: many of it are an alarm, one is not."""
    cases = list(zip(ORACLE.cases, PROMPTS, strict=True)) + [(ORACLE.cases[2], "")] * confirmed
    travelled = [ScoredRollout.loads(score_response(case.text, case.gold, prompt=p).dumps()) for case, p in cases]
    judged = [judge(parse(case.text), case.gold) for case, _ in cases]
    expected = alarm_metrics(find_alarms(judged, [prompt for _, prompt in cases]))
    assert sign_metrics([record.signs for record in travelled]) == pytest.approx(expected, nan_ok=True)
    assert (expected["s2r/alarm/fired"] > 0) == (confirmed > 0)


def test_no_trajectory_has_no_case():
    assert all(math.isnan(v) for name, v in sign_metrics([]).items() if name != "s2r/alarm/fired")
    assert sign_metrics([])["s2r/alarm/fired"] == 0


def test_signs_are_counted_only_where_they_are_wanted_and_never_lie_in_files():
    text, gold = ORACLE.cases[0].text, ORACLE.cases[0].gold
    assert score_response(text, gold).signs is None
    assert score_response(text, gold, Options(alarms=False), prompt="").signs is None
    assert "signs" not in score_response(text, gold, prompt="").to_record()


def test_a_sign_that_cannot_be_counted_costs_no_reward(monkeypatch):
    from s2r_rewards.adapter import scoring

    monkeypatch.setattr(scoring, "count_signs", lambda *_: 1 / 0)
    record = score_response(ORACLE.cases[0].text, ORACLE.cases[0].gold, prompt="")
    assert (record.signs, record.failure, record.outcome) == (None, None, ORACLE.cases[0].outcome)


def test_a_right_response_of_512_000_characters_earns_its_reward():
    """128k tokens; nothing is cut."""
    work = "We add the numbers once more and find the same sum. " * 10_000
    text = (
        f"{work}The answer is \\boxed{{3}}.\n\nWait, let me recheck my solution.\n\nTherefore, the answer is correct."
    )
    assert len(text) > 512_000
    record = score_response(text, "3")
    assert (record.outcome, record.rewards, record.failure) == (1.0, (1.0, 1.0), None)


@given(st.lists(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 4), st.integers(-3, 3))), max_size=5), st.data())
def test_rows_without_padding_are_the_padded_ones(batch, data):
    values, spans, lengths = [], [], []
    for row in batch:
        at, where = 0, []
        for gap, size, _ in row:
            where.append((at + gap, at + gap + size))
            at += gap + size
        spans.append(where)
        values.append([float(value) for _, _, value in row][: data.draw(st.integers(0, len(row)))])
        lengths.append(data.draw(st.integers(1, at + 3)))
    if not batch:
        return
    rows = spread_rows(values, spans, lengths)
    padded = spread(values, spans, max(lengths))
    for row, expected, length in zip(rows.unbind(), padded, lengths, strict=True):
        assert row.tolist() == expected[:length].tolist()


@pytest.mark.parametrize("case", ORACLE.cases, ids=lambda case: case.text[:20])
def test_the_short_text_of_a_record_holds_what_the_long_one_does(case):
    record = score_response(case.text, case.gold, level="3", prompt="What?")
    spanned = replace(record, actions=tuple(replace(a, tokens=(a.start, a.end)) for a in record.actions))
    for one in (record, spanned, replace(record, left_out=True, ended=False, level=None), score_response(None, "3")):
        assert ScoredRollout.loads(one.wire()) == ScoredRollout.loads(one.dumps())
        assert len(one.wire()) < len(one.dumps())


def action(kind, start, end, **what):
    return ScoredAction(kind, start, end, **what)


def check(verdict, tier):
    return CheckResult(verdict, tier)


@pytest.mark.parametrize(
    "actions",
    [
        (),
        (action("solve", 3, 9, check=check("timeout", "symbolic"), reward=-1.0, tokens=(1, 2)),),
        (action("end", 0, 0),),
        (  # tiers and rewards of several kinds; a span of nothing; the end has no tokens
            action("solve", 0, 4, check=check("incorrect", "number"), reward=0.5, tokens=(0, 2)),
            action("verify", 4, 4, reward=0.0, tokens=(2, 2)),
            action("solve", 4, 7, check=check("malformed", "judge"), reward=-0.0, tokens=(2, 5)),
            action("verify", 7, 9, verdict=Verdict.CORRECT, reward=1, tokens=(5, 6)),
            action("end", 9, 9),
        ),
        (  # gaps, and a hole in the tokens
            action("solve", 1, 4, reward=1.0, tokens=(1, 2)),
            action("verify", 6, 8, verdict=Verdict.INCORRECT, reward=1.0),
            action("solve", 8, 9, check=check("ungradable", "string"), reward=1.0, tokens=(4, 9)),
        ),
        (
            action("solve", 0, 2, check=check("correct", "string"), reward=1.0, tokens=(0, 3)),
            action("end", 2, 3, tokens=(3, 4)),
        ),
    ],
)
@pytest.mark.parametrize("signs", [None, (), ((3, 1), (0, 0), (12, 5))])
def test_the_short_text_by_hand(actions, signs):
    record = ScoredRollout(actions, -1.0, None, signs=signs)
    again = ScoredRollout.loads(record.wire())
    assert again == record
    assert repr(again) == repr(record)  # 1 is not 1.0, nor −0.0 0.0


def test_another_releases_short_text_is_refused():
    with pytest.raises(ValueError, match="wire version 0"):
        ScoredRollout.loads('[0,1.0,[],[],null,["paper","m","",null,null],[true,false,false]]')
