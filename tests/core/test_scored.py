"""The record of a scored response: what it holds, what it looks like on disk, what travels."""

import json
import pickle
from dataclasses import replace

import pytest

from s2r_rewards import Verdict, judge, parse
from s2r_rewards.answers import CheckResult
from s2r_rewards.scored import VERSION, ScoredAction, ScoredRollout
from s2r_rewards.trajectory import Deviation

W, R = "Wait, let me recheck my solution.", "Let me try again."
#: characters: attempt [0, 10), verification [10, 72), attempt [72, 100), verification [100, 136), end [136, 140)
TEXT = f"\\boxed{{5}} {W} So the answer is incorrect. {R} \\boxed{{4}} {W} Hm</s>"
SPANS = [(0, 4), (4, 9), (9, 12), (12, 15), (15, 16)]


def check(gold, answer):
    return CheckResult("correct" if gold == answer else "incorrect", "mine", f"{answer} for {gold}")


JUDGED = judge(parse(TEXT), "4", check)
SCORED = ScoredRollout.of(JUDGED, (-1.0, 1.0, 1.0, -1.0), 0.5, "mine", "checker 1", SPANS)
WITH = SCORED.with_advantages((0.25, 0.5, 0.75, 1.0), (-1.25, 0.5, 0.25, -2.0), 0.125, 0.375)
RECORD = {
    "version": 2,
    "grammar": "paper",
    "method": "mine",
    "checker": "checker 1",
    "ended": True,
    "outcome": 0.5,
    "deviations": ["missing_verdict"],
    "deviation_spans": [[3, 100, 136]],
    "actions": [
        {
            "kind": "solve", "start": 0, "end": 10, "answer": "5",
            "check": {"verdict": "incorrect", "tier": "mine", "reason": "5 for 4"},
            "reward": -1.0, "context": [], "baseline": 0.25, "advantage": -1.25, "tokens": [0, 4],
        },
        {
            "kind": "verify", "start": 10, "end": 72, "verdict": "incorrect",
            "reward": 1.0, "context": [-1.0], "baseline": 0.5, "advantage": 0.5, "tokens": [4, 9],
        },
        {
            "kind": "solve", "start": 72, "end": 100, "answer": "4",
            "check": {"verdict": "correct", "tier": "mine", "reason": "4 for 4"},
            "reward": 1.0, "context": [-1.0, 1.0], "baseline": 0.75, "advantage": 0.25, "tokens": [9, 12],
        },
        {
            "kind": "verify", "start": 100, "end": 136, "verdict": None,
            "reward": -1.0, "context": [-1.0, 1.0, 1.0], "baseline": 1.0, "advantage": -2.0, "tokens": [12, 15],
        },
        {"kind": "end", "start": 136, "end": 140, "tokens": [15, 16]},
    ],
    "outcome_baseline": 0.125,
    "outcome_advantage": 0.375,
}  # fmt: skip


def changed(**changes):
    record = json.loads(json.dumps(RECORD))
    return {name: value for name, value in {**record, **changes}.items() if value != "gone"}


def with_action(index, **changes):
    record = json.loads(json.dumps(RECORD))
    entry = {**record["actions"][index], **changes}
    record["actions"][index] = {name: value for name, value in entry.items() if value != "gone"}
    return record


def test_of_a_judged_trajectory():
    assert ScoredRollout.of(JUDGED, (-1.0, 1.0, 1.0, -1.0), 0.5, "mine", "checker 1", SPANS) == SCORED
    assert [(a.kind, a.start, a.end) for a in SCORED.actions] == [
        ("solve", 0, 10), ("verify", 10, 72), ("solve", 72, 100), ("verify", 100, 136), ("end", 136, 140),
    ]  # fmt: skip
    assert [a.answer for a in SCORED.actions] == ["5", None, "4", None, None]
    assert [a.verdict for a in SCORED.actions] == [None, Verdict.INCORRECT, None, None, None]
    assert [getattr(a.check, "reason", None) for a in SCORED.actions] == ["5 for 4", None, "4 for 4", None, None]
    assert [a.reward for a in SCORED.actions] == [-1.0, 1.0, 1.0, -1.0, None]
    assert [a.tokens for a in SCORED.actions] == SPANS
    assert all(a.baseline is None and a.advantage is None for a in SCORED.actions)
    assert (SCORED.outcome, SCORED.ended, SCORED.grammar) == (0.5, True, "paper")
    assert (SCORED.method, SCORED.checker) == ("mine", "checker 1")
    assert SCORED.deviations == (Deviation("missing_verdict", 3, 100, 136),)


