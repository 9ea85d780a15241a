"""The paper's own data: the mixtures of table 1, the authors' published files, and the comparison sets of C.2.3."""

import json
import sys
from collections import Counter
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from s2r_rewards.datasets.initialization import INITIALIZATION_PRESETS, VerifiedAttempt, assemble
from s2r_rewards.datasets.paper.mixture import TABLE_1, TooManyError, drawn, mixture
from s2r_rewards.datasets.paper.published import HUB, SFT_FILE, trajectories
from s2r_rewards.trajectory import Verdict


def lines(path, rows):
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))
    return path


@pytest.fixture
def places(tmp_path):
    """The three data sets in their published forms, with our own problems."""
    math = tmp_path / "MATH" / "train"
    math.mkdir(parents=True)
    for n in range(30):
        row = {"problem": f"What is ${n} \\cdot 7$?", "level": f"Level {1 + n % 5}", "type": "Algebra"}
        (math / f"{n}.json").write_text(json.dumps({**row, "solution": f"It is $\\boxed{{{7 * n}}}$."}))
    gsm8k = [
        {"question": f"Ann has {n} beads and buys {n + 1}. How many has she?", "answer": f"Sum.\n#### {2 * n + 1}"}
        for n in range(40)
    ]
    openmath = [
        {
            "problem": f"Solve x + {n} = 50.",
            "generated_solution": f"\\boxed{{{50 - n}}}",
            "expected_answer": str(50 - n),
        }
        for n in range(60)
    ]
    again = [  # one problem of MATH, and one twice
        {"problem": "What is $3 \\cdot 7$?", "generated_solution": "\\boxed{21}", "expected_answer": "21"},
        {**openmath[5], "generated_solution": "Subtract: \\boxed{45}"},
    ]
    return {
        "math": math,
        "gsm8k": lines(tmp_path / "gsm8k.jsonl", gsm8k),
        "openmathinstruct-2": lines(tmp_path / "openmath.jsonl", [*openmath, *again]),
    }


def given_data(places, *names):
    return [word for name in names for word in ("--data", f"{name}={places[name]}")]


def test_table_1_is_the_papers():
    assert {name: (row.initialization, row.prompts) for name, row in TABLE_1.items()} == {
        "llama-3.1-8b-instruct": (4614, 9601),
        "qwen2-7b-instruct": (4366, 9601),
        "qwen2.5-math-7b": (3111, 10000),
    }
    assert [row.sources[1] for row in TABLE_1.values()] == ["gsm8k", "gsm8k", "openmathinstruct-2"]


@given(st.lists(st.integers(), unique=True, max_size=40), st.integers(1, 30), st.integers())
def test_drawn_items_are_of_the_stream_and_none_is_drawn_twice(items, number, seed):
    import random

    found = drawn(iter(items), number, random.Random(seed))
    assert len(found) == min(number, len(items))
    assert len({*found}) == len(found)
    assert {*found} <= {*items}


def test_every_item_of_a_stream_is_drawn_as_often():
    import random

    draw = random.Random(0)
    counts = Counter(one for _ in range(2000) for one in drawn(range(10), 3, draw))
    assert all(500 < counts[one] < 700 for one in range(10))  # 600 expected, standard deviation 20


def test_a_mixture_is_the_first_part_whole_and_the_second_at_random():
    chosen, sizes = mixture([range(100), range(1000, 5000)], 160, seed=3)
    assert sizes == [100, 60]
    assert {*range(100)} < {*chosen}
    assert chosen != sorted(chosen)
    first_half = sum(one < 100 for one in chosen[:80])
    assert 35 < first_half < 65  # 50 expected: neither source lies behind the other
    assert max(chosen) > 3000  # not the first of the second source
    assert mixture([range(100), range(1000, 5000)], 160, seed=3)[0] == chosen
    assert mixture([range(100), range(1000, 5000)], 160, seed=4)[0] != chosen


def test_a_mixture_smaller_than_asked_for_and_one_that_its_first_part_fills():
    assert mixture([range(5), range(10, 13)], 100)[1] == [5, 3]
    assert mixture([range(50), range(100, 200)], 20, first=8)[1] == [8, 12]
    for size in (50, 20):
        with pytest.raises(TooManyError, match=f"50 problems, the set is to hold {size}"):
            mixture([range(50), range(100, 200)], size)


