"""Our checker under other projects' names: their signatures, and what they return."""

from __future__ import annotations

import doctest
import inspect
import json
import re
import subprocess
import sys
import threading
import types
from pathlib import Path

import pytest

from s2r_rewards import dropin
from s2r_rewards.dropin import (
    ExprExtractionConfig,
    LatexExtractionConfig,
    StringExtractionConfig,
    math_metric,
    parse,
    verify,
)
from s2r_rewards.dropin.lighteval import MathAccuracy
from s2r_rewards.dropin.lm_eval import math_accuracy, process_results
from s2r_rewards.dropin.trl import accuracy_reward
from s2r_rewards.dropin.verl import compute_score, score


@pytest.mark.parametrize("name", ["parse", "verify", "math_metric"])
def test_math_verify_s_own_signatures(name):
    theirs = inspect.signature(getattr(pytest.importorskip("math_verify"), name)).parameters
    ours = inspect.signature(getattr(dropin, name)).parameters
    assert list(ours) == list(theirs)
    for parameter in theirs.values():
        if isinstance(parameter.default, (int, str, type(None))):
            assert ours[parameter.name].default == parameter.default


@pytest.mark.parametrize("name", ["LatexExtractionConfig", "ExprExtractionConfig", "StringExtractionConfig"])
def test_their_configurations_take_the_same_fields(name):
    theirs = inspect.signature(getattr(pytest.importorskip("math_verify"), name)).parameters
    assert list(inspect.signature(getattr(dropin, name)).parameters) == list(theirs)


LATEX, NUMBERS, LETTERS = LatexExtractionConfig(), ExprExtractionConfig(), StringExtractionConfig()
PARSED = [
    ("The answer is $\\frac{1}{2}$", [LATEX, NUMBERS], ["\\frac{1}{2}"] * 2),
    ("The answer is 1/2", [LATEX, NUMBERS], ["1/2"] * 2),
    ("first $2$, then \\boxed{3}", [LATEX, NUMBERS], ["3"] * 2),
    ("no number in here, nor any formula", [LATEX, NUMBERS], []),
    ("there are 12 of them and then some", [NUMBERS], ["12"] * 2),
    ("there are 12 of them and then some", [LATEX], []),
    ("the final answer is $9999$, \\boxed{1}", [LatexExtractionConfig(boxed_match_priority=100)], ["9999"] * 2),
    ("nothing but \\boxed{1}", [LatexExtractionConfig(boxed_match_priority=100)], ["1"] * 2),
    ("\\boxed{1}", [LatexExtractionConfig(boxed_match_priority=-1)], []),
    ("so $x$ is $5$", [LatexExtractionConfig(try_extract_without_anchor=False)], []),
    ("The answer is A.", [LETTERS], ["a", "A"]),
    ("The answer is A. Or not: the answer is **B**", [LETTERS], ["b", "B"]),
    ("The answer is A.", [StringExtractionConfig(lowercase=False)], ["A", "A"]),
    ("A. Because B is not valid", [LETTERS], ["a", "A"]),
    ("Because B is valid", [LETTERS], ["b", "B"]),
    ("Because B is valid", [StringExtractionConfig(try_extract_without_anchor=False)], []),
    ("No valid answer here", [LETTERS], []),
    ("Final answer is U", [StringExtractionConfig(strings=("U", "V"))], ["u", "U"]),
    ("x" * 100_000, [LATEX, NUMBERS, LETTERS], []),
]


@pytest.mark.parametrize(("text", "targets", "expected"), PARSED)
def test_parse(text, targets, expected):
    assert parse(text, targets) == expected
    assert parse(text, targets, fallback_mode="no_fallback") == expected[:1]


VERIFIED = [
    (["1/2", "1/2"], ["0.5", "0.5"], {}, True),
    (["1/2"], ["0.6"], {}, False),
    (["1", "2"], ["3", "2"], {}, True),
    ("1/2", "\\frac{1}{2}", {}, True),
    ([], ["1"], {}, False),
    (["1"], [], {}, False),
    ("(1,2)", "(2,1)", {}, False),
    ("(1,2)", "(2,1)", {"strict": False}, True),
    ("0.333333", "1/3", {}, True),
    ("0.3333", "1/3", {}, False),
    ("0.3333", "1/3", {"float_rounding": 4}, True),
    (5, "5.0", {}, True),
    (None, "5", {}, False),
    ("x \\in [-2,7]", "-2 \\le x \\le 7", {}, True),
]


