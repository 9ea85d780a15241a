"""The steps one after the other, against a real HTTP server; and every example of ``--help``."""

import json
import os
import random
import shlex
import signal
import subprocess
import sys
import time
from dataclasses import replace

import pyarrow.parquet
import pytest

from s2r_rewards.answers.labels import gold_of
from s2r_rewards.baselines import accuracy_baseline
from s2r_rewards.cli.data import STEPS
from s2r_rewards.datasets.initialization import parses_back
from s2r_rewards.methods import get_method
from s2r_rewards.parsing import parse
from s2r_rewards.rollouts import read_rollouts


@pytest.fixture
def samples(s2r, server, sums, tmp_path):
    out = tmp_path / "samples.jsonl"
    s2r("data", "sample", sums, "-o", out, "-k", 5, "--url", server[0], "--model", "m")
    return out


@pytest.fixture
def verified(s2r, server, samples, tmp_path):
    out = tmp_path / "verified.jsonl"
    s2r("data", "verify", samples, "-o", out, "--style", "both", "--url", server[0], "--model", "m")
    return out


def test_verify_writes_every_verification_with_its_verdict(s2r, server, samples, verified, read):
    rows = read(verified)
    assert len(rows) == 12 * 5 * 2
    assert {r["style"] for r in rows} == {"problem-solving", "confirmative"}
    assert all(r["kept"] == (r["verdict"] == ("correct" if r["correct"] else "incorrect")) for r in rows)
    by_reason = {reason: sum(r["reason"] == reason for r in rows) for reason in ("disagrees", "cannot_verify")}
    # The server turns 10 % of its verdicts round and cannot tell in another 10 %.
    assert all(0 < n < 30 for n in by_reason.values()), by_reason
    shown = s2r("data", "verify", samples, "-o", verified, "--style", "both", "--url", server[0], "--model", "m")
    style = [r for r in rows if r["style"] == "confirmative"]
    assert f"{100 * sum(r['kept'] for r in style) / len(style):.2f}" in shown


def test_init_builds_and_writes_all_formats(s2r, verified, read, tmp_path):
    out, verl, openrlhf, trl = (tmp_path / n for n in ("sft.jsonl", "v.parquet", "o.jsonl", "t.jsonl"))
    text = s2r(
        *("data", "init", verified, "-o", out, "--preview", 1),
        *("--verl", verl, "--openrlhf", openrlhf, "--system", ""),
    )
    rows = read(out)
    wrong = {r["problem_id"]: r["wrong"] for r in read(verified)}
    assert {r["wanted"] for r in rows if wrong[r["problem_id"]] == 0} <= {1}
    assert len(rows) >= 10
    for row in rows:
        assert "".join(s["text"] for s in row["segments"]) == row["response"]
        parsed = parse(row["response"], finished=True)
        assert not parsed.codes
        assert len(parsed.attempts) == row["attempts"] <= row["wanted"]
        answers = [a.answer for a in parsed.attempts]
        assert answers[-1] == row["gold"]
        assert row["gold"] not in answers[:-1]
    assert "masked  solve" in text or all(r["attempts"] == 1 for r in rows[:1])
    assert "trained verify" in text

    table = pyarrow.parquet.read_table(verl).to_pylist()
    assert [r["messages"][-1]["content"] for r in table] == [r["response"] for r in rows]
    for row, ours in zip(table, rows, strict=True):
        content = row["messages"][-1]["content"]
        cut = [(s["kind"], content[s["start"] : s["end"]], s["trained"]) for s in row["segments"]]
        assert cut == [(s["kind"], s["text"], s["trained"]) for s in ours["segments"] if s["text"]]
    for row, ours in zip(read(openrlhf), rows, strict=True):
        turns = row["messages"][1:]
        assert "".join(t["content"] for t in turns) == ours["response"] + "<|im_end|>"
        trained = "".join(t["content"] for t in turns if t["role"] == "assistant")
        assert trained == "".join(s["text"] for s in ours["segments"] if s["trained"]) + "<|im_end|>"
    # TRL masks whole messages: the wrong attempts inside would be trained.
    whole = out.read_bytes()
    assert "add --tokenizer MODEL" in s2r("data", "init", verified, "-o", out, "--trl", trl, "--seed", 1, status=2)
    assert not trl.exists()
    assert out.read_bytes() == whole