@pytest.mark.parametrize(
    ("model", "second"), [("qwen2-7b-instruct", "gsm8k"), ("Qwen2.5-Math-7B", "openmathinstruct-2")]
)
def test_one_command_makes_the_prompts_of_a_model(s2r, read, places, tmp_path, model, second):
    out, rl, verl = tmp_path / "prompts.jsonl", tmp_path / "rl.jsonl", tmp_path / "rl.parquet"
    data = given_data(places, "math", second)
    text = s2r("data", "paper", "--model", model, "-o", out, *data, "--take", 50, "--openrlhf", rl, "--verl", verl)
    rows = read(out)
    assert Counter(row["source"] for row in rows) == {"math": 30, second: 20}
    # A trainer that reads the first rows alone sees both sources, in the trainers' files as well.
    assert {row["source"] for row in rows[:20]} == {"math", second}
    assert [row["problem_id"] for row in read(rl)] == [row["id"] for row in rows]
    prompts = TABLE_1[model.lower()].prompts
    assert str(prompts) in text
    assert f"differs: {prompts - 50} prompts fewer than the paper's {prompts}" in text
    assert f"(30 of math and 20 of {second} here)" in text
    if second != "gsm8k":
        assert "2 duplicate" in text
    again = tmp_path / "again.jsonl"
    s2r("data", "paper", "--model", model, "-o", again, *data, "--take", 50)
    assert read(again) == rows


def test_shares_are_a_parameter_and_a_filled_set_is_refused(s2r, read, places, tmp_path):
    out = tmp_path / "p.jsonl"
    data = given_data(places, "math", "gsm8k")
    text = s2r("data", "paper", "--model", "qwen2-7b-instruct", "-o", out, *data, "--take", 25, status=2)
    assert "say how many of math with --math N" in text
    assert not out.exists()
    shown = s2r("data", "paper", "--model", "qwen2-7b-instruct", "-o", out, *data, "--take", 25, "--math", 5, "--json")
    told = json.loads(shown[shown.index("{") :])
    assert told["sources"] == {"math": 5, "gsm8k": 20}
    assert (told["prompts"], told["paper"]) == (25, 9601)
    assert len(read(out)) == 25


def test_a_source_that_is_not_the_models_is_refused(s2r, places, tmp_path):
    data = given_data(places, "openmathinstruct-2")
    text = s2r("data", "paper", "--model", "qwen2-7b-instruct", "-o", tmp_path / "p.jsonl", *data, status=2)
    assert "qwen2-7b-instruct reads math and gsm8k" in text
    text = s2r(
        "data", "paper", "--model", "qwen2-7b-instruct", "-o", tmp_path / "p.jsonl", "--data", "math=no", status=2
    )
    assert "no such file" in text
    own = ["--data", f"math={places['gsm8k']}"]
    s2r("data", "paper", "--model", "qwen2-7b-instruct", "-o", places["gsm8k"], *own, status=2)  # input = output


def test_the_hub_is_read_where_no_file_is_named(s2r, read, tmp_path, monkeypatch):
    asked = []

    def load_dataset(name, config, **more):
        asked.append((name, config, more))
        if name == "openai/gsm8k":
            return [{"question": "2 + 2?", "answer": "#### 4"}]
        if name == HUB:
            return [{"problem": "3 + 3?", "solution": "\\boxed{6}", "answer": "6", "level": 1, "is_sft": False}]
        return [{"problem": f"{config}: 1 + 1?", "level": "Level 1", "solution": "\\boxed{2}"}]

    monkeypatch.setitem(sys.modules, "datasets", SimpleNamespace(load_dataset=load_dataset))
    s2r("data", "paper", "--model", "qwen2-7b-instruct", "-o", tmp_path / "p.jsonl")
    assert [(name, more["split"]) for name, _, more in asked] == [("EleutherAI/hendrycks_math", "train")] * 7 + [
        ("openai/gsm8k", "train")
    ]
    asked.clear()
    out = tmp_path / "own.jsonl"
    text = s2r("data", "paper", "--model", "qwen2.5-math-7b", "--published", "-o", out)
    assert [(name, more["data_files"]) for name, _, more in asked] == [(HUB, "rl_data_qwen2.5.jsonl")]
    assert "9999 prompts fewer than the paper's 10000" in text
    assert [(row["answer"], row["level"], row["source"]) for row in read(out)] == [("6", "1", "s2r-rl-qwen2.5-math")]


