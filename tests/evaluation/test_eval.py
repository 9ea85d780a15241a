import json
import os
import random
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from s2r_rewards.evaluation.scoring import score_generations
from s2r_rewards.evaluation.tables import accuracy_table, behaviour_table
from s2r_rewards.judging import judge
from s2r_rewards.metrics import behaviour_metrics
from s2r_rewards.parsing import parse
from s2r_rewards.rollouts import Rollout

RIGHT, WRONG = "So \\boxed{4}.", "So \\boxed{5}."


def check_text(verdict):
    return f"\n\nWait, let me recheck my solution.\n\nTherefore, the answer is {verdict}."


def generation(problem, text, level=None):
    return Rollout(problem, "2 + 2?", text, "4", level=level, finished=True)


GENERATIONS = [
    generation("a", RIGHT + check_text("correct"), 1),
    generation("a", WRONG + check_text("incorrect") + "\n\nLet me try again.\n" + RIGHT + check_text("correct"), 1),
    generation("b", WRONG + check_text("correct"), 2),
    generation("b", RIGHT + check_text("incorrect") + "\n\nLet me try again.\n" + WRONG, 2),
]


def test_score_by_hand():
    score = score_generations("math500", GENERATIONS)
    record = score.to_record()
    assert record["accuracy"] == 0.5
    assert (record["problems"], record["generations"]) == (2, 4)
    assert record["estimates"] == {"pass@1": 0.5, "pass@2": 0.5, "majority@2": 0.5}
    metrics = record["metrics"]
    # Verdicts: correct on right, incorrect on wrong, correct on right; correct on wrong, incorrect on right.
    assert metrics["s2r/verify/accuracy"] == 3 / 5
    assert metrics["s2r/verify/error_recall"] == 1 / 2
    assert metrics["s2r/verify/correct_precision"] == 2 / 3
    assert metrics["s2r/correct/i2c"] == 1 / 2
    assert metrics["s2r/correct/c2i"] == 1 / 2
    assert metrics["s2r/level/1/outcome/accuracy"] == 1.0
    assert metrics["s2r/level/2/trials/mean"] == 1.5
    assert metrics["s2r/level/1/correct/c2i"] == 0.0
    json.dumps(record, allow_nan=False)


def test_score_is_the_librarys_metrics():
    judged = [judge(parse(g.response, finished=True), g.gold) for g in GENERATIONS]
    expected = behaviour_metrics(judged, [g.level for g in GENERATIONS])
    found = score_generations("math500", GENERATIONS).to_record()["metrics"]
    assert {k: v for k, v in found.items() if v is not None} == {k: v for k, v in expected.items() if v == v}
    assert set(found) == set(expected)


def test_one_generation_a_problem_has_a_wilson_interval():
    score = score_generations("math500", GENERATIONS[::2])
    assert score.interval() == pytest.approx((0.0945, 0.9055), abs=1e-4)


def test_tables():
    results = [score_generations("math500", GENERATIONS).to_record()]
    columns, rows = accuracy_table(results, "Qwen2.5-Math-7B")
    assert dict(zip(columns, rows[0], strict=True)) == {
        "benchmark": "MATH500",
        "problems": "2",
        "pass@1 %": "50.0",
        "95 % interval": "0.0 to 100.0",
        "pass@2": "50.0",
        "majority@2": "50.0",
        "paper: base": "51.0",
        "paper: BI": "81.6",
        "paper: PRL": "83.4",
        "paper: ORL": "84.4",
        "paper: PRL-offline": "83.4",
        "paper: ORL-offline": "82.0",
    }
    names = ("aime2024", "amc2023", "college-math", "olympiadbench", "gsm8k", "gaokao2023en")
    others = [{**results[0], "benchmark": name, "accuracy": 1.0} for name in names]
    assert accuracy_table([*results, *others])[1][-1][:3] == ["average of the seven", "", "92.9"]
    columns, rows = behaviour_table(results[0], "Qwen2.5-Math-7B")
    assert columns == ["metric", "all", "level 1", "level 2", "paper: BI", "paper: PRL", "paper: ORL"]
    # Level 1: three verdicts, all true. Level 2: two, none true.
    assert ["s2r/verify/accuracy", "60.0", "100.0", "0.0", "61.58", "74.61", "66.49"] in rows


def sums_set(tmp_path, n=12):
    path = tmp_path / "sums.jsonl"
    rows = [{"id": i, "problem": f"What is {i} + 1?", "answer": i + 1, "level": i % 3} for i in range(n)]
    path.write_text("".join(json.dumps(r) + "\n" for r in rows))
    return path


def run_eval(s2r, url, folder, data, *more, status=0):
    arguments = ("eval", "-o", folder, "--data", f"sums={data}", "--url", url, "--model", "m", *more)
    return s2r(*arguments, status=status)


def test_eval_generates_and_scores(s2r, server, read, tmp_path):
    url, script = server
    folder = tmp_path / "run"
    text = run_eval(s2r, url, folder, sums_set(tmp_path), "-n", 4, "--temperature", 1)
    rows = read(folder / "sums.jsonl")
    assert len(rows) == 48
    right = [r["response"].endswith(f"\\boxed{{{r['gold']}}}.") for r in rows]
    (result,) = json.loads((folder / "results.json").read_text())
    assert result["accuracy"] == pytest.approx(sum(right) / 48)
    assert 0 < result["accuracy"] < 1
    by_problem = [any(right[i : i + 4]) for i in range(0, 48, 4)]
    assert result["estimates"]["pass@4"] == pytest.approx(sum(by_problem) / 12)
    assert f"{100 * result['accuracy']:.1f}" in text
    asked = len(script.requests)
    again = run_eval(s2r, url, folder, tmp_path / "sums.jsonl", "-n", 4, "--temperature", 1)
    tables = [said[said.index("accuracy   ") :] for said in (text, again)]
    assert tables[0] == tables[1]
    assert len(script.requests) == asked