@pytest.mark.parametrize(("gold", "target", "settings", "expected"), VERIFIED)
def test_verify(gold, target, settings, expected):
    assert verify(gold, target, **settings) is expected


def test_verify_takes_sympy():
    sympy = pytest.importorskip("sympy")
    x = sympy.Symbol("x")
    assert verify([sympy.Rational(1, 2)], ["0.5"])
    assert verify(x**2 - 1, "(x-1)(x+1)")
    assert not verify(x**2 - 1, "(x-1)(x+2)")


def test_everything_works_off_the_main_thread():
    """Where math-verify raises, since it sets alarms."""
    found = []
    thread = threading.Thread(target=lambda: found.append(verify(parse("$1/2$"), parse("so \\boxed{0.5}"))))
    thread.start()
    thread.join()
    assert found == [True]


def test_math_metric():
    metric = math_metric((LATEX, NUMBERS), (LATEX, NUMBERS))
    assert metric(["$1/2$"], ["so it is $0.5$", "the sky is blue there"]) == (1.0, (["$1/2$"] * 2, ["0.5"] * 2))
    assert math_metric((LATEX,), (LATEX,), aggregation_function=min)(["$1/2$"], ["$0.5$", "$0.4$"])[0] == 0.0
    with pytest.raises(ValueError, match="no gold answer found"):
        metric(["nobody knows what that is, or does he"], ["$1$"])


SCORES = [
    ("so \\boxed{0.5}", "1/2", 1.0),
    ("so \\boxed{0.5}", "1/3", 0.0),
    ("so \\boxed{7}", ["8", "7"], 1.0),
    ("so \\boxed{7}", 7, 1.0),
    ("so \\boxed{7}", "As 3 + 4 = 7, it is\n#### 7", 1.0),
    ("no answer", "7", 0.0),
    ("", "7", 0.0),
    ("\\boxed{f()}", "7", 0.0),
    ("so \\boxed{7}", None, 0.0),
]


@pytest.mark.parametrize(("response", "gold", "expected"), SCORES)
def test_scores_of_every_project(response, gold, expected):
    assert compute_score(data_source="x", solution_str=response, ground_truth=gold, extra_info={}) == expected
    assert score(response, gold) == expected
    assert math_accuracy(references=[gold], predictions=[response]) == expected
    if gold is not None:
        assert process_results({"answer": gold}, [response]) == {"exact_match": expected, "math_verify": expected}
        assert accuracy_reward([[{"role": "assistant", "content": response}]], [gold]) == [expected]
        doc = types.SimpleNamespace(get_golds=lambda: gold if isinstance(gold, list) else [gold])
        answer = types.SimpleNamespace(text=["\\boxed{0}", response], final_text=["\\boxed{0}", response])
        assert MathAccuracy().compute(doc=doc, model_response=answer) == expected
        assert MathAccuracy(min)(predictions=[response, "\\boxed{0}"], formatted_doc=doc) == 0.0


def test_trl_s_none_and_its_log():
    logged = {}
    rewards = accuracy_reward(
        ["\\boxed{1}", "\\boxed{1}", "none"], ["1", "", "1"], log_extra=lambda name, rows: logged.update({name: rows})
    )
    assert rewards == [1.0, None, 0.0]
    assert logged == {
        "solution": ["1", "", "1"],
        "gold_parsed": ["1", "[unparseable]", "1"],
        "answer_parsed": ["1", "1", "[unparseable]"],
    }


def test_a_row_without_gold_names_its_columns():
    with pytest.raises(KeyError, match="found the columns \\['id'\\], expected one of answer, gold"):
        process_results({"id": 1}, ["1"])


def test_no_framework_is_imported():
    names = ["verl", "trl", "lighteval", "lm_eval"]
    program = (
        "import sys, json, s2r_rewards.dropin\n"
        + "".join(f"import s2r_rewards.dropin.{name}\n" for name in names)
        + f"print(json.dumps([n for n in {[*names, 'sympy', 'math_verify', 'torch']} if n in sys.modules]))"
    )
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert json.loads(run.stdout) == []


@pytest.mark.parametrize("page", ["checker-in-training.md", "checker-drop-in.md"])
def test_the_examples_of_the_documentation(page):
    text = (Path(__file__).resolve().parents[2] / "docs" / page).read_text(encoding="utf-8")
    blocks = re.findall(r"```python\n(>>> .*?)```", text, re.DOTALL)
    assert blocks
    for block in blocks:
        test = doctest.DocTestParser().get_doctest(block, {}, page, page, 0)
        assert doctest.DocTestRunner().run(test).failed == 0
