"""The paper's tables with a run among their rows. The sums below were made by hand from the printed paper."""

import json

import pytest

from s2r_rewards.evaluation.benchmarks import CROSS_DOMAIN, IN_DOMAIN
from s2r_rewards.evaluation.published import BEHAVIOUR, MODELS, TABLES, stages
from s2r_rewards.evaluation.runs import Run, average, levels_of
from s2r_rewards.evaluation.tables import paper_table

RIGHT, WRONG = "So \\boxed{4}.", "So \\boxed{5}."
CHECK = "\n\nWait, let me recheck my solution.\n\nTherefore, the answer is {}."


def result(benchmark, accuracy, **metrics):
    return {
        "benchmark": benchmark,
        "problems": 1,
        "accuracy": accuracy,
        "interval": [0, 1],
        "estimates": {},
        "metrics": metrics,
    }


def rows_of(number, runs=(), base=None):
    columns, rows = paper_table(TABLES[number], runs, base)
    return columns, {row[0]: row[1:] for row in rows}


def test_every_table_is_whole():
    """Rows and the printed cells of each table; a dash in the paper is None."""
    assert {number: len(table.rows) for number, table in TABLES.items()} == {
        "2": 29, "3": 9, "4": 6, "5": 12, "6": 4, "10": 4, "11": 3,
    }  # fmt: skip
    for number in ("2", "5", "10", "11"):
        assert TABLES[number].columns == (*IN_DOMAIN, "average")
    assert {*TABLES["3"].columns} == {*CROSS_DOMAIN}
    missing = [(row.label, column) for row in TABLES["2"].rows for column, cell in row.cells.items() if cell is None]
    assert len(missing) == 5 + 5
    assert sum(row.cited for row in TABLES["2"].rows) == 10


@pytest.mark.parametrize("number", ["2", "5", "10", "11"])
def test_printed_averages_are_those_of_the_cells(number):
    """Within the rounding of eight printed cells: a cell that was typed over wrong shows."""
    off = []
    for row in TABLES[number].rows:
        cells = [row.cells[name] for name in IN_DOMAIN]
        if None not in cells and abs(sum(cells) / 7 - row.cells["average"]) > 0.1001:
            off.append((row.label, row.cells["average"], round(sum(cells) / 7, 1)))
    assert off == []


@pytest.mark.parametrize(
    ("number", "label", "cells"),
    [
        ("2", "paper: Llama-3.1-8B-S²R-ORL", ["55.0", "6.7", "32.5", "34.7", "20.7", "87.3", "45.2", "40.3"]),
        ("2", "paper: GPT-o1-preview *", ["85.5", "44.6", "90.0", "–", "–", "–", "–", "–"]),
        ("3", "paper: Qwen2.5-Math-7B-S²R-BI", ["58.1", "48.0", "88.7", "49.8"]),
        ("4", "paper: Qwen2.5-Math-7B, confirmative", ["61.58", "82.80", "68.04"]),
        (
            "5",
            "paper: Qwen2-7B-Instruct-S²R-PRL-offline",
            ["61.6", "10.0", "32.5", "40.2", "26.5", "87.6", "50.4", "44.1"],
        ),
        ("10", "paper: [0.1, 0.7], 1805 questions", ["83.4", "23.3", "62.5", "50.0", "46.7", "92.9", "72.2", "61.6"]),
        ("11", "paper: reward context", ["82.4", "26.7", "65.0", "50.1", "46.1", "92.9", "71.2", "62.1"]),
    ],
)
def test_rows_as_printed(number, label, cells):
    assert rows_of(number)[1][label] == cells


def test_a_run_stands_in_the_papers_columns():
    results = [result(name, 0.1 * i) for i, name in enumerate(IN_DOMAIN, 1)]
    columns, rows = rows_of("2", [Run("mine", results)], "Qwen2-7B-Instruct")
    assert columns[:2] == ["", "MATH500"]
    assert rows["mine"] == ["10.0", "20.0", "30.0", "40.0", "50.0", "60.0", "70.0", "40.0"]
    assert len(rows) == 1 + 6
    assert all("Qwen2-7B" in label for label in [*rows][1:])
    columns, rows = rows_of("2", [Run("mine", results[:3])], "Qwen2-7B-Instruct")
    assert rows["mine"] == ["10.0", "20.0", "30.0", "–", "–", "–", "–", "–"]
    assert average(results[:6]) is None


def test_table_4_is_about_trained_models_on_math500():
    behaviour = {"s2r/verify/accuracy": 0.75, "s2r/verify/first_accuracy_when_right": 0.5}
    run = Run("mine", [result("gsm8k", 1.0), result("math500", 0.5, **behaviour)])
    columns, rows = rows_of("4", [run], "Llama-3.1-8B-Instruct")
    assert columns[1:] == ["all verifications", "first one, attempt right", "first one, attempt wrong"]
    assert rows["mine"] == ["75.00", "50.00", "–"]
    assert rows["paper: Llama-3.1-8B-Instruct, problem-solving"] == ["80.10", "87.28", "66.96"]
    elsewhere = Run("mine", [result("gsm8k", 1.0, **behaviour)])
    assert rows_of("4", [elsewhere])[1]["mine"] == ["–"] * 3


