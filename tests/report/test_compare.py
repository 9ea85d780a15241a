"""Several runs in one page: what is the same problem, what changed, and the names of runs."""

import json
import math
import re
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from s2r_rewards.cli.kit.finding import distinct_names
from s2r_rewards.report import Limits, render_compared, render_runs
from s2r_rewards.report.compare import difference, problems_of, sample_of, view
from s2r_rewards.report.parts import Rules
from s2r_rewards.report.sources import Stored
from s2r_rewards.report.summary import summarise
from s2r_rewards.rollouts import Rollout, write_rollouts
from s2r_rewards.rollouts.scoring import score_rollouts
from s2r_rewards.testing import solve

RIGHT = solve("5").verify("correct").end().text()
WRONG = solve("4").verify("correct").end().text()
DOUBTED = solve("4").verify("incorrect").end().text()
FIXED = solve("4").verify("incorrect").solve("5").verify("correct").end().text()


def run(**problems):
    """A scored run: problem → responses; a response with its step is a pair."""
    rollouts = []
    for name, responses in problems.items():
        for response in responses:
            step, text = response if isinstance(response, tuple) else (None, response)
            rollouts.append(Rollout(name, f"What is {name}?", text, "5", step=step))
    return score_rollouts(rollouts)


def samples(*runs):
    return [list(map(sample_of, one)) for one in runs]


def data_of(page):
    return json.loads(re.search(r'<script type="application/json" id="data">(.*?)</script>', page, re.S)[1])


def test_what_changed_by_hand():
    a = run(p=[RIGHT, WRONG], q=[WRONG, WRONG], r=[RIGHT, RIGHT], only_a=[RIGHT])
    b = run(q=[FIXED, WRONG], p=[DOUBTED, WRONG], r=[RIGHT, FIXED], only_b=[RIGHT])
    found = problems_of(samples(a, b))
    assert [(problem.asked.name, problem.spread) for problem in found] == [("p", 0.5), ("q", 0.5), ("r", 0.0)]
    p, q, r = (problem.visits for problem in found)
    assert [visit.accuracy for visit in p] == [0.5, 0.0]
    assert [visit.accuracy for visit in q] == [0.0, 0.5]
    assert p[0].confirmed == ("5", 1, True)  # of two that are as frequent, the first
    assert p[1].confirmed == ("4", 1, False)
    assert q[1].confirmed == ("5", 1, True)
    assert r[1].confirmed == ("5", 2, True)
    assert p[0].samples == (0, 1)
    assert p[1].samples == (len(a) + 2, len(a) + 3)
    found = difference(found, 0, 1)
    assert (found.problems, found.better, found.worse) == (3, 1, 1)
    assert found.mean == pytest.approx(0.0)
    assert found.error == pytest.approx(math.sqrt((0.25 + 0.25 + 0) / 2 / 3))


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        (RIGHT, ("5", True)),
        (WRONG, ("4", False)),
        (DOUBTED, None),
        (FIXED, ("5", True)),
        (solve("5").end().text(), None),
        (solve("5").verify("correct").solve("4").verify("incorrect").end().text(), ("5", True)),
        ("", None),
    ],
)
def test_confirmed_answer(text, answer):
    (rollout,) = score_rollouts([Rollout("p", "?", text, "5")])
    assert sample_of(rollout).confirmed == answer


def test_a_problem_counts_at_its_latest_step():
    a = run(p=[(1, WRONG), (3, RIGHT)], q=[(2, WRONG)])
    b = run(p=[(1, WRONG), (2, WRONG)], q=[(9, RIGHT)])
    visits = {problem.asked.name: problem.visits for problem in problems_of(samples(a, b))}
    assert [(v.accuracy, v.step) for v in visits["p"]] == [(1.0, 3), (0.0, 2)]
    assert [(v.accuracy, v.step) for v in visits["q"]] == [(0.0, 2), (1.0, 9)]


def test_line_numbers_do_not_name_problems():
    """Where most golden answers disagree under one name, the prompts say which problems are the same."""

    def numbered(*rows):
        return score_rollouts([Rollout(str(i), prompt, RIGHT, gold) for i, (prompt, gold) in enumerate(rows)])

    one = numbered(("1 + 4?", "5"), ("1 + 1?", "2"), ("2 + 2?", "4"))
    other = numbered(("2 + 2?", "4"), ("1 +  4?", "5"), ("9 + 9?", "18"))
    assert {problem.asked.prompt for problem in problems_of(samples(one, other))} == {"1 + 4?", "2 + 2?"}
    assert problems_of(samples(one, numbered(("8 + 8?", "16")))) == []


def test_the_same_problem_under_another_prompt():
    a = score_rollouts([Rollout("p", "2 + 3?", RIGHT, "5")])
    b = score_rollouts([Rollout("p", "<user> 2 + 3? <assistant>", WRONG, "5")])
    (found,) = problems_of(samples(a, b))
    assert found.spread == 1.0


