"""Choices, truth values and literals keep their kind from a data set to the reward, in every trainer's form."""

import json
import pickle
from pathlib import Path

import pytest
from click.testing import CliRunner

from s2r_rewards import judge, parse
from s2r_rewards.adapter import Options, Sample, score_responses
from s2r_rewards.alarms.signs import answer_spraying
from s2r_rewards.answers import CheckPolicy, CheckResult, TypedGold, batch_checker, check, check_many, check_response
from s2r_rewards.answers.gold import gold_of_text, gold_text
from s2r_rewards.answers.labels import LabelError, gold_of, level_of, ungradable
from s2r_rewards.cli import main
from s2r_rewards.datasets.formats import openrlhf_prompt, openrlhf_replay, trl_prompt, verl_prompt
from s2r_rewards.datasets.problems import Problem
from s2r_rewards.datasets.verification import checked_attempts, verification_requests, verified_row
from s2r_rewards.evaluation.auditing import pairs_of
from s2r_rewards.evaluation.benchmarks import BENCHMARKS, benchmark_of, load_benchmark, read_item
from s2r_rewards.evaluation.scoring import score_generations
from s2r_rewards.llm.answers import question
from s2r_rewards.rollouts import Rollout, read_rollouts, write_rollouts
from s2r_rewards.rollouts.scoring import score_rollouts

CASES = json.loads(Path(__file__).with_name("cross_domain.json").read_text(encoding="utf-8"))
PROBLEMS = [read_item(BENCHMARKS[case["source"]], case["record"]) for case in CASES]
#: How each trainer's row shows its reward function the golden answer.
LABELS = {
    "verl": lambda problem: verl_prompt(problem, 0)["reward_model"]["ground_truth"],
    "openrlhf": lambda problem: openrlhf_prompt(problem)["label"],
    "trl": lambda problem: trl_prompt(problem)["gold"],
}


def response(answer, verdict="correct"):
    return f"So \\boxed{{{answer}}}.\n\nWait, let me recheck my solution.\n\nTherefore, the answer is {verdict}."


@pytest.fixture
def s2r():
    def run(*arguments, status=0):
        result = CliRunner().invoke(main, [str(a) for a in arguments])
        assert result.exit_code == status, result.output
        return result.output

    return run


