import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from s2r_rewards.datasets.collecting import NgramIndex
from s2r_rewards.datasets.loading import load_records, read_problems
from s2r_rewards.datasets.problems import SOURCES, ProblemError, level_of, to_problem
from s2r_rewards.evaluation.benchmarks import BENCHMARKS, evaluation_texts
from s2r_rewards.rollouts.records import RecordError

# One record of each set in its published schema; the problems are our own.
MATH = {
    "problem": "What is half of $\\frac{2}{3}$?",
    "level": "Level 2",
    "type": "Prealgebra",
    "solution": "Half of it is $\\frac{1}{2} \\cdot \\frac{2}{3} = \\boxed{\\frac{1}{3}}$.",
}
GSM8K = {
    "question": "Ann has 1200 beads and buys 34 more. How many has she?",
    "answer": "She has 1200 + 34 = <<1200+34=1234>>1234 beads.\n#### 1,234",
}
OPENMATH = {
    "problem": "Solve x + 1 = 5.",
    "generated_solution": "Subtract 1: \\boxed{4}",
    "expected_answer": "4",
    "problem_source": "augmented_math",
}


@pytest.mark.parametrize(
    ("source", "record", "answer", "level"),
    [
        ("math", MATH, "\\frac{1}{3}", "2"),
        ("gsm8k", GSM8K, "1234", None),
        ("openmathinstruct-2", OPENMATH, "4", None),
        ("plain", {"id": 7, "problem": "1 + 1?", "answer": 2, "level": 3, "source": "own"}, "2", "3"),
    ],
)
def test_sources(source, record, answer, level):
    problem = to_problem(record, SOURCES[source])
    assert (problem.answer, problem.level) == (answer, level)
    assert problem == to_problem(dict(record), SOURCES[source])
    assert problem.source == ("own" if source == "plain" else source)


@pytest.mark.parametrize(
    ("source", "record", "field"),
    [
        ("math", {**MATH, "solution": "It is 1/3."}, "solution"),
        ("math", {"level": "Level 1"}, "problem"),
        ("gsm8k", {**GSM8K, "answer": "1234"}, "answer"),
        ("plain", {"problem": "x?", "answer": ""}, "answer"),
        ("plain", {"problem": "x?", "answer": None}, "answer"),
        ("plain", {"problem": "x?", "answer": ["1"]}, "answer"),
    ],
)
def test_unusable_records_name_the_field(source, record, field):
    with pytest.raises(ProblemError) as caught:
        to_problem(record, SOURCES[source])
    assert caught.value.field == field


@pytest.mark.parametrize(
    ("value", "level"), [("Level 5", "5"), (5, "5"), ("Level ?", "?"), ("hard", "hard"), (None, None), ("", None)]
)
def test_levels(value, level):
    assert level_of(value) == level


WORDS = st.lists(
    st.sampled_from(["alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta", "theta"]), min_size=20, max_size=30
)


@given(WORDS, WORDS, st.integers(0, 10))
def test_a_shared_run_of_words_is_found(test, train, at):
    index = NgramIndex(8)
    index.add(" ".join(test), "test:1")
    assert index.find(" ".join([*train[:at], *test[at : at + 8], *train[at:]])) == "test:1"


def test_less_than_a_run_is_not_a_leak():
    index = NgramIndex(4)
    index.add("one two three four five six", "t")
    assert index.find("one two three, seven, four five six") is None
    assert index.find("ONE, two: three (four)!") == "t"
    index.add("2 + 2", "short")
    assert index.find("2+2") == "short"
    assert index.find("2+2 3") is None


