import json

import pytest

from s2r_rewards.datasets.problems import ProblemError
from s2r_rewards.evaluation.benchmarks import (
    BENCHMARKS,
    CROSS_DOMAIN,
    IN_DOMAIN,
    benchmark_of,
    load_benchmark,
    read_item,
)
from s2r_rewards.rollouts.records import RecordError


def test_the_registry_is_the_papers(schemas):
    assert len(IN_DOMAIN) == 7
    assert len(CROSS_DOMAIN) == 4
    assert set(BENCHMARKS) == set(schemas)


@pytest.mark.parametrize("name", BENCHMARKS)
def test_every_published_schema_reads(name, schemas, tmp_path):
    for case in schemas[name]:
        problem = read_item(BENCHMARKS[name], case["record"])
        assert (problem.answer, problem.level) == (case["answer"], case.get("level"))
        assert problem.id == case.get("id", problem.id)
        assert problem.id.startswith(f"{name}-")
        assert len(problem.problem) > 10
    path = tmp_path / f"{name}.jsonl"
    path.write_text("".join(json.dumps(case["record"]) + "\n" for case in schemas[name]))
    problems = load_benchmark(BENCHMARKS[name], str(path))
    assert [p.answer for p in problems] == [case["answer"] for case in schemas[name]]
    assert {p.source for p in problems} == {name}


@pytest.mark.parametrize(
    ("name", "change", "field"),
    [
        ("math500", {"answer": ""}, "answer"),
        ("gsm8k", {"answer": "5"}, "answer"),
        ("olympiadbench", {"final_answer": []}, "final_answer"),
        ("folio", {"label": "maybe"}, "label"),
        ("strategyqa", {"answer": None}, "answer"),
        ("mmlu-pro-stem", {"options": "ABC"}, "options"),
        ("cruxeval", {"code": 3 * [1]}, "code"),
    ],
)
def test_unusable_records_name_the_field(schemas, name, change, field):
    with pytest.raises(ProblemError) as caught:
        read_item(BENCHMARKS[name], {**schemas[name][0]["record"], **change})
    assert caught.value.field == field


def test_only_stem_of_mmlu_pro(schemas, tmp_path):
    record = schemas["mmlu-pro-stem"][0]["record"]
    rows = [record, {**record, "question_id": 71, "category": "law"}]
    path = tmp_path / "m.jsonl"
    path.write_text("".join(json.dumps(r) + "\n" for r in rows))
    assert [p.id for p in load_benchmark(BENCHMARKS["mmlu-pro-stem"], str(path))] == ["mmlu-pro-stem-70"]
    assert read_item(BENCHMARKS["mmlu-pro-stem"], record).problem.splitlines()[:3] == [
        "What is 1 + 2?",
        "(A) 1",
        "(B) 2",
    ]


def test_a_repeated_question_names_its_line(schemas, tmp_path):
    path = tmp_path / "g.jsonl"
    path.write_text(2 * (json.dumps(schemas["gsm8k"][0]["record"]) + "\n"))
    with pytest.raises(RecordError, match=r"g.jsonl:2: field 'question': .* stands here twice"):
        load_benchmark(BENCHMARKS["gsm8k"], str(path))


def test_a_set_of_ones_own(tmp_path):
    path = tmp_path / "own.jsonl"
    path.write_text('{"id": "a", "problem": "1 + 1?", "answer": 2, "level": 1}\n')
    (problem,) = load_benchmark(benchmark_of("own"), str(path))
    assert (problem.id, problem.answer, problem.level) == ("own-a", "2", "1")
    with pytest.raises(ValueError, match="give its file as own=PATH"):
        load_benchmark(benchmark_of("own"))
