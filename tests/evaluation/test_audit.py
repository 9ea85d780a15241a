"""s2r audit: two checkers over cases and over rollouts, disagreements, exit codes."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from s2r_rewards.answers import CheckResult
from s2r_rewards.cli import main
from s2r_rewards.evaluation.auditing import AuditPair, audit, checker_named

CASES = [
    {"id": "a", "gold": "1, 2", "pred": "2, 1", "expected": True, "verdict": "incorrect"},
    {"id": "b", "gold": "1/2", "pred": "0.5", "expected": True, "verdict": "correct"},
    {"id": "c", "gold": "5", "pred": "so \\boxed{6}", "mode": "response", "expected": False, "verdict": "correct"},
    {"id": "d", "gold": "7", "pred": "", "expected": False, "verdict": "malformed"},
]


@pytest.fixture
def cases(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "cases.jsonl"
    path.write_text("".join(json.dumps(case) + "\n" for case in CASES))
    return str(path)


def run(*arguments):
    return CliRunner().invoke(main, ["audit", *arguments])


def test_two_policies(cases):
    result = run("ours", "ours:order=strict", cases, "--json")
    assert result.exit_code == 0, result.output
    body = json.loads(result.stdout)
    assert body["answers"] == 4
    assert body["disagreements"] == 1
    assert body["a_errors"] == {"false_positives": 0, "false_negatives": 0}
    assert body["b_errors"] == {"false_positives": 0, "false_negatives": 1}
    assert {"a": "correct", "b": "incorrect", "n": 1} in body["counts"]


def test_stored_verdicts(cases, tmp_path):
    result = run("stored", "ours", cases, "-o", "out.jsonl")
    assert result.exit_code == 0, result.output
    assert "4 answers, 2 judged differently (50.00%)" in result.stdout
    assert "A: stored: 1 false positives, 1 false negatives by the labels" in result.stdout
    records = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    assert [(r["id"], r["a"]["verdict"], r["b"]["verdict"]) for r in records] == [
        ("c", "correct", "incorrect"), ("a", "incorrect", "correct"),
    ]  # fmt: skip
    assert records[0]["answer"] == "6"


def test_math_verify(cases):
    pytest.importorskip("math_verify")
    result = run("ours", "math_verify", cases, "--json")
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["answers"] == 4


def test_exit_codes(cases):
    assert run("ours", "ours:order=strict", cases, "--max-disagreement", "0.25").exit_code == 0
    too_many = run("ours", "ours:order=strict", cases, "--max-disagreement", "0.2")
    assert too_many.exit_code == 1
    assert "25.00% of the answers are judged differently, allowed 20.00%" in too_many.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("sympy", "ours"), "unknown checker 'sympy'"),
        (("ours", "ours:ordr=strict"), "unknown policy parameter 'ordr=strict'"),
        (("ours", "ours:rounded_places=many"), "rounded_places='many': expected int"),
        (("ours", "operator:nothing"), "operator"),
    ],
)
def test_bad_names(cases, arguments, message):
    result = run(*arguments, cases)
    assert result.exit_code == 2
    assert message in result.stderr


def test_bad_records_name_file_and_line(tmp_path):
    path = tmp_path / "bad.jsonl"
    path.write_text(json.dumps(CASES[0]) + "\n" + json.dumps({"gold": "5"}) + "\n")
    result = run("ours", "ours", str(path))
    assert result.exit_code == 2
    assert "bad.jsonl:2" in result.stderr
    assert run("ours", "ours", str(path), "--skip-bad").exit_code == 0
    path.write_text(json.dumps(CASES[1] | {"verdict": None}) + "\n")
    assert "no stored verdict" in run("stored", "ours", str(path)).stderr


def test_rollouts_are_audited_by_attempt(tmp_path):
    text = (
        "2 + 3 = 6, so \\boxed{6}.\n\nWait, let me recheck my solution.\n\nTherefore, the answer is incorrect.\n\n"
        "Let me try again.\n\n\\boxed{5}"
    )
    path = tmp_path / "rollouts.jsonl"
    path.write_text(json.dumps({"problem_id": "p", "prompt": "2 + 3?", "response": text, "gold": "5"}) + "\n")
    body = json.loads(run("ours", "ours", str(path), "--json").stdout)
    assert body["answers"] == 2
    assert sorted((c["a"], c["n"]) for c in body["counts"]) == [("correct", 1), ("incorrect", 1)]


def test_checkers_by_name():
    pairs = [AuditPair("a", "(1, 2)", "(2, 1)"), AuditPair("b", ("1", "2"), "2"), AuditPair("c", "3", None)]
    verdicts = {
        name: [r.verdict for r in checker_named(name)(pairs)] for name in ("ours", "ours:order=free", "operator:eq")
    }
    assert verdicts == {
        "ours": ["incorrect", "correct", "malformed"],
        "ours:order=free": ["correct", "correct", "malformed"],
        "operator:eq": ["incorrect", "correct", "malformed"],
    }
    with pytest.raises(ValueError, match="stored"):
        checker_named("stored:order=free")


def test_accepted_answers_in_a_case(tmp_path):
    path = tmp_path / "cases.jsonl"
    path.write_text(json.dumps({"gold": ["1/2", "50 percent"], "pred": "0.5", "expected": True}) + "\n")
    body = json.loads(run("ours", "operator:eq", str(path), "--json").stdout)
    assert (body["a_errors"]["false_negatives"], body["b_errors"]["false_negatives"]) == (0, 1)


def always(verdict):
    return lambda pairs: [CheckResult(verdict, "x", "why") for _ in pairs]


def test_the_worst_comes_first():
    """Wrong by the label; then what more of the others deny; what is believed before what is refused; the frequent."""
    pairs = [
        AuditPair("refused", "1", "a"),
        AuditPair("believed", "1", "b"),
        AuditPair("often", "1", "c"), AuditPair("often", "1", "c"),
        AuditPair("wrong by its label", "1", "d", expected=True),
        AuditPair("the judge is against it", "1", "e"),
        AuditPair("agreed", "1", "f"),
    ]  # fmt: skip
    believed = {"b", "c", "e", "f"}
    first = lambda pairs: [CheckResult("correct" if p.answer in believed else "incorrect", "x") for p in pairs]  # noqa: E731
    second = lambda pairs: [  # noqa: E731
        CheckResult("correct" if (p.answer in believed) == (p.answer == "f") else "incorrect", "x") for p in pairs
    ]
    asked = []

    def judge(pairs):
        asked.extend(pair.answer for pair in pairs)
        return [CheckResult("incorrect" if p.answer == "e" else "ungradable", "judge") for p in pairs]

    found = audit(pairs, first, second, {"judge": judge})
    assert [pairs[i].name for i in found.worst_first] == [
        "wrong by its label", "the judge is against it", "often", "often", "believed", "refused",
    ]  # fmt: skip
    assert asked == ["a", "b", "c", "c", "d", "e"]  # only where the two differ
    assert found.record(5)["others"] == {"judge": {"verdict": "incorrect", "tier": "judge", "reason": ""}}
    assert "others" not in audit(pairs, first, always("incorrect")).record(5)


def test_each_case_names_its_line_and_the_page_links_to_it(cases, tmp_path):
    (tmp_path / "hostile.jsonl").write_text(
        json.dumps({"id": "<b>x", "gold": "1", "pred": "</pre><script>alert(1)</script>\ud800"}) + "\n"
    )
    result = run(
        "ours",
        "operator:eq",
        cases,
        "hostile.jsonl",
        "--ask",
        "ours:order=strict",
        "-o",
        "out.jsonl",
        "--page",
        "audit.html",
    )
    assert result.exit_code == 0, result.output
    records = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    assert {record["id"]: record["where"] for record in records} == {"a": f"{cases}:1", "b": f"{cases}:2"}
    assert [record["others"]["ours:order=strict"]["verdict"] for record in records if record["id"] == "a"] == [
        "incorrect"
    ]
    page = (tmp_path / "audit.html").read_text()
    assert page.count("<section") == 2
    assert f'href="{(tmp_path / "cases.jsonl").as_uri()}#L1"' in page
    assert '<a href="#case-0">a</a>' in page
    assert "2 of 5 answers are judged differently" in page
    for name in ("a", "b"):
        assert f"{name}   {cases}:" in result.stdout


def test_the_page_shows_texts_as_texts(tmp_path):
    from s2r_rewards.evaluation.audit_page import write_page

    pairs = [AuditPair("<i>", "1", "<script>\ud800", where="a<b.jsonl:3", text="<img src=x>")]
    write_page(tmp_path / "p.html", audit(pairs, always("correct"), always("incorrect")), "ours", "<them>")
    page = (tmp_path / "p.html").read_text()
    assert not {"<script", "<img", "<i>", "<them>"} & {
        part for part in ("<script", "<img", "<i>", "<them>") if part in page
    }
    assert "&lt;script&gt;" in page


def test_a_judge_by_name():
    pytest.importorskip("httpx")
    (result,) = checker_named("judge:url=http://127.0.0.1:9/v1,model=m")([AuditPair("a", "1", "2")])
    assert (result.verdict, result.tier) == ("ungradable", "judge")
    with pytest.raises(ValueError, match="model missing"):
        checker_named("judge:url=http://127.0.0.1:9/v1")


@pytest.mark.parametrize(
    ("gold", "pred", "verdict"),
    [
        ({"gold": "B", "kind": "choice"}, "(B)", "correct"),
        ({"gold": "B", "kind": "choice"}, "C", "incorrect"),
        ({"answer": ["1/2", "0.3"], "level": 3}, "0.30", "correct"),
        ('{"gold": "B", "kind": "choice"}', "b", "correct"),
        ("He has 3 boxes of 17 balls, which makes 51. Done.\n#### 51", "51", "correct"),
        (51, "51", "correct"),
        (0.5, "1/2", "correct"),
        (None, "5", "ungradable"),
    ],
)
def test_golden_answers_are_read_as_everywhere(gold, pred, verdict, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    case = {"gold": gold, "pred": pred, "verdict": "malformed"}
    (tmp_path / "cases.jsonl").write_text(json.dumps(case) + "\n")
    result = run("ours", "stored", "cases.jsonl", "--json", "-o", "out.jsonl")
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["counts"] == [{"a": verdict, "b": "malformed", "n": 1}]
    written = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    assert [record.get("kind") for record in written] == [None if "B" not in str(gold) else "choice"] * len(written)


@pytest.mark.parametrize("gold", [[], {"level": 3}, [5, 6]])
def test_what_is_no_golden_answer_is_named(gold, tmp_path):
    (tmp_path / "cases.jsonl").write_text(json.dumps({"gold": gold, "pred": "5"}) + "\n")
    result = run("ours", "stored", str(tmp_path / "cases.jsonl"))
    assert result.exit_code == 2
    assert "field 'gold': found" in result.output
    assert "cases.jsonl:1" in result.output
