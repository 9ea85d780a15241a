"""The parts of the page without a browser: restoring, sampling, the tree, escaping, limits."""

import json
import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from s2r_rewards import action_rewards, get_method, judge, parse
from s2r_rewards.answers import CheckResult
from s2r_rewards.report import Limits, render, sections
from s2r_rewards.report.markup import Html, el, json_block
from s2r_rewards.report.payload import payload, shorten
from s2r_rewards.report.sample import choose
from s2r_rewards.report.summary import context_tree, summarise
from s2r_rewards.rollouts import Rollout
from s2r_rewards.rollouts.scoring import score_rollouts
from s2r_rewards.testing import ORACLE, SHELF, solve
from s2r_rewards.trajectory import UNCERTAINTIES


def data_of(page):
    return json.loads(re.search(r'<script type="application/json" id="data">(.*?)</script>', page, re.S)[1])


@pytest.mark.parametrize("case", SHELF, ids=lambda case: case.name)
def test_restored_equals_judged(case):
    rollout = Rollout("p", "2 + 3?", case.text, case.gold, finished=case.finished)
    judged = judge(parse(case.text, finished=case.finished), case.gold)
    restored = score_rollouts([rollout])[0].judged
    assert restored.checks == judged.checks
    assert restored.trajectory.actions == judged.trajectory.actions
    assert restored == judged  # deviations with their spans as well


def test_restore_survives_json_and_names_what_is_wrong():
    rollout = score_rollouts([Rollout("p7", "2 + 3?", SHELF[0].text, "5")])[0]
    again = Rollout.from_record(json.loads(json.dumps(rollout.to_record())))
    assert action_rewards(again.judged) == SHELF[0].rewards
    with pytest.raises(ValueError, match="'p7' is not scored"):
        _ = Rollout("p7", "", "", "").judged
    broken = {"problem_id": "p7", "prompt": "", "response": "", "gold": "", "s2r": {"actions": [{"kind": "solve"}]}}
    with pytest.raises(ValueError, match=r"field 's2r': cannot be read .*; score the file again"):
        Rollout.from_record(broken)


def test_tree_of_the_oracle():
    nodes, left_out = context_tree(ORACLE.rewards)
    means = {node.context: (node.count, pytest.approx(node.mean)) for node in nodes}
    assert means[()] == (5, -0.2)
    assert means[(1,)] == (2, 0.0)
    assert means[(-1,)] == (3, 1 / 3)
    assert means[(-1, 1)] == (2, 0.0)
    assert left_out == 0
    assert [node.label for node in nodes[:3]] == ["first attempt", "wrong attempt", "rejected"]
    assert {node.label for node in nodes if node.context == (1, -1)} == {"doubted"}


def test_tree_keeps_parents_of_what_it_keeps():
    for limit in range(1, 12):
        nodes, left_out = context_tree(ORACLE.rewards, max_nodes=limit)
        kept = {node.context for node in nodes}
        assert len(kept) == min(limit, 10) == 10 - left_out
        assert all(context[:-1] in kept for context in kept if context)


def test_deviations_of_equal_count_stand_in_order_of_appearance():
    """Not in the order of a set, which differs from one process to the next."""
    case = next(case for case in SHELF if len(case.deviations) == 2)
    rollouts = score_rollouts([Rollout("p", "?", case.text, case.gold, finished=case.finished)])
    found = summarise(rollouts, [rollouts[0].judged]).deviations
    assert found == tuple((code, 1) for code in rollouts[0].s2r.codes)


def test_sample_keeps_telling_rollouts_and_the_usual_ones():
    flags = [("timeout",) if i % 100 == 0 else () for i in range(10_000)]
    chosen = choose(flags, [100] * 10_000, limit=200, max_bytes=10**9)
    assert len(chosen) == 200
    assert chosen == sorted(set(chosen))
    assert 20 <= sum("timeout" in flags[i] for i in chosen) <= 40
    assert choose(flags, [100] * 10_000, limit=200, max_bytes=10**9) == chosen
    assert sum(100 for _ in choose(flags, [100] * 10_000, 200, max_bytes=5_000)) <= 5_000
    assert choose(flags[:50], [100] * 50, 200, 10**9) == list(range(50))


def test_page_size_is_bounded_and_figures_cover_everything():
    rollouts = score_rollouts(
        [Rollout(f"p{i}", "2 + 3?", ORACLE.cases[i % 5].text + "x" * 3_000, "5") for i in range(2_000)]
    )
    page = render(rollouts, limits=Limits(rollouts=5_000, megabytes=1.0))
    assert len(page.encode()) < 2_000_000
    data = data_of(page)
    assert data["total"] == 2_000
    assert 100 < len(data["rollouts"]) < 400
    assert "Figures cover all 2,000 rollouts" in page


def test_actions_carry_their_text_whatever_the_characters():
    """Offsets count code points in Python and UTF-16 units in JavaScript; slices do not care."""
    script = solve("5", "𝒙 = 5, 🙂 so \\boxed{5}.").verify("correct", "🙂🙂 Therefore, the answer is correct.")
    one = payload(1, score_rollouts([Rollout("p", "?", script.text(), "5")])[0], [])
    assert "".join(action["t"] for action in one["a"]) == script.text()


def test_long_texts_lose_their_middle_and_say_so():
    short = shorten("a" * 500 + "b" * 500, 100)
    assert short.startswith("a" * 50)
    assert short.endswith("b" * 50)
    assert "900 characters left out" in short


def test_markup_escapes_everything_that_is_not_markup():
    assert el("p", "<b>", Html("<i></i>"), title='"&') == '<p title="&quot;&amp;">&lt;b&gt;<i></i></p>'
    block = json_block({"a": "</script><!--\u2028\ud800&"})
    assert "<" not in block
    assert ">" not in block
    assert json.loads(block)["a"] == "</script><!--\u2028\ud800&"


def test_page_asks_for_nothing_from_outside():
    page = render(score_rollouts([Rollout("p", "?", SHELF[0].text, "5")]))
    assert "default-src 'none'" in page
    assert not re.search(r"""(?:src|href)=["'](?!#|data:)""", page.split('id="data"')[0])


def test_nothing_to_report_is_an_error():
    with pytest.raises(ValueError, match="no rollouts"):
        render([])


def test_empty_response_is_shown():
    page = render(score_rollouts([Rollout("p", "?", "", "5")]))
    assert data_of(page)["rollouts"][0]["d"] == ["empty_response"]


@given(texts=st.lists(st.text(), min_size=2, max_size=2), cut=st.integers(0, 40))
def test_any_text_is_rendered_and_comes_back_whole(texts, cut):
    prompt, words = texts
    response = SHELF[3].text[:cut] + words + SHELF[3].text[cut:]
    page = render(score_rollouts([Rollout(prompt, prompt, response, words)], checker_many=refuse))
    (one,) = data_of(page)["rollouts"]
    assert "".join(action["t"] for action in one["a"]) == response
    page.encode("utf-8")


def refuse(pairs):
    return [CheckResult("ungradable", "test", "not looked at") for _ in pairs]


def test_guesses_of_the_parser_are_counted():
    text = "Therefore, the value is 8.\n\nAlternatively, 2^3 = 8.\n\nThe final answer is 8."
    (rollout,) = score_rollouts([Rollout("p", "?", text, "8")], replace(get_method("s2r-prl"), grammar="natural"))
    summary = summarise([rollout], [rollout.judged])
    assert ("weak_opening", 1) in summary.uncertainties
    page = str(sections.deviations(summary))
    assert "weak_opening" in page
    assert UNCERTAINTIES["weak_opening"].split(",")[0] in page