def test_init_is_the_same_every_time_and_released_keeps_fewer(s2r, verified, read, tmp_path):
    def run(*more):
        s2r("data", "init", verified, "-o", tmp_path / "o.jsonl", *more)
        return read(tmp_path / "o.jsonl")

    assert run() == run()
    assert len(run("--preset", "released")) < len(run())


def test_init_uses_one_style_and_says_if_it_is_missing(s2r, verified, read, tmp_path):
    out = tmp_path / "o.jsonl"
    s2r("data", "init", verified, "-o", out, "--style", "problem-solving")
    rows = [r for r in read(verified) if r["style"] == "problem-solving"]
    texts = {r["verification"] for r in rows}
    for row in read(out):
        spoken = [s["text"] for s in row["segments"] if s["kind"] == "verify"]
        assert all(any(text.strip() in part for text in texts) for part in spoken)
    verified.write_text("".join(json.dumps(r) + "\n" for r in rows))
    text = s2r("data", "init", verified, "-o", out, status=2)
    assert "no verification of style confirmative; choose --style problem-solving" in text


def test_init_names_what_a_row_lacks(s2r, verified, tmp_path):
    lines = verified.read_text().splitlines()
    row = json.loads(lines[1])
    row["kept"] = "yes"
    verified.write_text("\n".join([lines[0], json.dumps(row), *lines[2:]]) + "\n")
    text = s2r("data", "init", verified, "-o", tmp_path / "o.jsonl", status=2)
    assert f"{verified}:2: field 'kept': found str; expected bool" in text
    assert "skipped 1 bad" in s2r("data", "init", verified, "-o", tmp_path / "o.jsonl", "--on-error", "skip")


def test_comparison_sets(s2r, samples, sums, read, tmp_path):
    out = tmp_path / "o.jsonl"
    s2r("data", "init", samples, "--set", "long-cot", "-o", out)
    rows = read(out)
    assert all(r["attempts"] == 1 and f"\\boxed{{{r['gold']}}}" in r["response"] for r in rows)
    assert len({r["problem_id"] for r in rows}) == len(rows) > 8
    problems = [{**p, "solution": f"It is \\boxed{{{p['answer']}}}."} for p in read(sums)]
    problems[0]["solution"] = None
    sums.write_text("".join(json.dumps(p) + "\n" for p in problems))
    assert "no_solution" in s2r("data", "init", sums, "--set", "original-solution", "-o", out)
    assert [r["response"] for r in read(out)] == [p["solution"] for p in problems[1:]]


def stored(tmp_path, n=40, k=8):
    """Rollouts with retries: right with probability p of their problem."""
    rng = random.Random(0)
    rows = []
    for i in range(n):
        for _ in range(k):
            text = ""
            for j in range(4):
                right = rng.random() < i / n
                verdict = "correct" if right ^ (rng.random() < 0.15) else "incorrect"
                retry = "Let me try again.\n\n" if j else ""
                text += f"{retry}So \\boxed{{{i if right else i + 1 + j}}}.\n\n"
                text += f"Wait, let me recheck my solution.\n\nTherefore, the answer is {verdict}.\n\n"
                if verdict == "correct" and rng.random() < 0.8:
                    break
            row = {"problem_id": f"p{i}", "prompt": f"Name {i}.", "response": text.strip(), "gold": str(i)}
            rows.append({**row, "finished": True, "level": i % 5})
    path = tmp_path / "rollouts.jsonl"
    path.write_text("".join(json.dumps(r) + "\n" for r in rows))
    return path