def test_greedy_by_default(s2r, server, tmp_path):
    url, script = server
    run_eval(s2r, url, tmp_path / "run", sums_set(tmp_path), "--limit", 5)
    assert len(script.requests) == 5
    assert {r["temperature"] for r in script.requests} == {0.0}


def test_rescore_needs_no_model_and_skips_bad_lines(s2r, server, tmp_path):
    url, script = server
    folder = tmp_path / "run"
    run_eval(s2r, url, folder, sums_set(tmp_path))
    results, asked = (folder / "results.json").read_text(), len(script.requests)
    s2r("eval", "-o", folder, "--rescore")
    assert (folder / "results.json").read_text() == results
    assert len(script.requests) == asked
    with open(folder / "sums.jsonl", "a") as file:
        file.write('{"prompt": "x", "response": 3, "gold": "1"}\n')
    text = s2r("eval", "-o", folder, "--rescore", status=2)
    assert f"{folder / 'sums.jsonl'}:13: field 'response': found int; expected text" in text
    assert "skipped 1 bad" in s2r("eval", "-o", folder, "--rescore", "--on-error", "skip")
    assert (folder / "results.json").read_text() == results


def test_cross_domain_sets_use_their_own_graders(s2r, schemas, tmp_path):
    folder = tmp_path / "run"
    folder.mkdir()
    said = {"folio": "true", "cruxeval": "[3,4]", "strategyqa": "no", "mmlu-pro-stem": "(C)"}
    for name, answer in said.items():
        gold = schemas[name][0]["answer"]
        row = {"problem_id": "p", "prompt": "q", "response": f"\\boxed{{{answer}}}", "gold": gold}
        (folder / f"{name}.jsonl").write_text(json.dumps(row) + "\n")
    s2r("eval", "-o", folder, "--rescore")
    results = json.loads((folder / "results.json").read_text())
    assert {r["benchmark"]: r["accuracy"] for r in results} == dict.fromkeys(said, 1.0)


@pytest.mark.parametrize("seed", range(2))
def test_killed_at_a_random_moment(s2r, server, tmp_path, seed):
    url, script = server
    data = sums_set(tmp_path, 30)
    run_eval(s2r, url, tmp_path / "whole", data)
    script.delay = 0.05
    arguments = ["eval", "-o", str(tmp_path / "run"), "--data", f"sums={data}", "--url", url, "--model", "m"]
    command = [sys.executable, "-c", "from s2r_rewards.cli import main; main()", *arguments, "--concurrency", "2"]
    stop_at = len(script.requests) + random.Random(seed).randrange(3, 27)
    process = subprocess.Popen(command, env=os.environ, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    while len(script.requests) < stop_at:
        assert process.poll() is None
        time.sleep(0.002)
    process.send_signal(signal.SIGKILL)
    process.wait()
    script.delay = 0.0
    subprocess.run(command, env=os.environ, check=True, capture_output=True)
    for name in ("sums.jsonl", "results.json"):
        assert (tmp_path / "run" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()


def test_figure_of_data_efficiency(s2r, server, tmp_path):
    pytest.importorskip("matplotlib")
    url, _ = server
    folder, figure = tmp_path / "run", tmp_path / "efficiency.svg"
    run_eval(s2r, url, folder, sums_set(tmp_path))
    s2r(
        *("eval", "-o", folder, "--rescore", "--figure", figure),
        *("--compare", f"ours:3000:{folder}", "--compare", f"more:10000:{folder}"),
    )
    drawn = figure.read_text()
    assert "<svg" in drawn
    assert ">ours</text>" in drawn
    assert ">more</text>" in drawn
    text = s2r("eval", "-o", folder, "--rescore", "--figure", figure, "--compare", "ours", status=2)
    assert "LABEL:SIZE:FOLDER" in text


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (["-b", "math500"], 2, "give --model"),
        (["--rescore"], 2, "no generations"),
        (["--model", "m", "--url", "http://x/v1"], 2, "name a benchmark"),
        (["--model", "m", "--url", "http://x/v1", "--data", "math500"], 2, "expected --data NAME=PATH"),
        (["--model", "m", "--url", "http://x/v1", "-b", "own"], 2, "give its file as own=PATH"),
    ],
)
def test_wrong_calls_say_what_is_missing(s2r, tmp_path, arguments, status, message):
    assert message in s2r("eval", "-o", tmp_path / "run", *arguments, status=status)


def test_the_example_of_the_help_text_runs(s2r, server, schemas, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "math500.jsonl").write_text(json.dumps(schemas["math500"][0]["record"]) + "\n")
    folder = tmp_path / "Qwen2.5-Math/evaluation/data"
    for name in ("aime24", "mine"):
        (folder / name).mkdir(parents=True)
        (folder / name / "test.jsonl").write_text(
            json.dumps({"problem": f"What is 2 + 3 in {name}?", "answer": "5"}) + "\n"
        )
    examples = s2r("eval", "--help").split("Example:")[1].split("\n\n")[0]
    for line in examples.replace("http://localhost:8000/v1", server[0]).split("s2r eval")[1:]:
        text = s2r("eval", *shlex.split(line))
    assert "paper: PRL" in text
    assert sorted(path.stem for path in Path("runs/mine").glob("*.jsonl")) == ["aime2024", "math500", "mine"]