def test_command_counts_everything(s2r, read, tmp_path):
    test = tmp_path / "test.jsonl"
    leak = "A farmer has some hens and some cows and they have ten heads and twenty six legs altogether"
    test.write_text(json.dumps({"question": leak + ". How many cows?", "answer": "3"}) + "\n")
    rows = [
        MATH,
        {**MATH, "problem": "What is   half of $\\frac{2}{3}$?"},
        {**MATH, "solution": "\\boxed{0.4}"},
        {**MATH, "problem": leak + ", we hear. How many hens?", "solution": "\\boxed{7}"},
        {**MATH, "problem": "Name a number.", "solution": "\\boxed{}"},
        {**MATH, "problem": "One more: 1 + 1.", "solution": "\\boxed{2}"},
    ]
    data = tmp_path / "train.jsonl"
    data.write_text("".join(json.dumps(r) + "\n" for r in rows) + "{broken\n")
    out, dropped = tmp_path / "p.jsonl", tmp_path / "dropped.jsonl"
    args = ["data", "problems", data, "--source", "math", "-o", out, "--against", test, "--dropped", dropped]
    assert f"{data}:5: field 'solution': no \\boxed" in s2r(*args, status=2)
    assert not out.exists()
    text = s2r(*args, "--on-error", "skip")
    assert "skipped 2 bad records" in text
    assert f"{data}:7: not a JSON object" in text
    assert [p.answer for p in read_problems(out)] == ["\\frac{1}{3}", "2"]
    reasons = [r["reason"] for r in read(dropped)]
    assert reasons[:2] == ["duplicate", "contradicting_duplicate"]
    assert reasons[2] == f"in_evaluation_set: {test}:1"


def test_take_draws_the_same_ones(s2r, read, tmp_path, sums):
    def run(seed):
        s2r("data", "problems", sums, "-o", tmp_path / "o.jsonl", "--take", 4, "--seed", seed)
        return [p["id"] for p in read(tmp_path / "o.jsonl")]

    assert run(1) == run(1)
    assert len(run(1)) == 4
    assert run(1) != run(2)


def test_own_field_names(s2r, read, tmp_path):
    data = tmp_path / "own.jsonl"
    data.write_text('{"q": "1 + 1?", "a": "2", "hard": 3}\n')
    fields = ("--problem-field", "q", "--answer-field", "a", "--level-field", "hard")
    s2r("data", "problems", data, "-o", tmp_path / "o.jsonl", *fields, "--name", "mine")
    (row,) = read(tmp_path / "o.jsonl")
    assert (row["problem"], row["answer"], row["level"], row["source"]) == ("1 + 1?", "2", "3", "mine")


def test_folder_list_and_parquet(tmp_path):
    folder = tmp_path / "train" / "algebra"
    folder.mkdir(parents=True)
    (folder / "1.json").write_text(json.dumps(MATH))
    (folder / "2.json").write_text(json.dumps(MATH, indent=1))
    assert [r for _, _, r in load_records(str(tmp_path / "train"))] == [MATH, MATH]
    (tmp_path / "list.json").write_text(json.dumps([MATH, MATH]))
    assert [(line, r) for _, line, r in load_records(str(tmp_path / "list.json"))] == [(1, MATH), (2, MATH)]
    (tmp_path / "lines.json").write_text(json.dumps(MATH) + "\n" + json.dumps(MATH) + "\n")
    assert [line for _, line, _ in load_records(str(tmp_path / "lines.json"))] == [1, 2]
    parquet = pytest.importorskip("pyarrow.parquet")
    import pyarrow

    parquet.write_table(pyarrow.Table.from_pylist([MATH]), tmp_path / "m.parquet")
    assert [r for _, _, r in load_records(str(tmp_path / "m.parquet"))] == [MATH]
    with pytest.raises(FileNotFoundError, match="no such file"):
        list(load_records(str(tmp_path / "gone.jsonl")))


def test_ids_must_differ(tmp_path):
    path = tmp_path / "p.jsonl"
    path.write_text('{"id": "a", "problem": "x?", "answer": "1"}\n' * 2)
    with pytest.raises(RecordError, match=r"p.jsonl:2: field 'id': 'a' names an earlier problem too"):
        read_problems(path)


