"""A check that ran out of time says nothing of the answer: with ``timeouts=left_out`` its response trains nothing."""

from dataclasses import replace

import pytest

from s2r_rewards.adapter import ConfigError, Options, score_response
from s2r_rewards.adapter.options import TIMEOUTS
from s2r_rewards.methods import METHODS, get_method
from s2r_rewards.scored import ScoredRollout
from s2r_rewards.server.settings import Settings
from s2r_rewards.testing import Script

CHECKER = (
    "from s2r_rewards.answers import CheckResult\n"
    "def slow(gold, answer):\n"
    "    verdict = 'timeout' if answer == 'slow' else 'correct' if answer == gold else 'incorrect'\n"
    "    return CheckResult(verdict, 'mine', 'by hand')\n"
)
ANSWERS = [["4"], ["5"], ["slow", "4"], ["4"], ["5", "slow"], ["5", "4"]]


def text_of(answers):
    """Every attempt but the last is rejected."""
    script = Script()
    for number, answer in enumerate(answers, 1):
        script = script.solve(answer).verify("correct" if number == len(answers) else "incorrect")
    return script.text()


@pytest.fixture
def records(monkeypatch, tmp_path):
    (tmp_path / "tests_slow_checker.py").write_text(CHECKER)
    monkeypatch.syspath_prepend(tmp_path)

    def score(timeouts="left_out", method="s2r-prl"):
        options = Options(method, checker="tests_slow_checker:slow", timeouts=timeouts)
        return [score_response(text_of(row), "4", options) for row in ANSWERS]

    return score


def test_by_default_a_time_out_is_wrong(records):
    assert [one.left_out for one in records("wrong")] == [False] * 6
    assert records("wrong")[2].rewards[0] == -1
    assert Options().timeouts == TIMEOUTS[0] == "wrong"


def test_any_attempt_that_timed_out_leaves_its_response_out(records):
    assert [one.left_out for one in records()] == [False, False, True, False, True, False]


def test_the_mark_travels(records):
    for one in records():
        assert ScoredRollout.loads(one.dumps()).left_out == one.left_out
        assert ScoredRollout.from_record(one.to_record()) == one
    assert "left_out" not in records("wrong")[2].to_record()


@pytest.mark.parametrize("name", METHODS)
def test_the_others_are_credited_as_if_it_were_not_there(name, records):
    method, groups = get_method(name), ["a", "a", "a", "b", "b", "b"]
    scored = records(method=name)
    rest = [i for i, one in enumerate(scored) if not one.left_out]
    found = method.credit(scored, groups, state=method.new_state())
    alone = method.credit([scored[i] for i in rest], [groups[i] for i in rest], state=method.new_state())
    for values, expected in zip(found, alone, strict=True):
        assert tuple(values[i] for i in rest) == expected
        assert values[2] == (0.0,) * len(scored[2].rewards)
        assert values[4] == (0.0,) * len(scored[4].rewards)


def test_by_hand():
    """Eq. 4 over the first actions of those that are left: mean of +1, −1, +1, −1 is 0."""
    one = ScoredRollout.from_record(
        {"version": 2, "method": "s2r-prl", "outcome": 1.0,
         "actions": [{"kind": "solve", "start": 0, "end": 1, "reward": 1.0, "check": {"verdict": "correct", "tier": "number"}}]}
    )  # fmt: skip
    batch = [replace(one, actions=(replace(one.actions[0], reward=r),)) for r in (1.0, -1.0, 1.0, -1.0)]
    slow = replace(one, actions=(replace(one.actions[0], reward=-1.0),), left_out=True)
    assert get_method("s2r-prl").advantages([*batch, slow]) == ((1.0,), (-1.0,), (1.0,), (-1.0,), (0.0,))
    assert get_method("s2r-prl").advantages([slow, slow]) == ((0.0,), (0.0,))


def test_none_of_its_tokens_belongs_to_an_action(records):
    scored = replace(records()[2].as_one_action(9))
    assert scored.left_out
    assert scored.objective_spans() == ()
    assert replace(scored, left_out=False).objective_spans() == ((0, 9),)


def test_where_every_response_needs_a_reward_it_is_refused():
    with pytest.raises(ConfigError, match="timeouts is 'left_out'; a server has to give every response a reward"):
        Settings(Options(timeouts="left_out"))
    with pytest.raises(ConfigError, match="timeouts is 'no'; expected one of wrong, left_out"):
        Options(timeouts="no")