def test_three_runs_and_a_run_that_lacks_a_problem():
    runs = [run(p=[RIGHT]), run(q=[RIGHT]), run(p=[WRONG], q=[WRONG])]
    found = {problem.asked.name: problem.visits for problem in problems_of(samples(*runs))}
    assert found["p"][1] is None
    assert found["q"][0] is None
    assert difference(problems_of(samples(*runs)), 0, 1).problems == 0
    assert math.isnan(difference(problems_of(samples(*runs)), 0, 1).mean)
    assert difference(problems_of(samples(*runs)), 1, 2).mean == -1.0


def test_the_page_of_two_runs():
    a, b = run(p=[WRONG] * 2, q=[RIGHT]), run(p=[RIGHT, FIXED], q=[RIGHT])
    data = data_of(render_runs({"before": a, "after": b}, "two"))
    assert data["runs"] == ["before", "after"]
    assert [one["u"] for one in data["rollouts"]] == [0, 0, 0, 1, 1, 1]
    assert data["problems"][0] == {
        "id": "p",
        "p": "What is p?",
        "g": "5",
        "v": [
            {"n": 2, "s": None, "acc": 0.0, "c": ["4", 2, False], "r": [1, 2]},
            {"n": 2, "s": None, "acc": 1.0, "c": ["5", 2, True], "r": [4, 5]},
        ],
    }


def test_a_context_that_another_run_cut_from_its_tree_has_its_figure():
    rollouts = run(a=[RIGHT, FIXED])
    one = summarise(rollouts, [rollout.judged for rollout in rollouts])
    markup = view.contexts({"a": one, "b": replace(one, nodes=one.nodes[:1])})
    assert "–" not in markup
    assert markup.count("n = 1") == 2 * sum(node.count == 1 for node in one.nodes)


def test_samples_of_what_changed_most_are_in_a_small_page():
    same = {f"s{i}": [RIGHT] for i in range(200)}
    a, b = run(**same, p=[RIGHT]), run(**same, p=[WRONG])
    data = data_of(render_runs({"a": a, "b": b}, limits=Limits(rollouts=20)))
    assert len(data["rollouts"]) == 20
    assert data["problems"][0]["id"] == "p"
    assert [visit["r"] for visit in data["problems"][0]["v"]] == [[201], [402]]


def test_too_many_or_empty_runs_are_refused():
    with pytest.raises(ValueError, match="9 runs; at most 8"):
        render_runs({str(i): run(p=[RIGHT]) for i in range(9)})
    with pytest.raises(ValueError, match="no rollouts to report on in b"):
        render_runs({"a": run(p=[RIGHT]), "b": []})


@pytest.mark.parametrize(
    ("paths", "names"),
    [
        (["a.jsonl"], ["a"]),
        (["a.jsonl", "b.jsonl"], ["a", "b"]),
        (["x/scored.jsonl", "y/scored.jsonl"], ["x", "y"]),
        (["x/out/scored.jsonl", "y/out/scored.jsonl"], ["x", "y"]),
        (["x/1/s.jsonl", "x/2/s.jsonl", "y/1/s.jsonl"], ["x/1", "x/2", "y/1"]),
        (["a.jsonl", "a.parquet"], ["a.jsonl", "a.parquet"]),
        (["a.jsonl", "a.jsonl"], ["a", "a (2)"]),
        (["x/a.jsonl.gz", "y/b.jsonl"], ["a", "b"]),
    ],
)
def test_names_of_runs(paths, names):
    assert distinct_names([Path(path) for path in paths]) == names


def test_files_give_the_page_that_memory_gives(tmp_path):
    runs = {"a": run(p=[RIGHT, WRONG], q=[(1, WRONG), (2, FIXED)]), "b": run(p=[DOUBTED] * 3, q=[(4, RIGHT)])}
    for name, rollouts in runs.items():
        write_rollouts(tmp_path / f"{name}.jsonl", rollouts)
    stored = {name: Stored([tmp_path / f"{name}.jsonl"], Rules(compared=True)) for name in runs}
    assert render_compared(stored, "two", Limits(rollouts=5)) == render_runs(runs, "two", Limits(rollouts=5))


@given(
    st.lists(
        st.lists(
            st.tuples(st.sampled_from("pqr"), st.integers(1, 3), st.sampled_from([RIGHT, WRONG, FIXED])), min_size=1
        ),
        min_size=2,
        max_size=3,
    )
)
@settings(max_examples=50)
def test_whichever_runs(drawn):
    runs = [score_rollouts([Rollout(n, f"{n}?", text, "5", step=step) for n, step, text in one]) for one in drawn]
    found = problems_of(samples(*runs))
    one, other = difference(found, 0, 1), difference(found, 1, 0)
    assert (one.problems, one.better, one.worse) == (other.problems, other.worse, other.better)
    assert one.problems == 0 or one.mean == pytest.approx(-other.mean)
    flat = [rollout for rollouts in runs for rollout in rollouts]
    for problem in found:
        visits = [visit for visit in problem.visits if visit]
        assert len(visits) > 1
        for visit in visits:
            assert {flat[place].problem_id for place in visit.samples} == {problem.asked.name}
            assert {flat[place].step for place in visit.samples} == {visit.step}
            right = sum(flat[place].judged.last_correct for place in visit.samples)
            assert visit.accuracy == right / len(visit.samples)
    assert found == sorted(found, key=lambda problem: -problem.spread)