def lines(path, rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


@pytest.mark.parametrize(("case", "problem"), list(zip(CASES, PROBLEMS, strict=True)))
def test_a_problem_keeps_its_kind(case, problem):
    assert (problem.answer, problem.kind) == (case["gold"], case["kind"])
    assert problem.gold == TypedGold((case["gold"],), case["kind"])
    assert problem.id.startswith(case["source"])
    again = Problem.from_record(json.loads(json.dumps(problem.to_record())))
    assert again == problem
    assert Problem.of(problem.id, problem.problem, problem.gold, problem.level, problem.source) == problem


@pytest.mark.parametrize("trainer", LABELS)
def test_rewards_follow_the_kind_in_every_trainers_rows(trainer):
    """One batch of all kinds, and mathematics among them, in one call of the checker."""
    samples, wanted = [Sample(response("\\frac{1}{2}"), "0.5")], [(1.0, 1.0)]
    for case, problem in zip(CASES, PROBLEMS, strict=True):
        label = LABELS[trainer](problem)
        assert isinstance(label, str)
        for right in (True, False):
            for answer in case["right" if right else "wrong"]:
                samples.append(Sample(response(answer), label))
                wanted.append((1.0, 1.0) if right else (-1.0, -1.0))
                samples.append(Sample(response(answer, "incorrect"), label))
                wanted.append((1.0, -1.0) if right else (-1.0, 1.0))
    scored = score_responses(samples, Options("s2r-prl"))
    told = [(one.failure, sample.response) for one, sample in zip(scored, samples, strict=True) if one.failure]
    assert not told
    assert [one.rewards for one in scored] == wanted
    outcomes = score_responses(samples, Options("s2r-orl"))
    assert [one.outcome for one in outcomes] == [rewards[0] for rewards in wanted]


@pytest.mark.parametrize("trainer", LABELS)
def test_no_label_is_refused_before_the_start(trainer):
    assert ungradable([LABELS[trainer](problem) for problem in PROBLEMS]) == []


def test_trls_reward_function_checks_every_row_by_its_kind():
    from s2r_trl import S2RReward, require_gradable

    rows = [trl_prompt(problem) for problem in PROBLEMS]
    require_gradable(rows)
    for right in (True, False):
        texts = [response(case["right" if right else "wrong"][-1]) for case in CASES]
        rewards = S2RReward()(completions=texts, gold=[row["gold"] for row in rows])
        assert rewards == [1.0 if right else -1.0] * len(rows)
    literal = '["it\'s", "b"]'
    options = Options(policy="kind=literal")
    require_gradable([{"gold": literal}], options=options)
    assert S2RReward(options=options)(completions=[response("b"), response(literal)], gold=[literal] * 2) == [-1.0, 1.0]


def test_levels_travel_beside_kinds():
    problem = PROBLEMS[-1]
    assert problem.level == "math"  # MMLU-Pro's category
    label = openrlhf_prompt(problem)["label"]
    assert (gold_of(label), level_of(label)) == (problem.gold, "math")


@pytest.mark.parametrize(
    ("label", "gold"),
    [
        ({"gold": "B", "kind": "choice"}, TypedGold(("B",), "choice")),
        ('{"gold": "B", "kind": "choice", "level": "3"}', TypedGold(("B",), "choice")),
        ({"gold": ["Yes", "True"], "kind": "word"}, TypedGold(("Yes", "True"), "word")),
        ({"gold": True, "kind": "literal"}, TypedGold(("True",), "literal")),
        ({"gold": 3, "kind": "literal"}, TypedGold(("3",), "literal")),
        ({"answer": "The answer is B. It is.", "kind": "word"}, TypedGold(("The answer is B. It is.",), "word")),
        ({"gold": "4", "kind": "math"}, "4"),
        ({"gold": "4", "kind": None}, "4"),
        (TypedGold(("B",), "choice"), TypedGold(("B",), "choice")),
    ],
)
def test_labels_with_a_kind(label, gold):
    assert gold_of(label) == gold
    assert gold_of(gold_text(gold)) == gold_of_text(gold_text(gold)) == gold


@pytest.mark.parametrize(
    "label", [{"gold": "B", "kind": "choise"}, {"gold": "", "kind": "word"}, {"gold": [], "kind": "word"}]
)
def test_labels_whose_kind_cannot_be_are_refused(label):
    with pytest.raises(LabelError, match=r"kind|as a word"):
        gold_of(label)


def test_a_runs_policy_says_what_labels_without_a_kind_are():
    literal = '["it\'s", "b"]'  # else: a list of two accepted answers
    options = Options("s2r-prl", policy="kind=literal")
    answers = ("[\"it's\", 'b']", "b", '"b"')
    scored = score_responses([Sample(response(answer), literal) for answer in answers], options)
    assert [one.rewards[0] for one in scored] == [1.0, -1.0, -1.0]
    assert ungradable([literal, "'x y. z'"], kind="literal") == []
    mixed = score_responses([Sample(response("b"), {"gold": "B", "kind": "choice"})], options)
    assert mixed[0].rewards == (1.0, 1.0)  # a label's own kind goes first


def test_equal_texts_of_two_kinds_are_two_questions():
    pairs = [
        ("E", "2.718281828459045"),
        (TypedGold(("E",), "choice"), "e"),
        ("true", "yes"),
        (TypedGold(("True",), "word"), "yes"),
    ]
    for _ in range(2):  # computed, and out of the cache
        assert [bool(one) for one in check_many(pairs)] == [bool(check(*pair)) for pair in pairs]
    assert check(TypedGold(("K",), "choice"), "k").tier == "choice"
    assert not check("K", "k")
    assert check(TypedGold(("K",), "choice"), "k", CheckPolicy(kind="literal"))  # the gold's kind, not the policy's
    assert check_response(TypedGold(("A", "C"), "choice"), "So \\boxed{c}")
    assert pickle.loads(pickle.dumps(pairs[1])) == pairs[1]


def test_a_checker_of_ones_own_sees_texts():
    seen = []

    def own(gold, answer):
        seen.append((gold, answer))
        return gold == "B"

    results = batch_checker(own)([(TypedGold(("A", "B"), "choice"), "x"), ("C", "y")])
    assert [bool(one) for one in results] == [True, False]
    assert sorted(seen) == [("A", "x"), ("B", "x"), ("C", "y")]
    assert isinstance(results[0], CheckResult)


@pytest.mark.parametrize(("answers", "kind"), [((), "choice"), (("B",), "choise"), ((3,), "literal")])
def test_typed_golds_that_cannot_be(answers, kind):
    with pytest.raises(ValueError, match="expected one"):
        TypedGold(answers, kind)


@pytest.mark.parametrize("suffix", [".jsonl", ".parquet"])
def test_rollouts_keep_the_kind_on_disk(tmp_path, suffix):
    if suffix == ".parquet":
        pytest.importorskip("pyarrow")
    golds = [p.gold for p in PROBLEMS] + ["4", ("4", "8/2"), TypedGold(("A", "B"), "choice")]
    rollouts = [Rollout(f"p{n}", "?", response("x"), gold) for n, gold in enumerate(golds)]
    scored = score_rollouts(rollouts)
    path = tmp_path / f"r{suffix}"
    if suffix == ".jsonl":
        write_rollouts(path, scored)
        found = list(read_rollouts(path))
        assert [one.gold for one in found] == golds
        assert found == scored
        record = json.loads(path.read_text().splitlines()[0])
        assert (record["gold"], record["kind"]) == ("True", "word")
    else:
        write_rollouts(path, scored[: len(PROBLEMS) + 1])  # a column has one type: text here
        assert [one.gold for one in read_rollouts(path)] == golds[: len(PROBLEMS) + 1]
    assert scored[0].s2r.rewards == (-1.0, -1.0)


@pytest.mark.parametrize("name", ["gold", "gts", "label"])
def test_labels_of_trainers_dumps_keep_the_kind(tmp_path, name):
    """verl's rollout dumps and OpenRLHF's rows hold the label itself."""
    labels = [LABELS["openrlhf"](problem) for problem in PROBLEMS] + [
        '{"gold": ["4", "8/2"]}',
        '{"gold": 1, "x": [',
        "4",
    ]
    path = lines(tmp_path / "d.jsonl", [{"input": "?", "output": response("x"), name: label} for label in labels])
    golds = [problem.gold for problem in PROBLEMS] + [("4", "8/2"), '{"gold": 1, "x": [', "4"]
    assert [rollout.gold for rollout in read_rollouts(path)] == golds


def test_a_field_kind_of_somebody_elses_stays_a_field():
    record = {"prompt": "?", "response": "x", "gold": "4", "kind": "algebra"}
    rollout = Rollout.from_record(record)
    assert (rollout.gold, rollout.extra) == ("4", {"kind": "algebra"})
    assert rollout.to_record()["kind"] == "algebra"


def test_replay_alarms_audits_and_judges_know_typed_golds():
    gold = TypedGold(("B",), "choice")
    [rollout] = score_rollouts([Rollout("p", "?", response("b"), gold)])
    assert rollout.s2r.rewards == (1.0, 1.0)
    stored = json.loads(openrlhf_replay(rollout)["label"])
    assert Rollout.from_record(stored).gold == gold
    assert [pair.gold for pair in pairs_of(rollout.to_record(), "r")] == [gold]
    assert "B" in question(gold, "b")
    assert "choice" not in question(gold, "b")
    judged = judge(parse(response("B or C")), gold)
    assert answer_spraying.count(judged, "?") == (1, 1)


def test_verification_rows_and_trajectories_keep_the_kind(s2r, tmp_path):
    """From samples of a choice problem to SFT and RL rows: wrong answers are told apart by the kind's own check."""
    gold = TypedGold(("B",), "choice")
    texts = ("So \\boxed{B}.", "So \\boxed{(b)}.", "So \\boxed{A}.", "So \\boxed{(a)}.", "So \\boxed{option A}.")
    rollouts = [Rollout("q", "Which?", text, gold, finished=True, extra={"source": "own"}) for text in texts]
    attempts = checked_attempts(rollouts)
    assert [a.correct for a in attempts] == [True, True, False, False, False]
    rows = []
    for request in verification_requests(attempts, ["confirmative"]):
        verdict = "correct" if request.context["correct"] else "incorrect"
        reply = {**request.context, "response": f"Look. Therefore, the answer is {verdict}.", "finished": True}
        rows.append(verified_row(reply))
    out = tmp_path / "init.jsonl"
    s2r("data", "init", lines(tmp_path / "v.jsonl", rows), "-o", out)
    row = json.loads(out.read_text())
    assert (row["gold"], row["kind"]) == ("B", "choice")
    assert row["attempts"] == 2  # of three samples that all say A, one
    [scored] = score_rollouts(list(read_rollouts(out)))
    assert scored.s2r.rewards == (-1.0, 1.0, 1.0, 1.0)


@pytest.mark.parametrize("source", ["folio", "cruxeval", "strategyqa", "mmlu-pro-stem"])
def test_data_problems_writes_them_and_data_rl_every_trainers_rows(s2r, tmp_path, source):
    cases = [case for case in CASES if case["source"] == source]
    records = [case["record"] for case in cases]
    if source == "mmlu-pro-stem":
        records.append({**records[0], "question_id": 9, "question": "Whose law?", "category": "law"})
    problems, rl, trl = tmp_path / "p.jsonl", tmp_path / "rl.jsonl", tmp_path / "trl.jsonl"
    s2r("data", "problems", lines(tmp_path / "in.jsonl", records), "--source", source, "-o", problems)
    written = [json.loads(line) for line in problems.read_text().splitlines()]
    assert [(row["answer"], row["kind"], row["source"]) for row in written] == [
        (case["gold"], case["kind"], source) for case in cases
    ]
    joined = tmp_path / "joined.jsonl"  # with problems of ones own, by a second pass
    own = {"id": "own", "problem": "Print it.", "answer": "'a #### b'", "kind": "literal"}
    s2r(
        "data",
        "problems",
        problems,
        lines(tmp_path / "own.jsonl", [own, {**own, "id": "m", "problem": "1 + 1?", "answer": "2", "kind": "algebra"}]),
        "-o",
        joined,
    )
    again = [json.loads(line) for line in joined.read_text().splitlines()]
    assert again[:-2] == written
    assert [(row["answer"], row.get("kind")) for row in again[-2:]] == [("'a #### b'", "literal"), ("2", None)]
    s2r("data", "rl", problems, "-o", tmp_path / "o.jsonl", "--openrlhf", rl, "--trl", trl)
    for path, label in ((rl, "label"), (trl, "gold")):  # in an order drawn at random
        found = {gold_of(json.loads(row)[label]) for row in path.read_text().splitlines()}
        assert found == {TypedGold((case["gold"],), case["kind"]) for case in cases}
    # And by the accuracy of samples: the band is that of the kind's own check.
    samples = [
        Rollout(row["id"], row["problem"], f"\\boxed{{{answer}}}", TypedGold((row["answer"],), row["kind"]))
        for row, case in zip(written, cases, strict=True)
        for answer in (case["right"][-1], case["wrong"][0])
    ]
    write_rollouts(tmp_path / "samples.jsonl", samples)
    told = s2r(
        "data",
        "rl",
        problems,
        "--rollouts",
        tmp_path / "samples.jsonl",
        "-o",
        tmp_path / "band.jsonl",
        "--band",
        0.5,
        0.5,
    )
    assert len((tmp_path / "band.jsonl").read_text().splitlines()) == len(cases), told


def test_an_evaluation_set_of_ones_own_says_the_kind_row_by_row(tmp_path):
    path = lines(tmp_path / "mine.jsonl", [problem.to_record() for problem in PROBLEMS])
    assert [item.gold for item in load_benchmark(benchmark_of("mine"), str(path))] == [p.gold for p in PROBLEMS]
    rollouts = [
        Rollout(problem.id, problem.problem, response(case[name][-1]), problem.gold, finished=True)
        for problem, case in zip(PROBLEMS, CASES, strict=True)
        for name in ("right", "wrong")
    ]
    assert score_generations("mine", rollouts).accuracy == 0.5


def test_a_set_that_is_published_for_evaluation_alone_is_refused_without_a_file(s2r, tmp_path):
    text = s2r("data", "problems", "--source", "cruxeval", "-o", tmp_path / "p.jsonl", status=2)
    assert "the hub has its evaluation questions only; name a file of this form" in text


def test_a_row_of_mathematics_in_a_run_of_another_kind():
    label = {"gold": "5", "kind": "math"}
    scored = score_responses([Sample("\\boxed{5.0}", label)], Options(policy=CheckPolicy(kind="choice")))
    assert scored[0].actions[0].check.verdict == "correct"


def test_a_field_of_the_files_own_named_kind_survives():
    record = {"prompt": "Q", "response": "\\boxed{B}", "gold": '{"gold": "B", "kind": "choice"}', "kind": "algebra"}
    rollout = Rollout.from_record(record)
    again = Rollout.from_record(rollout.to_record())
    assert again.gold == rollout.gold == TypedGold(("B",), "choice")
    assert again.extra["kind"] == "algebra"