def test_an_evaluation_set_of_short_problems_only_counts(s2r, read, sums, tmp_path):
    """Such a set has no run of thirteen words; its problems leak when they are equal, word for word."""
    test = tmp_path / "test.jsonl"
    test.write_text('{"question": "what is 3 + 6"}\n')
    s2r("data", "problems", sums, "-o", tmp_path / "o.jsonl", "--against", test)
    assert [p["id"] for p in read(tmp_path / "o.jsonl")] == [f"sum-{a}" for a in range(12) if a != 3]


CODE = "def f(text):\n    for word in text.split():\n        if len(word) > {}:\n            return word\n    return {}"
NUMBERS = [str(n) for n in range(10)]
#: Source -> (a record of its evaluation set, a training record that shares the template alone)
TEMPLATED = {
    "folio": (
        {"premises": ["All cats purr.", "Tom is a cat."], "conclusion": "Tom purrs.", "label": "True"},
        {"premises": ["No dog flies."], "conclusion": "A dog flies.", "label": "False"},
    ),
    "cruxeval": (
        {"code": CODE.format(3, "''"), "input": "'one three'", "output": "'three'"},
        {"code": "def f(n):\n    return n + 1", "input": "1", "output": "2"},
    ),
    "strategyqa": (
        {"question": "Is the sea salty?", "answer": True},
        {"question": "Is the moon a cheese?", "answer": False},
    ),
    "mmlu-pro-stem": (
        {"question": "What is 1 + 1?", "options": NUMBERS, "answer": "C", "category": "math"},
        {"question": "Find 9 - 2.", "options": NUMBERS, "answer": "H", "category": "physics"},
    ),
}


@pytest.mark.parametrize(
    ("record", "question"),
    [
        (TEMPLATED["folio"][0], ["All cats purr.", "Tom is a cat.", "Tom purrs."]),
        ({"premises": "No dog flies.", "conclusion": "A dog flies."}, ["No dog flies.", "A dog flies."]),
        (TEMPLATED["mmlu-pro-stem"][0], ["What is 1 + 1?", "(A) 0", "(J) 9"]),
        ({"question": "Why?", "options": "none"}, ["Why?"]),
        ({"question": "Why?", "options": []}, ["Why?"]),
        ({"question": "Why?", "premises": None, "conclusion": "So."}, ["Why?"]),
        ({"code": "def f(): pass", "input": ""}, ["def f(): pass"]),
    ],
)
def test_what_belongs_to_a_problem(record, question, tmp_path):
    (tmp_path / "set.jsonl").write_text(json.dumps(record) + "\n")
    ((_, text),) = evaluation_texts(str(tmp_path / "set.jsonl"))
    places = [text.find(part) for part in question]
    assert -1 not in places
    assert places == sorted(places)


@pytest.mark.parametrize("source", TEMPLATED)
@pytest.mark.parametrize("form", ["hub", "file", "raw"])
def test_a_leak_is_the_problem_and_not_its_template(s2r, read, tmp_path, monkeypatch, source, form):
    """Against the benchmark by name, a file of its problems as this command writes them, and one of its own records."""
    tested, other = tmp_path / "test.jsonl", tmp_path / "train.jsonl"
    held, fresh = TEMPLATED[source]
    tested.write_text(json.dumps(held) + "\n")
    other.write_text("".join(json.dumps(row) + "\n" for row in (held, fresh)))
    if form == "hub":
        own = replace(BENCHMARKS[source], hub=str(tested))
        monkeypatch.setitem(BENCHMARKS, source, own)
        place = source
    elif form == "raw":
        place = tested
    else:
        place = tmp_path / "written.jsonl"
        s2r("data", "problems", tested, "--source", source, "-o", place)
    s2r("data", "problems", other, "--source", source, "-o", tmp_path / "o.jsonl", "--against", place)
    (kept,) = read(tmp_path / "o.jsonl")
    assert str(fresh.get("question") or fresh.get("conclusion") or fresh["code"]) in kept["problem"]