def test_what_it_says_of_itself():
    assert SCORED.scored == SCORED.actions[:4]
    assert SCORED.rewards == (-1.0, 1.0, 1.0, -1.0)
    assert SCORED.spans == tuple(SPANS)
    assert SCORED.checks == JUDGED.checks
    assert SCORED.correct == (False, True)
    assert SCORED.verdicts == JUDGED.verdicts == (Verdict.INCORRECT, None)
    assert (SCORED.codes, SCORED.malformed) == (("missing_verdict",), True)
    assert not replace(SCORED, deviations=()).malformed


def test_defaults():
    scored = ScoredRollout.of(judge(parse("\\boxed{4}"), "4", check), [1.0], 1.0)
    assert (scored.method, scored.checker, scored.spans, scored.ended) == ("s2r-prl", "", (), None)
    assert (scored.truncated, scored.failure, scored.level) == (False, None, None)


def test_the_end_may_have_no_token_span():
    scored = ScoredRollout.of(JUDGED, [0.0] * 4, 0.0, tokens=SPANS[:4])
    assert [a.tokens for a in scored.actions] == [*SPANS[:4], None]
    assert scored.spans == tuple(SPANS[:4])
    assert scored.rewards == (0.0,) * 4  # a reward may be zero


@pytest.mark.parametrize("count", [0, 3, 5])
def test_one_reward_for_each_scored_action(count):
    with pytest.raises(ValueError) as caught:
        ScoredRollout.of(JUDGED, [1.0] * count, 1.0)
    assert str(caught.value) == f"{count} rewards for 4 scored actions; expected one each"


def test_advantages_come_and_go():
    assert SCORED.with_advantages((0.25, 0.5, 0.75, 1.0), (-1.25, 0.5, 0.25, -2.0), 0.125, 0.375) == WITH
    assert [a.baseline for a in WITH.actions] == [0.25, 0.5, 0.75, 1.0, None]
    assert [a.advantage for a in WITH.actions] == [-1.25, 0.5, 0.25, -2.0, None]
    assert (WITH.outcome_baseline, WITH.outcome_advantage) == (0.125, 0.375)
    assert WITH.without_advantages() == SCORED
    plain = SCORED.with_advantages((0.0,) * 4, (1.0,) * 4)
    assert (plain.outcome_baseline, plain.outcome_advantage) == (None, None)
    with pytest.raises(ValueError):
        SCORED.with_advantages((0.0,) * 4, (1.0,) * 3)


def test_a_response_as_one_action():
    """The outcome level: its reward, baseline and advantage lie on all tokens; the last check is its check."""
    assert WITH.as_one_action(16) == replace(
        WITH,
        actions=(
            ScoredAction(
                "solve", 0, 0, check=JUDGED.checks[1], reward=0.5, baseline=0.125, advantage=0.375, tokens=(0, 16)
            ),
        ),
    )
    once = ScoredRollout.of(judge(parse("\\boxed{4}"), "4", check), [1.0], 1.0)
    assert once.as_one_action(3).checks == once.checks
    nothing = ScoredRollout((), -1.0).as_one_action(3)
    assert nothing.actions == (ScoredAction("solve", 0, 0, reward=-1.0, tokens=(0, 3)),)


def test_back_to_the_judged_trajectory():
    assert SCORED.judged(TEXT, "4") == JUDGED
    assert replace(SCORED, grammar="tags").judged(TEXT, "4").trajectory.grammar == "tags"


@pytest.mark.parametrize("finished", [None, True, False])
def test_back_to_a_judged_trajectory_whose_end_is_not_in_the_text(finished):
    text = "\\boxed{4}"
    judged = judge(parse(text, finished=finished), "4", check)
    scored = ScoredRollout.of(judged, [1.0], 1.0)
    assert scored.judged(text, "4") == judged
    # records that leave the end out say that there was one
    cut = replace(scored, actions=scored.actions[:1])
    assert cut.judged(text, "4").trajectory.actions == judged.trajectory.actions


def test_the_record_by_hand():
    assert WITH.to_record() == RECORD
    assert list(WITH.to_record()) == list(RECORD)
    assert VERSION == 2


def test_without_advantages_the_record_has_none():
    record = SCORED.to_record()
    assert not {"outcome_baseline", "outcome_advantage", "truncated", "failure", "level"} & set(record)
    assert not any({"context", "baseline", "advantage"} & set(entry) for entry in record["actions"])


@pytest.mark.parametrize(
    "scored",
    [
        SCORED,
        WITH,
        replace(WITH, truncated=True, failure="ValueError: no", level="3", ended=False, grammar="tags"),
        ScoredRollout((), -1.0),
        ScoredRollout((ScoredAction("end", 0, 0),), -1.0, ended=True),
    ],
)
def test_a_record_is_read_as_it_was_written(scored):
    record = scored.to_record()
    assert ScoredRollout.from_record(json.loads(json.dumps(record))) == scored
    assert pickle.loads(pickle.dumps(scored)) == scored
    for name in ("truncated", "failure", "level"):
        assert record.get(name) == (getattr(scored, name) or None)