def test_the_authors_prompts_are_read(s2r, read, tmp_path):
    rows = [
        {"problem": "Half of 8?", "solution": "It is \\boxed{4}.", "answer": "4", "level": 2, "is_sft": 0},
        {"problem": "A third of 9?", "solution": "Nine by three.\n#### 3", "answer": "", "level": 1, "is_sft": 0},
        {"problem": "1 - 1?", "solution": "\\boxed{0}", "answer": 0, "level": 1, "is_sft": 0},
    ]
    out = tmp_path / "p.jsonl"
    given = ["--data", f"s2r-rl={lines(tmp_path / 'rl_data.jsonl', rows)}"]
    text = s2r("data", "paper", "--model", "llama-3.1-8b-instruct", "--published", "-o", out, *given)
    found = {row["problem"]: (row["answer"], row["level"]) for row in read(out)}
    assert found == {"Half of 8?": ("4", "2"), "A third of 9?": ("3", "1"), "1 - 1?": ("0", "1")}
    assert "9598 prompts fewer than the paper's 9601" in text
    s2r("data", "paper", "--model", "llama-3.1-8b-instruct", "--published", "--take", 2, "-o", out, *given, status=2)


def attempts(*answers):
    last = len(answers) - 1
    return [
        VerifiedAttempt(
            f"So it is \\boxed{{{a}}}.",
            a,
            i == last,
            f"Put {a} back in. Therefore, the answer is {'correct' if i == last else 'incorrect'}.",
            Verdict.CORRECT if i == last else Verdict.INCORRECT,
        )
        for i, a in enumerate(answers)
    ]


CHATML = (
    "<|im_start|>system\nPlease reason step by step, and put your final answer within \\boxed{{}}.<|im_end|>\n"
    "<|im_start|>user\n{problem}<|im_end|>\n<|im_start|>assistant\n"
)
LLAMA = (
    "<|begin_of_text|><|start_header_id|>system<|end_header_id|>\n\nBe brief.<|eot_id|>"
    "<|start_header_id|>user<|end_header_id|>\n\n{problem}<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\n"
)
PLAIN = "Please reason step by step, and put your final answer within \\boxed{{}}.\nProblem: {problem}"


def published(rows):
    counts = Counter()
    return list(trajectories([("f", n, row) for n, row in enumerate(rows, 1)], counts)), counts


@pytest.mark.parametrize(("template", "end"), [(CHATML, "<|im_end|>\n"), (LLAMA, "<|eot_id|>"), (PLAIN, "")])
@pytest.mark.parametrize("answers", [("4",), ("5", "4"), ("5", "6", "7", "4")])
def test_published_trajectories_are_masked_by_eq_1(template, end, answers):
    wanted = assemble(attempts(*answers), INITIALIZATION_PRESETS["paper"])
    row = {"prompt": template.format(problem="2 + 2?"), "answer": "".join(s.text for s in wanted) + end}
    [(problem, built)], counts = published([row])
    assert (problem.problem, problem.answer) == ("2 + 2?", "4")
    assert built.segments == wanted
    assert [s.trained for s in built.segments if s.kind == "solve"] == [False] * (len(answers) - 1) + [True]
    assert not counts