@pytest.mark.parametrize("name", ["s2r-offline-prl", "released-offline-prl", "s2r-offline-orl"])
@pytest.mark.parametrize("by", ["position", "context", "outcome"])
def test_offline_equals_the_library_on_the_whole_batch(s2r, read, tmp_path, name, by):
    rollouts, out = stored(tmp_path), tmp_path / "offline.jsonl"
    method = get_method(name)
    text = s2r("data", "offline", rollouts, "-o", out, "--method", name, "--by", by)
    rows = list(read_rollouts(out))
    right = {}
    for row in read(rollouts):
        last = parse(row["response"], method.grammar, finished=True).attempts[-1].answer == row["gold"]
        right.setdefault(row["problem_id"], []).append(last)
    accuracy = {name: sum(x) / len(x) for name, x in right.items()}
    assert {r.problem_id for r in rows} <= {n for n, a in accuracy.items() if 0.1 <= a <= 0.7}
    assert all(r.accuracy == accuracy[r.problem_id] for r in rows)
    # `released` takes groups of ten and more, whatever its groups are (they were one and more at one of two doors).
    least = 10 if name.startswith("released") else 1
    baseline = accuracy_baseline(by).with_settings(min_count=least)
    scored, accuracies = [r.s2r for r in rows], [r.accuracy for r in rows]
    expected = replace(method, baseline=baseline).credit(scored, accuracy=accuracies)
    for row, baselines, advantages in zip(rows, *expected, strict=True):
        assert [a.baseline for a in row.s2r.scored] == pytest.approx(baselines)
        assert [a.advantage for a in row.s2r.scored] == pytest.approx(advantages)
    means = accuracy_baseline("outcome")([s.outcome for s in scored], accuracies, min_count=least)
    assert [s.outcome_baseline for s in scored] == pytest.approx(means)
    counted = [n for n in ("outside_accuracy_band", "goes_on_after_confirmation", "balanced_away") if n in text]
    dropped = "balanced_away" if name.startswith("released") else "goes_on_after_confirmation"
    assert counted == ["outside_accuracy_band", dropped]
    for row in rows:
        assert parse(row.response, method.grammar, finished=True).actions[-1].end == len(row.response)


def test_released_means_ten_through_every_door(s2r, tmp_path):
    """Three trajectories: groups of three have baseline 0, in the file as in the library."""
    rows = [
        {"problem_id": "p", "prompt": "2+2?", "gold": "4", "finished": True, "response": text}
        for text in (f"\\boxed{{{n}}} Wait, let me recheck my solution. {said}" for n, said in SAID)
    ]
    path, out = tmp_path / "r.jsonl", tmp_path / "o.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    for arguments in ((), ("--by", "position"), ("--by", "context"), ("--bins", "4")):
        s2r(
            *("data", "offline", path, "-o", out, "--restart", "--band", 0, 1, "--no-balance"),
            *("--method", "released-offline-prl", *arguments),
        )
        assert {a.baseline for r in read_rollouts(out) for a in r.s2r.scored} == {0.0}


SAID = [
    (4, "Therefore, the answer is correct."),
    (4, "Therefore, the answer is incorrect."),
    (5, "Therefore, the answer is incorrect."),
]