@pytest.mark.parametrize(("preset", "method"), [("paper", "s2r-prl"), ("released", "released-prl"), ("mine", "mine")])
def test_version_1_is_read(preset, method):
    """It had no version, named a preset, and kept of deviations the codes only."""
    old = changed(
        version="gone", method="gone", deviation_spans="gone", preset=preset, deviations=["no_end", "two_verdicts"]
    )
    found = ScoredRollout.from_record(old)
    assert found.method == method
    assert found.deviations == (Deviation("no_end", None, 0, 0), Deviation("two_verdicts", None, 0, 0))
    assert found.actions == WITH.actions
    assert ScoredRollout.from_record({**old, "version": 1}) == found


def test_what_a_record_may_leave_out():
    bare = {"version": 2, "method": "mine", "outcome": "1", "actions": []}
    assert ScoredRollout.from_record(bare) == ScoredRollout((), 1.0, method="mine")
    record = with_action(1, verdict="gone", tokens="gone", baseline="gone", advantage="gone", context="gone")
    assert ScoredRollout.from_record(record).actions[1] == ScoredAction("verify", 10, 72, reward=1.0)


@pytest.mark.parametrize(
    ("record", "message"),
    [
        ([], "found list; expected the object that `s2r score` writes"),
        ("{}", "found str; expected the object that `s2r score` writes"),
        (changed(version=3), "version is 3; this release reads versions 1 and 2: update it"),
        (changed(version="2"), "version is '2'; this release reads versions 1 and 2: update it"),
        (changed(outcome="gone"), "cannot be read (KeyError: 'outcome'); score the file again with `s2r score`"),
        (changed(method="gone"), "cannot be read (KeyError: 'method'); score the file again with `s2r score`"),
        (with_action(0, check="gone"), "cannot be read (KeyError: 'check'); score the file again with `s2r score`"),
        (
            with_action(1, verdict="maybe"),
            "cannot be read (ValueError: 'maybe' is not a valid Verdict); score the file again with `s2r score`",
        ),
        (with_action(3, reward="gone"), "cannot be read (KeyError: 'reward'); score the file again with `s2r score`"),
        (
            changed(deviation_spans=[]),
            "cannot be read (ValueError: zip() argument 2 is shorter than argument 1); "
            "score the file again with `s2r score`",
        ),
    ],
)
def test_what_cannot_be_read(record, message):
    with pytest.raises(ValueError) as caught:
        ScoredRollout.from_record(record)
    assert str(caught.value) == message


def test_what_travels():
    """One line, without answers, reasons, and the advantages of actions."""
    wire = replace(WITH, outcome_baseline=None, outcome_advantage=None).dumps()
    assert wire == (
        '{"version":2,"grammar":"paper","method":"mine","checker":"checker 1","ended":true,"outcome":0.5,'
        '"deviations":["missing_verdict"],"deviation_spans":[[3,100,136]],"actions":['
        '{"kind":"solve","start":0,"end":10,"check":{"verdict":"incorrect","tier":"mine"},"reward":-1.0,"tokens":[0,4]},'
        '{"kind":"verify","start":10,"end":72,"verdict":"incorrect","reward":1.0,"tokens":[4,9]},'
        '{"kind":"solve","start":72,"end":100,"check":{"verdict":"correct","tier":"mine"},"reward":1.0,"tokens":[9,12]},'
        '{"kind":"verify","start":100,"end":136,"verdict":null,"reward":-1.0,"tokens":[12,15]},'
        '{"kind":"end","start":136,"end":140,"tokens":[15,16]}]}'
    )
    mute = tuple(
        replace(a, answer=None, check=a.check if a.check is None else replace(a.check, reason=""))
        for a in SCORED.actions
    )
    assert ScoredRollout.loads(wire) == replace(SCORED, actions=mute)


def test_what_travels_of_a_failure():
    failed = ScoredRollout(
        (ScoredAction("solve", 0, 0, check=CheckResult("ungradable", "reward", ""), reward=-1.0),),
        -1.0, None, (), "tags", "released-prl", "", failure="ValueError: x", level="5",
    )  # fmt: skip
    assert ScoredRollout.loads(failed.dumps()) == failed


def test_what_travels_has_no_advantage_of_the_response_either():
    scored = ScoredRollout((), -1.0, outcome_baseline=0.5, outcome_advantage=-1.5)
    assert (ScoredRollout.loads(scored.dumps()).outcome_baseline, "outcome" in scored.dumps()) == (None, True)
    assert ScoredRollout.loads(scored.dumps()).outcome_advantage is None
