"""Names in configurations become objects, labels become golden answers; whatever cannot says why."""

import json
import os.path
import sys
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest

from s2r_rewards.answers.labels import LabelError, gold_of, level_of
from s2r_rewards.resolve import is_reference, load_object, named


@pytest.fixture(autouse=True)
def _few_names(monkeypatch):
    module = ModuleType("few_names")
    module.main, module._hidden, module.other = SimpleNamespace(_hidden=1), 2, 3
    monkeypatch.setitem(sys.modules, "few_names", module)


def test_references():
    assert [is_reference(text) for text in ("json:dumps", "json", 7, None)] == [True, False, False, False]
    assert load_object("json:dumps") is json.dumps
    assert load_object("os:path.join", "baseline") is os.path.join
    known = {"mine": 1, "odd:name": 2}
    assert (named("mine", known, "number"), named("odd:name", known, "number")) == (1, 2)
    assert named("json:dumps", known, "number") is json.dumps


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: load_object("json"), "object 'json': expected package.module:object"),
        (lambda: load_object(":dumps", "baseline"), "baseline ':dumps': expected package.module:object"),
        (lambda: load_object("json:", "baseline"), "baseline 'json:': expected package.module:object"),
        (lambda: load_object(" : ", "baseline"), "baseline ' : ': expected package.module:object"),
        (
            lambda: load_object("no_such_module_of_ours:x", "baseline"),
            "baseline 'no_such_module_of_ours:x': cannot import 'no_such_module_of_ours' (No module named "
            "'no_such_module_of_ours'); install it, or put its folder on PYTHONPATH",
        ),
        (
            lambda: load_object("few_names:nothing", "baseline"),
            "baseline 'few_names:nothing': 'few_names' has no 'nothing'; expected one of main, other",
        ),
        (
            lambda: load_object("few_names:a:b", "baseline"),
            "baseline 'few_names:a:b': 'few_names' has no 'a:b'; expected one of main, other",
        ),
        (
            lambda: load_object("few_names:main.no", "baseline"),
            "baseline 'few_names:main.no': 'few_names' has no 'main.no'; expected one of nothing",
        ),
        (
            lambda: named("yours", {"mine": 1, "his": 2}, "number"),
            "unknown number 'yours'; expected one of his, mine, or your own as package.module:object",
        ),
        (
            lambda: named("few_names:no", {}, "number"),
            "number 'few_names:no': 'few_names' has no 'no'; expected one of main, other",
        ),
    ],
)
def test_what_names_nothing(call, message):
    with pytest.raises(ValueError) as caught:
        call()
    assert str(caught.value) == message


def test_long_lists_of_names_are_cut(monkeypatch):
    module = ModuleType("long_name")
    setattr(module, "a" * 400, 1)
    monkeypatch.setitem(sys.modules, "long_name", module)
    with pytest.raises(ValueError) as caught:
        load_object("long_name:x")
    assert str(caught.value) == f"object 'long_name:x': 'long_name' has no 'x'; expected one of {'a' * 300}"


@pytest.mark.parametrize(
    ("label", "gold"),
    [
        ("4", "4"),
        (" 4 ", " 4 "),
        (4, "4"),
        (0.5, "0.5"),
        (["4", "5"], ("4", "5")),
        (("4", 5), ("4", "5")),
        (np.int64(4), "4"),
        (np.array(["4", "5"], dtype=object), ("4", "5")),
        ({"gold": "4", "level": 3}, "4"),
        ({"gold": ["4", 5]}, ("4", "5")),
        ('{"gold": "4"}', "4"),
        (' {"gold": [1, 2]}', ("1", "2")),
        ("{1, 2}", "{1, 2}"),  # a set
        ('{"a": 1}', '{"a": 1}'),
        ("[1, 2]", "[1, 2]"),
    ],
)
def test_golden_answers(label, gold):
    assert gold_of(label) == gold


@pytest.mark.parametrize(
    ("label", "found"),
    [
        (None, "NoneType"),
        ("", "an empty text"),
        (" \n", "an empty text"),
        (True, "bool"),
        ([], "list"),
        (["4", ""], "an empty text"),
        ([["4"]], "list"),
        ({"gold": None, "answer": " "}, "an empty text"),
        ('{"gold": null}', "NoneType"),
    ],
)
def test_labels_without_a_golden_answer(label, found):
    with pytest.raises(LabelError) as caught:
        gold_of(label)
    assert str(caught.value) == (
        f"label: found {found}; expected the golden answer as text, a list of accepted answers, or an object with `gold`"
    )


@pytest.mark.parametrize(
    ("label", "level"),
    [
        ({"gold": "4", "level": 3}, "3"),
        ('{"gold": "4", "level": "hard"}', "hard"),
        ({"level": 5}, "5"),
        ({"gold": "4"}, None),
        ({"gold": "4", "level": " "}, None),
        ({"gold": "4", "level": [3]}, None),
        ({"gold": "4", "level": 0}, "0"),
        ("4", None),
        (None, None),
    ],
)
def test_levels(label, level):
    assert level_of(label) == level