def test_the_confirmative_row_is_the_behaviour_of_the_bi_model():
    """What table 4 and figure 3 both print."""
    for model in BEHAVIOUR:
        (row,) = [row for row in TABLES["4"].rows if row.label == f"{model}, confirmative"]
        assert row.cells["s2r/verify/accuracy"] == BEHAVIOUR[model]["s2r/verify/accuracy"]["BI"]


def test_stages_of_a_model():
    found = stages("Qwen2.5-Math-7B")
    assert found["aime2024"] == {
        "base": 16.7, "BI": 23.3, "PRL": 26.7, "ORL": 23.3, "PRL-offline": 23.3, "ORL-offline": 20.0,
    }  # fmt: skip
    assert found["strategyqa"] == {"base": 61.1, "BI": 88.7, "ORL": 90.8}
    assert set(MODELS) == {"Llama-3.1-8B-Instruct", "Qwen2-7B-Instruct", "Qwen2.5-Math-7B"}


def test_levels_in_their_order():
    names = [f"s2r/level/{level}/outcome/accuracy" for level in ("10", "2", "algebra", "1")]
    assert levels_of(result("x", 0.0, **dict.fromkeys(names, 0.0))) == ["1", "2", "10", "algebra"]


@pytest.fixture
def run_of(tmp_path):
    """A folder of generations, as `s2r eval` keeps them."""

    def make(name, **texts):
        folder = tmp_path / name
        folder.mkdir()
        for benchmark, responses in texts.items():
            rows = [
                {"problem_id": str(i), "prompt": "2 + 2?", "response": text, "gold": "4", "level": 1 + i % 2}
                for i, text in enumerate(responses)
            ]
            (folder / f"{benchmark}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
        return folder

    return make


TEXTS = [RIGHT + CHECK.format("correct"), WRONG + CHECK.format("correct"), RIGHT + CHECK.format("incorrect"), RIGHT]


def test_eval_prints_the_tables(s2r, run_of):
    folder = run_of("mine", math500=TEXTS, folio=["\\boxed{4}"] * 2)
    text = s2r("eval", "-o", folder, "--rescore", "--paper", "Qwen2.5-Math-7B")
    for number in ("2", "3", "4", "5", "10", "11"):
        assert f"table {number} of the paper" in text
    assert "table 6" not in text
    rows = [line.strip("│┃ ").split() for line in text.splitlines()]
    assert next(r for r in rows if "84.4" in r and "77.5" in r)[:2] == ["paper:", "Qwen2.5-Math-7B-S²R-ORL"]
    own = [[c for c in row if c != "│"] for row in rows if row[:1] == ["mine"]]
    assert own[0][:3] == ["mine", "75.0", "–"]  # table 2: MATH500, AIME
    assert ["mine", "33.33", "50.00", "0.00"] in own  # table 4: of three verifications one is true
    assert "Llama-3.1-8B-S²R" not in text


def test_a_table_by_its_number_and_other_runs(s2r, run_of):
    folder = run_of("mine", math500=TEXTS)
    other = run_of("other", math500=TEXTS[:2])
    s2r("eval", "-o", other, "--rescore")
    text = s2r("eval", "-o", folder, "--rescore", "--table", 10, "--label", "ours", "--compare", f"earlier:{other}")
    assert "table 10 of the paper" in text
    assert "table 2 of" not in text
    rows = [line.replace("│", " ").split() for line in text.splitlines()]
    assert [row[1] for row in rows if row[:1] in (["ours"], ["earlier"])] == ["75.0", "50.0"]
    assert "2516 questions" in text


def test_json_with_tables(run_of):
    from click.testing import CliRunner

    from s2r_rewards.cli import main

    folder = run_of("mine", math500=TEXTS)
    said = CliRunner().invoke(main, ["eval", "-o", str(folder), "--rescore", "--json", "--paper", "Qwen2-7B-Instruct"])
    found = json.loads(said.stdout)
    assert [r["benchmark"] for r in found["results"]] == ["math500"]
    assert [*found["tables"]] == ["2", "4", "5"]  # of this model there is nothing in 3, 10 and 11
    assert found["tables"]["2"]["runs"][0]["cells"]["math500"] == 75.0
    (row,) = [row for row in found["tables"]["5"]["paper"] if row["label"] == "Qwen2-7B-Instruct-S²R-ORL-offline"]
    assert row["cells"]["average"] == 44.3


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--compare", "mine:FOLDER"], "two runs are called 'mine'"),
        (["--compare", "other:nowhere"], "no results.json"),
        (["--compare", "other"], "LABEL:FOLDER or LABEL:SIZE:FOLDER"),
        (["--table", "6"], "'6' is not one of"),
        (["--figure", "2=x.svg"], "NUMBER one of 1, 3, 4"),
        (["--figure", "1="], "expected --figure NUMBER=PATH"),
    ],
)
def test_wrong_calls(s2r, run_of, arguments, says):
    folder = run_of("mine", math500=TEXTS[:1])
    arguments = [a.replace("FOLDER", str(folder)) if "mine" in a else a for a in arguments]
    assert says in s2r("eval", "-o", folder, "--rescore", *arguments, status=2)
    assert not (folder / "results.json").exists()