def test_rows_that_show_one_part_each_are_one_trajectory():
    """The authors' scripts can write a row for each trained part, with everything before it in the prompt."""
    segments = assemble(attempts("5", "6", "4"), INITIALIZATION_PRESETS["paper"])
    texts = [s.text for s in segments]
    head = CHATML.format(problem="2 + 2?")

    def row(first, end, tail=""):
        # They move the last token of the prompt into the answer.
        before = "".join(texts[:first])
        return {"prompt": head + before[:-1], "answer": before[-1:] + "".join(texts[first:end]) + tail}

    parts = [row(1, 2), row(3, 4), row(4, 5), row(5, 6, "<|im_end|>\n")]
    other = {
        "prompt": CHATML.format(problem="1 + 1?"),
        "answer": "".join(s.text for s in assemble(attempts("2"), INITIALIZATION_PRESETS["paper"])),
    }
    found, counts = published([other, *parts, other])
    assert [problem.problem for problem, _ in found] == ["1 + 1?", "2 + 2?", "1 + 1?"]
    assert found[1][1].segments == segments
    assert counts == {"part of the next row": 3}


def test_what_is_no_trajectory_is_counted():
    row = {"prompt": CHATML.format(problem="2 + 2?")}
    ends_in_an_attempt = {
        **row,
        "answer": "\\boxed{5}\n\nWait, let me recheck my solution.\n\nNo.\n\nLet me try again.\n\n\\boxed{4}",
    }
    other_words = {**row, "answer": "\\boxed{4}\n\nWait, let me recheck my solution.\n\n2 and 2 make 4, so it holds."}
    nothing = {**row, "answer": "It is four\n\nWait, let me recheck my solution.\n\nRight."}
    found, counts = published([ends_in_an_attempt, other_words, nothing])
    assert [built.attempts for _, built in found] == [1]
    assert counts == {
        "not pairs of attempt and verification": 1,
        "kept, though grammar paper reads it otherwise": 1,
        "no answer in the last attempt": 1,
    }


@pytest.mark.parametrize(
    ("row", "field"),
    [
        ({"prompt": CHATML.format(problem="x"), "answer": None}, "answer"),
        ({"answer": "y"}, "prompt"),
        ({"prompt": "<|im_start|>user\nx<|im_end|>\n", "answer": "y"}, "prompt"),
        ({"prompt": CHATML.format(problem=" "), "answer": "y"}, "prompt"),
    ],
)
def test_unreadable_rows_name_file_line_and_field(s2r, tmp_path, row, field):
    path = tmp_path / SFT_FILE
    path.write_text(json.dumps([row]))
    text = s2r("data", "init", path, "--set", "published", "-o", tmp_path / "o.jsonl", status=2)
    assert f"{path}:1: field '{field}'" in text


def test_init_reads_the_published_file_and_says_the_papers_count(s2r, read, tmp_path):
    texts = [
        "".join(s.text for s in assemble(attempts(*a), INITIALIZATION_PRESETS["paper"])) for a in (("4",), ("5", "4"))
    ]
    rows = [{"prompt": CHATML.format(problem=f"{n} + 0?"), "answer": t + "<|im_end|>\n"} for n, t in enumerate(texts)]
    path = tmp_path / SFT_FILE
    path.write_text(json.dumps(rows, indent=4))
    out, openrlhf = tmp_path / "o.jsonl", tmp_path / "sft.jsonl"
    text = s2r(
        *("data", "init", path, "--set", "published", "-o", out),
        *("--openrlhf", openrlhf, "--paper", "Qwen2.5-Math-7B"),
    )
    assert "2 trajectories; the paper's qwen2.5-math-7b: 3111" in text
    assert [row["attempts"] for row in read(out)] == [1, 2]
    assert [m["role"] for m in read(openrlhf)[1]["messages"]] == ["system", "user", "masked", "assistant"]


def test_comparison_sets_have_as_many_examples_as_asked_for(s2r, read, sums, tmp_path):
    problems = [{**p, "solution": f"It is \\boxed{{{p['answer']}}}."} for p in read(sums)]
    lines(sums, problems)
    out = tmp_path / "sft_original_solution.jsonl"
    s2r("data", "init", sums, "--set", "original-solution", "--take", 5, "-o", tmp_path / "o.jsonl", "--openrlhf", out)
    rows = read(out)
    assert len(rows) == 5
    assert {row["messages"][-1]["content"] for row in rows} <= {p["solution"] + "<|im_end|>" for p in problems}
    text = s2r("data", "init", sums, "--set", "original-solution", "--take", 50, "-o", tmp_path / "o.jsonl")
    assert "there are no more than 12" in text
