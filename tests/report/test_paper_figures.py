"""The paper's figures 1, 3 and 4 on the page, without a browser: every number by hand, from SHELF-like responses."""

import json
import re

import pytest
from click.testing import CliRunner

from s2r_rewards.cli import main
from s2r_rewards.report import render
from s2r_rewards.report.paper import paper_figures
from s2r_rewards.report.summary import summarise
from s2r_rewards.rollouts import Rollout
from s2r_rewards.rollouts.scoring import score_rollouts
from s2r_rewards.testing import solve

RIGHT = solve("5").verify("correct").end().text()
MENDED = solve("6").verify("incorrect").solve("5").verify("correct").end().text()
WRONG = solve("6").verify("correct").end().text()


def rollouts(*texts, levels=(None,), steps=(None,)):
    return score_rollouts(
        [
            Rollout(
                f"p{i}", "2 + 3?", text, "5", level=levels[i % len(levels)], step=steps[i % len(steps)], finished=True
            )
            for i, text in enumerate(texts)
        ]
    )


def summary(*texts, **groups):
    found = rollouts(*texts, **groups)
    return summarise(found, [one.judged for one in found])


def charts(markup):
    """Title of each figure → what its bars and dots say."""
    found = {}
    for figure in re.findall(r"<figure.*?</figure>", markup, re.DOTALL):
        marks = re.findall(r"<(?:rect|circle)[^>]*><title>([^<]*)</title>", figure)
        found[re.search(r"<figcaption>(.*?)</figcaption>", figure)[1]] = marks
    return found


def test_behaviour_and_levels_of_one_run():
    """Level 1: a right one and a mended one; level 2: two wrong ones that were confirmed."""
    found = charts(paper_figures({"": summary(RIGHT, WRONG, MENDED, WRONG, levels=(1, 2))}))
    assert found == {
        "Verification (figure 3)": ["verification accuracy 0.600", "error recall 0.333", "correct precision 0.500"],
        "Self-correction (figure 3)": ["incorrect → correct 0.333", "correct → incorrect 0.000"],
        "Accuracy by level (figure 4)": ["level 1: 1.000", "level 2: 0.000"],
        "Trials by level (figure 4)": ["level 1: 1.500", "level 2: 1.000"],
    }


def test_a_ratio_without_cases_has_no_bar():
    found = charts(paper_figures({"": summary(RIGHT)}))
    assert found["Verification (figure 3)"] == ["verification accuracy 1.000", "correct precision 1.000"]
    assert list(found) == ["Verification (figure 3)", "Self-correction (figure 3)"]
    nothing = charts(paper_figures({"": summary("no attempt at all")}))
    assert nothing == {"Self-correction (figure 3)": ["incorrect → correct 0.000"]}  # none was right at first


def test_data_efficiency_of_steps_counts_the_rollouts_before():
    one = summary(WRONG, RIGHT, WRONG, RIGHT, WRONG, RIGHT, steps=(1, 2, 10))
    found = charts(paper_figures({"": one}))
    # Steps 1, 2, 10 have two rollouts each: wrong and right, right and wrong, wrong and right.
    assert found["Data efficiency (figure 1)"] == [f"{n} rollouts before: 0.500" for n in (0, 2, 4)]


def test_data_efficiency_by_training_examples():
    runs = {"BI": summary(RIGHT, WRONG), "RL": summary(RIGHT, RIGHT)}
    found = charts(paper_figures(runs, [3111, 13111]))
    assert found["Data efficiency (figure 1)"] == [
        "BI, 3,111 training examples: 0.500",
        "RL, 13,111 training examples: 1.000",
    ]
    assert "Data efficiency (figure 1)" not in charts(paper_figures(runs))
    with pytest.raises(ValueError, match="1 numbers of training examples for 2 runs"):
        paper_figures(runs, [3111])


def test_several_runs_are_named_and_levels_are_joined():
    runs = {"a<b>": summary(RIGHT, WRONG, levels=(1, 2)), "other": summary(WRONG, RIGHT, levels=(2, 10))}
    markup = paper_figures(runs)
    assert charts(markup)["Accuracy by level (figure 4)"] == [
        "a&lt;b&gt;, level 1: 1.000", "a&lt;b&gt;, level 2: 0.000", "other, level 2: 0.000", "other, level 10: 1.000",
    ]  # fmt: skip
    assert "#rollouts&amp;level=10&amp;run=1" in markup
    assert "<b>" not in markup


def test_each_run_is_spoken_with_its_own_numbers_and_keeps_its_colour():
    """The run in the middle has no steps; the others' are of different sizes."""
    runs = {
        "a": summary(WRONG, RIGHT, steps=(1, 2)),
        "flat": summary(RIGHT),
        "c": summary(WRONG, RIGHT, RIGHT, RIGHT, steps=(1, 1, 2, 2)),
    }
    markup = paper_figures(runs)
    (figure,) = (one for one in re.findall(r"<figure.*?</figure>", markup, re.DOTALL) if "figure 1" in one)
    spoken = re.search(r"<svg[^>]*><title>(.*?)</title>", figure)[1]
    assert spoken.split(": ", 1)[1].split("; ") == [
        "a, 0 rollouts before 0.00", "a, 1 rollouts before 1.00", "c, 0 rollouts before 0.50", "c, 2 rollouts before 1.00",
    ]  # fmt: skip
    assert {*re.findall(r'class="dot (line\d)"', figure)} == {"line0", "line2"}
    by_examples = paper_figures({"BI": summary(RIGHT, WRONG), "RL": summary(RIGHT, RIGHT)}, [3111, 13111])
    assert "RL, 13,111 training examples 1.00" in by_examples


def test_the_page_has_them():
    page = render(rollouts(RIGHT, WRONG, levels=(1, 2)))
    assert "Figures of the paper" in page
    assert len(charts(page[: page.index('id="data"')])) >= 4


def test_the_command_takes_the_training_examples(tmp_path):
    for name, texts in (("a", [RIGHT, WRONG]), ("b", [RIGHT])):
        records = [one.to_record() for one in rollouts(*texts)]
        (tmp_path / f"{name}.jsonl").write_text("".join(json.dumps(record) + "\n" for record in records))

    def run(*names, status=0):
        files, out = [str(tmp_path / f"{name}.jsonl") for name in names], tmp_path / "page.html"
        result = CliRunner().invoke(main, ["report", *files, "-o", str(out), "--trained-on", "500"])
        assert result.exit_code == status, result.output
        return result.output if status else out.read_text(encoding="utf-8")

    assert "500 training examples: 0.500" in run("a")
    assert "1 numbers for 2 runs; expected one each" in run("a", "b", status=2)
