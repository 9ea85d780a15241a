"""A method in one file of the working directory, outside of any package, named on every verb."""

import json
import shutil
from pathlib import Path

import pytest

from s2r_rewards.rollouts import read_rollouts
from s2r_rewards.rollouts.records import read_records, write_records
from s2r_rewards.testing import solve

SOURCE = Path(__file__).parent.parent / "outside" / "my_method.py.txt"
PARTS = (
    *("--rewards", "my_method:rewards", "--baseline", "my_method:BASELINE"),
    *("--grammar", "my_method:GRAMMAR", "--checker", "my_method:checker"),
)
RIGHT, WRONG = solve("5").verify("correct").end().text(), solve("0").verify("incorrect").text()


@pytest.fixture
def own(s2r, work):
    """The file, and four responses to one prompt: right and confirmed, 0 and rejected, twice each."""
    shutil.copy(SOURCE, work / "my_method.py")
    rows = [
        {"problem_id": "p", "prompt": "2 + 3?", "response": text, "gold": "5", "finished": True}
        for text in (RIGHT, WRONG, RIGHT, WRONG)
    ]
    write_records("own.jsonl", rows)
    return s2r


def rewards(path):
    return [rollout.s2r.rewards for rollout in read_rollouts(path)]


def test_score(own):
    result = own("score", "own.jsonl", "-o", "out.jsonl", "--method", "my_method:METHOD")
    assert result.exit_code == 0, result.output
    assert rewards("out.jsonl") == [(0.25, 0.25), (0.0, 0.25)] * 2
    # Per kind, over the other three: attempts (0 + 0.25 + 0) / 3 and (0.25 + 0.25 + 0) / 3, verdicts 0.25.
    found = [[a.advantage for a in r.s2r.scored] for r in read_rollouts("out.jsonl")]
    expected = [[0.25 - 0.25 / 3, 0.0], [-0.5 / 3, 0.0]] * 2
    assert [round(a, 12) for row in found for a in row] == [round(a, 12) for row in expected for a in row]


def test_score_part_by_part(own):
    """Its checker calls 0 right, so that the rejection is wrong."""
    result = own("score", "own.jsonl", "-o", "out.jsonl", *PARTS)
    assert result.exit_code == 0, result.output
    assert rewards("out.jsonl") == [(0.25, 0.25), (0.25, -0.25)] * 2
    (record, *_) = [rollout.s2r for rollout in read_rollouts("out.jsonl")]
    assert (record.grammar, record.checker) == ("mine", "my_method:checker")
    assert "baseline=my_method:BASELINE" in record.method


def test_replay_does_it_again(own):
    own("score", "own.jsonl", "-o", "out.jsonl", *PARTS)
    result = own("replay", "out.jsonl", "--checker", "my_method:checker", "--fail-on-change")
    assert result.exit_code == 0, result.output
    body = json.loads(own("replay", "out.jsonl", "--json").stdout)  # without its checker
    assert body["checks"] == {"correct → incorrect": 2}
    assert body["rules"]["after"].startswith("grammar mine, method s2r-prl[rewards=my_method:rewards,")
    body = json.loads(own("replay", "out.jsonl", "--method", "s2r-prl", "--json").stdout)
    assert body["rules"]["after"].startswith("grammar paper, method s2r-prl, ")


def test_stats_and_eval(own, work):
    body = json.loads(own("stats", "own.jsonl", *PARTS, "--json").stdout)
    assert body["metrics"]["s2r/outcome/accuracy"] == 1.0
    (work / "run").mkdir()
    shutil.copy("own.jsonl", "run/own.jsonl")
    for arguments, accuracy in (((), 0.5), (PARTS, 1.0)):
        result = own("eval", "-o", "run", "--rescore", *arguments)
        assert result.exit_code == 0, result.output
        assert json.loads(Path("run/results.json").read_text())[0]["accuracy"] == accuracy


def test_data_offline(own):
    result = own("data", "offline", "own.jsonl", "-o", "out.jsonl", "--method", "my_method:METHOD")
    assert result.exit_code == 0, result.output
    assert rewards("out.jsonl") == [(0.25, 0.25), (0.0, 0.25)] * 2
    assert {rollout.accuracy for rollout in read_rollouts("out.jsonl")} == {0.5}


def test_serve(own, monkeypatch):
    run = pytest.importorskip("s2r_rewards.server.app")
    given = []
    monkeypatch.setattr(run, "serve", lambda settings, host, port: given.append(settings.options))
    result = own("serve", "--grammar", "my_method:GRAMMAR", "--checker", "my_method:checker")
    assert result.exit_code == 0, result.output
    assert (given[0].grammar, given[0].checker) == ("my_method:GRAMMAR", "my_method:checker")


def test_policy(own):
    write_records("order.jsonl", [{"prompt": "?", "response": "\\boxed{3, 2}", "gold": "2, 3"}])
    for arguments, verdict in (((), "correct"), (("--policy", "my_method:POLICY"), "incorrect")):
        own("score", "order.jsonl", "-o", "out.jsonl", *arguments)
        (rollout,) = read_rollouts("out.jsonl")
        assert rollout.s2r.checks[0].verdict == verdict


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--method", "my_method:BASELINE"], "is Baseline; expected a Method"),
        (["--method", "s2r"], "expected one of "),
        (["--grammar", "my_method:METHOD"], "grammar"),
        (["--checker", "my_method:POLICY"], "checker 'my_method:POLICY'"),
        (["--policy", "my_method:checker"], "expected a CheckPolicy"),
        (["--rewards", "my_method:reward"], "'my_method' has no 'reward'; expected one of"),
        (["--baseline", "my_methods:BASELINE"], "cannot import 'my_methods'"),
    ],
)
@pytest.mark.parametrize("verb", ["score", "data offline"])
def test_a_bad_reference_says_what_was_found_and_expected(own, verb, arguments, message):
    result = own(*verb.split(), "own.jsonl", "-o", "out.jsonl", *arguments)
    assert result.exit_code == 2
    assert message in result.stderr
    assert not Path("out.jsonl").exists()


def test_files_read_each_others_names(s2r, work):
    """Problems under the rollouts' names and the other way round."""
    write_records("problems.jsonl", [{"problem_id": "a", "prompt": "2 + 3?", "gold": "5"}])
    assert s2r("data", "rl", "problems.jsonl", "-o", "rl.jsonl").exit_code == 0
    ((_, problem),) = read_records("rl.jsonl")
    assert (problem["id"], problem["problem"], problem["answer"]) == ("a", "2 + 3?", "5")
    rows = [
        {"id": "a", "problem": "2 + 3?", "answer": 5, "completion": RIGHT},
        {"id": "a", "problem": "2 + 3?", "answer": 5, "completion": solve("4").text()},
    ]
    write_records("samples.jsonl", rows)
    assert s2r("data", "rl", "problems.jsonl", "--rollouts", "samples.jsonl", "-o", "rl.jsonl").exit_code == 0
    assert len(list(read_records("rl.jsonl"))) == 1
    write_records("mine.jsonl", [{"name": "a", "q": "2 + 3?", "a": "5"}])
    fields = ("--fields", "id=name,problem=q,answer=a")
    assert s2r("data", "rl", "mine.jsonl", "-o", "rl.jsonl", *fields).exit_code == 0
    assert s2r("data", "rl", "mine.jsonl", "-o", "rl.jsonl").exit_code == 2