def test_offline_takes_a_method_of_ones_own(s2r, tmp_path, monkeypatch):
    """Its rewards in front of the filter's cut, and a baseline that is no Baseline: it gets all kept ones at once."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "own_offline.py").write_text(
        "from dataclasses import replace\n"
        "from s2r_rewards.methods import get_method\n"
        "def rewards(judged):\n    return tuple(0.5 * t for t, _ in enumerate(judged.trajectory.scored))\n"
        "def all_at_once(rewards, groups=None):\n"
        "    largest = max(max(row) for row in rewards)\n"
        "    return tuple(tuple(largest for _ in row) for row in rewards)\n"
        "METHOD = replace(get_method('s2r-offline-prl'), name='own', rewards=rewards, baseline=all_at_once)\n"
    )
    stored(tmp_path)
    s2r("data", "offline", "rollouts.jsonl", "-o", "o.jsonl", "--method", "own_offline:METHOD")
    rows = [r.s2r for r in read_rollouts("o.jsonl")]
    assert {s.method for s in rows} == {"own"}
    assert all(s.rewards == tuple(0.5 * t for t in range(len(s.scored))) for s in rows)
    largest = max(max(s.rewards) for s in rows)
    assert all(a.baseline == largest and a.advantage == a.reward - largest for s in rows for a in s.scored)
    text = s2r("data", "offline", "rollouts.jsonl", "-o", "o.jsonl", "--baseline", "own_offline:none", status=2)
    assert "baseline 'own_offline:none': 'own_offline' has no 'none'" in text


def test_offline_replay_formats(s2r, read, tmp_path):
    rollouts, out = stored(tmp_path), tmp_path / "offline.jsonl"
    verl, openrlhf = tmp_path / "v.parquet", tmp_path / "o.jsonl"
    s2r("data", "offline", rollouts, "-o", out, "--verl", verl, "--openrlhf", openrlhf)
    rows = read(out)
    table = pyarrow.parquet.read_table(verl).to_pylist()
    assert len(table) == len(rows) == len(read(openrlhf)) > 20
    for ours, v, o in zip(rows, table, read(openrlhf), strict=True):
        assert json.loads(o["label"]) == json.loads(v["extra_info"]["replay"]) == ours
        assert v["reward_model"]["ground_truth"] == ours["gold"]


def test_offline_reuses_scores_and_skips_bad_lines(s2r, read, tmp_path):
    rollouts, out = stored(tmp_path), tmp_path / "offline.jsonl"
    s2r("data", "offline", rollouts, "-o", out)
    whole = out.read_bytes()
    s2r("data", "offline", out, "-o", tmp_path / "again.jsonl", "--band", 0, 1)
    assert [r["response"] for r in read(tmp_path / "again.jsonl")] == [r["response"] for r in read(out)]
    lines = rollouts.read_text().splitlines()
    rollouts.write_text("\n".join([lines[0], '{"prompt": "x"}', "{", *lines[1:]]) + "\n")
    text = s2r("data", "offline", rollouts, "-o", out, "--restart", status=2)
    assert f"{rollouts}:2: field 'response': found nothing; expected text" in text
    text = s2r("data", "offline", rollouts, "-o", out, "--restart", "--on-error", "skip")
    assert "skipped 2 bad records" in text
    assert out.read_bytes() == whole


@pytest.mark.parametrize("seed", range(3))
def test_offline_killed_at_a_random_moment(s2r, tmp_path, seed):
    rollouts = stored(tmp_path, n=300)
    whole, out = tmp_path / "whole.jsonl", tmp_path / "offline.jsonl"
    s2r("data", "offline", rollouts, "-o", whole)
    command = [sys.executable, "-c", "from s2r_rewards.cli import main; main()", "data", "offline"]
    command += [str(rollouts), "-o", str(out)]
    process = subprocess.Popen(command, env=os.environ, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    while not (tmp_path / "offline.jsonl.work").exists() and process.poll() is None:
        time.sleep(0.001)
    time.sleep(random.Random(seed).uniform(0, 0.4))
    process.send_signal(signal.SIGKILL)
    process.wait()
    subprocess.run(command, env=os.environ, check=True, capture_output=True)
    assert out.read_bytes() == whole.read_bytes()


def test_rl_keeps_the_band(s2r, samples, sums, read, tmp_path):
    out, verl, openrlhf = (tmp_path / n for n in ("rl.jsonl", "v.parquet", "o.jsonl"))
    text = s2r(
        *("data", "rl", sums, "--rollouts", samples, "-o", out, "--band", 0.3, 0.7),
        *("--verl", verl, "--openrlhf", openrlhf),
    )
    right = {}
    for row in read(samples):
        right.setdefault(row["problem_id"], []).append(f"\\boxed{{{row['gold']}}}" in row["response"])
    expected = [n for n, x in right.items() if 0.3 <= sum(x) / len(x) <= 0.7]
    kept = [r["id"] for r in read(out)]
    assert sorted(kept) == sorted(expected)
    assert 0 < len(expected) < 12
    assert "too easy" in text
    table = pyarrow.parquet.read_table(verl).to_pylist()
    assert [r["extra_info"]["problem_id"] for r in table] == kept
    assert [r["reward_model"]["ground_truth"] for r in table] == [gold_of(r["label"]) for r in read(openrlhf)]


@pytest.fixture
def two_sources(tmp_path):
    """MATH and GSM8K in small, one file each."""
    for name, count in (("math", 30), ("gsm8k", 20)):
        rows = [{"id": f"{name}-{i}", "problem": f"{name} {i}?", "answer": str(i), "level": "3"} for i in range(count)]
        (tmp_path / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return tmp_path / "math.jsonl", tmp_path / "gsm8k.jsonl"


def test_rl_prompts_of_several_sources_are_mixed(s2r, two_sources, read, tmp_path):
    """A trainer that reads the first so many rows (OpenRLHF's --data.max_samples) gets some of each."""
    out, openrlhf = tmp_path / "rl.jsonl", tmp_path / "o.jsonl"
    s2r("data", "rl", *two_sources, "-o", out, "--openrlhf", openrlhf)
    ids = [row["id"] for row in read(out)]
    assert len(ids) == len(set(ids)) == 50
    first = [i.split("-")[0] for i in ids[:25]]
    assert 9 <= first.count("math") <= 21  # 15 of 25 expected; three standard deviations of a fair draw are 5
    assert [row["problem_id"] for row in read(openrlhf)] == ids
    assert {json.loads(row["label"])["level"] for row in read(openrlhf)} == {"3"}
    again, other, ordered = (tmp_path / f"{n}.jsonl" for n in ("again", "other", "ordered"))
    s2r("data", "rl", *two_sources, "-o", again)
    s2r("data", "rl", *two_sources, "-o", other, "--seed", 1)
    s2r("data", "rl", *two_sources, "-o", ordered, "--in-order")
    assert again.read_bytes() == out.read_bytes() != other.read_bytes()
    assert [row["id"] for row in read(ordered)] == [f"math-{i}" for i in range(30)] + [f"gsm8k-{i}" for i in range(20)]


def test_rl_refuses_two_files_with_the_same_problem(s2r, two_sources, tmp_path):
    copy = tmp_path / "copy.jsonl"
    copy.write_text(two_sources[0].read_text())
    text = s2r("data", "rl", *two_sources, copy, "-o", tmp_path / "rl.jsonl", status=2)
    assert "'math-0' is in" in text
    assert "s2r data problems A B" in text


@pytest.mark.parametrize("step", STEPS)
def test_the_example_of_the_help_text_runs(s2r, server, sums, samples, verified, tmp_path, monkeypatch, step):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "train.jsonl").write_text('{"question": "1 + 1?", "answer": "It is #### 2"}\n')
    (tmp_path / "test.jsonl").write_text('{"question": "2 + 1?", "answer": "It is #### 3"}\n')
    for source, name in (
        (samples, "sft-samples.jsonl"),
        (stored(tmp_path, n=20), "rollouts.jsonl"),
        (sums, "rl.jsonl"),
    ):
        (tmp_path / name).write_bytes(source.read_bytes())
    for name in ("samples.jsonl", "verified.jsonl", "problems.jsonl"):
        receipt = tmp_path / f"{name}.receipt.json"
        if step in ("sample", "verify") and name == {"sample": "samples", "verify": "verified"}[step] + ".jsonl":
            receipt.unlink()
            (tmp_path / name).unlink()
    if step == "problems":
        (tmp_path / "problems.jsonl").unlink()
    (tmp_path / "MATH").mkdir()
    (tmp_path / "MATH" / "1.json").write_text('{"problem": "3 + 1?", "solution": "\\\\boxed{4}", "level": "Level 1"}')
    # The first of several; the others may read from the hub.
    example, *others = s2r("data", step, "--help").split("Example:")[1].split("\n\n")[0].strip().splitlines()
    assert all(line.split()[:3] == ["s2r", "data", step] for line in others)
    words = shlex.split(example.replace("http://localhost:8000/v1", server[0]))
    assert words[:3] == ["s2r", "data", step]
    s2r(*words[1:])
    assert (tmp_path / words[words.index("-o") + 1]).exists()


