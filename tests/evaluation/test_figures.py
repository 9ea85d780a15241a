"""Figures 1, 3 and 4: what they show, by hand; and that the files hold it."""

import json
import re
import sys

import pytest

from s2r_rewards.evaluation.benchmarks import IN_DOMAIN
from s2r_rewards.evaluation.drawing import check_drawing, draw
from s2r_rewards.evaluation.figures import behaviour, by_level, data_efficiency
from s2r_rewards.evaluation.runs import Run


def result(benchmark, accuracy, **metrics):
    return {
        "benchmark": benchmark,
        "accuracy": accuracy,
        "metrics": {name.replace("__", "/"): v for name, v in metrics.items()},
    }


def test_data_efficiency_is_over_what_all_runs_have():
    both = Run("both", [result("math500", 0.5), result("gsm8k", 0.75)], 3000)
    one = Run("one", [result("gsm8k", 0.25)], 500)
    unsized = Run("unsized", [result("math500", 1.0)])
    found = data_efficiency([both, unsized])
    assert found.series == {"both": {3000: 62.5}}
    assert found.title == "mean accuracy on MATH500, GSM8K"
    found = data_efficiency([both, one])
    assert found.series == {"both": {3000: 75.0}, "one": {500: 25.0}}
    assert found.title == "accuracy on GSM8K"
    with pytest.raises(ValueError, match="--trained-on"):
        data_efficiency([unsized])
    with pytest.raises(ValueError, match="no benchmark was evaluated in all of one, other"):
        data_efficiency([one, Run("other", [result("math500", 0.5)], 10)])


def test_data_efficiency_beside_the_paper():
    """Table 1: 3,111 examples of BI, then 10,000 prompts; table 2: 93.2 of PRL on GSM8K, 62.4 on average of ORL."""
    one = Run("mine", [result("gsm8k", 0.25)], 500)
    found = data_efficiency([one], "Qwen2.5-Math-7B").series
    assert found["paper: BI"] == {3111: 91.9}
    assert found["paper: PRL"] == {13111: 93.2}
    whole = Run("mine", [result(name, 0.5) for name in IN_DOMAIN], 500)
    found = data_efficiency([whole], "Qwen2.5-Math-7B").series
    assert found["paper: ORL"] == {13111: 62.4}
    assert found["mine"] == {500: 50.0}
    own = Run("mine", [result("sums", 0.5)], 500)
    assert list(data_efficiency([own], "Qwen2.5-Math-7B").series) == ["mine"]


def test_behaviour_is_that_of_math500_where_it_is():
    metrics = {"s2r__verify__accuracy": 0.5, "s2r__correct__i2c": None}
    run = Run("mine", [result("gsm8k", 1.0, s2r__verify__accuracy=0.25), result("math500", 0.5, **metrics)])
    found = behaviour([run], "Qwen2-7B-Instruct")
    assert found.title == "behaviour on MATH500"
    assert found.series["mine"] == {"s2r/verify/accuracy": 50.0}
    assert found.series["paper: PRL"] == {
        "s2r/verify/accuracy": 67.86,
        "s2r/verify/error_recall": 86.67,
        "s2r/verify/correct_precision": 73.59,
        "s2r/correct/i2c": 22.17,
        "s2r/correct/c2i": 5.39,
    }
    elsewhere = behaviour([Run("mine", run.results[:1])], "Qwen2-7B-Instruct")
    assert (elsewhere.title, elsewhere.series) == ("behaviour on GSM8K", {"mine": {"s2r/verify/accuracy": 25.0}})


LEVELS = {
    "s2r__level__10__outcome__accuracy": 0.25,
    "s2r__level__2__outcome__accuracy": 0.75,
    "s2r__level__10__trials__mean": 2.5,
    "s2r__level__2__trials__mean": 1.5,
}


def test_by_level():
    found = by_level([Run("mine", [result("math500", 0.5, **LEVELS)]), Run("other", [result("math500", 0.5)])])
    assert found.series == {"mine": {"2": 75.0, "10": 25.0}}
    assert list(found.series["mine"]) == ["2", "10"]
    assert found.second == {"mine": {"2": 1.5, "10": 2.5}}
    with pytest.raises(ValueError, match="MATH500 name no level"):
        by_level([Run("other", [result("math500", 0.5)])])


FULL = {"s2r__verify__accuracy": 0.5, "s2r__verify__error_recall": 0.25, "s2r__correct__c2i": 0.125, **LEVELS}


@pytest.mark.parametrize(
    ("number", "texts"),
    [
        ("1", ["a $b_c$ <run>", "paper: BI", "training examples", "accuracy on MATH500", "2,000", "5,000"]),
        ("3", ["a $b_c$ <run>", "paper: ORL", "error", "12.5", "25.0", "66.5", "behaviour on MATH500"]),
        ("4", ["a $b_c$ <run>", "accuracy %", "trials", "level", "2", "10"]),
    ],
)
def test_what_is_drawn(number, texts, tmp_path):
    pytest.importorskip("matplotlib", reason="needs matplotlib: pip install 's2r-rewards[figures]'")
    run = Run("a $b_c$ <run>", [result("math500", 0.5, **FULL)], 2000)  # a folder may be called so
    path = tmp_path / "new" / "figure.svg"
    draw(number, [run], path, "Qwen2.5-Math-7B")
    drawn = path.read_text(encoding="utf-8")
    said = re.findall(r"<text[^>]*>([^<]*)</text>", drawn)
    assert [text for text in texts if text.replace("<", "&lt;").replace(">", "&gt;") not in said] == []
    if number == "4":  # the same bytes every time
        draw(number, [run], tmp_path / "again.svg", "Qwen2.5-Math-7B")
        assert (tmp_path / "again.svg").read_text(encoding="utf-8") == drawn


def test_files_that_cannot_be_drawn(tmp_path, monkeypatch):
    with pytest.raises(ValueError, match=r"written as \.png, \.svg, \.pdf"):
        check_drawing(tmp_path / "x.jpg")
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(ImportError, match=r"s2r-rewards\[figures\]"):
        check_drawing(tmp_path / "x.png")


def test_eval_draws_all_three(s2r, tmp_path):
    pytest.importorskip("matplotlib", reason="needs matplotlib: pip install 's2r-rewards[figures]'")
    folder = tmp_path / "mine"
    folder.mkdir()
    row = {"problem_id": "1", "prompt": "2 + 2?", "response": "So \\boxed{4}.", "gold": "4", "level": 3}
    (folder / "math500.jsonl").write_text(json.dumps(row) + "\n")
    paths = {number: tmp_path / f"{number}.png" for number in ("1", "3", "4")}
    asked = [word for number, path in paths.items() for word in ("--figure", f"{number}={path}")]
    text = s2r("eval", "-o", folder, "--rescore", *asked, status=2)
    assert "--figure 1 needs training sizes" in text
    assert not (folder / "results.json").exists()  # said before anything is done
    s2r("eval", "-o", folder, "--rescore", "--trained-on", 3111, "--paper", "Qwen2-7B-Instruct", *asked)
    assert all(path.read_bytes().startswith(b"\x89PNG") for path in paths.values())
    said = s2r("eval", "-o", folder, "--rescore", "--figure", f"3={tmp_path / 'x.txt'}", status=2)
    assert "a figure is written as .png, .svg, .pdf" in said