def test_segments_of_the_init_file_parse_back(read, s2r, verified, tmp_path):
    from s2r_rewards.datasets.initialization import Segment

    s2r("data", "init", verified, "-o", tmp_path / "o.jsonl")
    for row in read(tmp_path / "o.jsonl"):
        assert parses_back([Segment(**s) for s in row["segments"]])


@pytest.mark.parametrize("step", ["problems", "verify", "init", "rl"])
def test_any_step_killed_at_a_random_moment(s2r, server, sums, samples, verified, tmp_path, step):
    whole, out = tmp_path / "whole.jsonl", tmp_path / "out.jsonl"
    arguments = {
        "problems": [sums],
        "verify": [samples, "--url", server[0], "--model", "m", "--concurrency", 2],
        "init": [verified],
        "rl": [sums, "--rollouts", samples],
    }[step]
    s2r("data", step, *arguments, "-o", whole)
    command = [sys.executable, "-c", "from s2r_rewards.cli import main; main()", "data", step]
    command += [*map(str, arguments), "-o", str(out)]
    for seed in range(2):
        process = subprocess.Popen(command, env=os.environ, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        time.sleep(random.Random(f"{step}{seed}").uniform(0.2, 1.2))
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert not out.exists() or out.read_bytes() == whole.read_bytes()
    subprocess.run(command, env=os.environ, check=True, capture_output=True)
    assert out.read_bytes() == whole.read_bytes()


def test_json_of_every_step(s2r, server, sums, verified, tmp_path):
    """The last object on standard output is the result; messages go to standard error."""
    from click.testing import CliRunner

    from s2r_rewards.cli import main

    def run(*arguments):
        result = CliRunner().invoke(main, [str(a) for a in (*arguments, "--json")])
        assert result.exit_code == 0, result.output
        return json.loads(result.stdout)

    asking = ("--url", server[0], "--model", "m")
    out = tmp_path / "out"
    assert run("data", "problems", sums, "-o", f"{out}1.jsonl")["problems"]["written"] == 12
    samples = run("data", "sample", sums, "-o", f"{out}2.jsonl", "-k", 2, *asking)
    assert (samples["replies"], samples["empty"], samples["missing"]) == (24, 0, 0)
    verifying = run("data", "verify", f"{out}2.jsonl", "-o", f"{out}8.jsonl", "--style", "free", "--classify", *asking)
    counts = verifying["styles"]["free"]
    assert counts["verifications"] == verifying["replies"] == 24
    assert counts["kept"] == 24 - sum(counts["not_kept"].values())
    assert verifying["confirmative"]["rule"]["free"]["of"] == 24
    built = run("data", "init", verified, "-o", f"{out}3.jsonl")
    assert built["trajectories"] == sum(built["attempts"].values()) >= 10
    assert run("data", "rl", sums, "-o", f"{out}4.jsonl")["problems"] == {"problems": 12, "kept": 12}
    counts = run("data", "offline", stored(tmp_path, n=20), "-o", f"{out}5.jsonl")["rollouts"]
    assert counts["rollouts"] == 160
    assert counts["kept"] > 0
    assert run("score", f"{out}2.jsonl", "-o", f"{out}6.jsonl")["rollouts"] == 24
    (result,) = run("eval", "-o", f"{out}7", "--data", f"sums={sums}", *asking)
    assert (result["benchmark"], result["problems"]) == ("sums", 12)
