"""A page out of files that are read in parts is the page of the rollouts in memory, to the letter."""

import gzip
import json
from dataclasses import replace

import pytest
from click.testing import CliRunner

from s2r_rewards.adapter import Options
from s2r_rewards.cli import main
from s2r_rewards.report import Limits, render, render_run
from s2r_rewards.report import parts as parts_module
from s2r_rewards.report.parts import Rules, Workers, batches
from s2r_rewards.report.sources import Stored
from s2r_rewards.rollouts import Rollout, write_rollouts
from s2r_rewards.rollouts.records import RecordError, to_json
from s2r_rewards.rollouts.scoring import score_rollouts
from s2r_rewards.testing import SHELF

ALONE = Rules(Options(workers=1))


def shelf(copies, steps=(1, 2)):
    cases = [case for _ in range(copies) for case in SHELF]
    size = -(-len(cases) // len(steps))
    return [
        Rollout(f"p{i % 7}", f"2 + 3, {i}?", c.text, c.gold, level=i % 3, step=steps[i // size], finished=c.finished)
        for i, c in enumerate(cases)
    ]


def by_step(rollouts):
    found = []
    for step in dict.fromkeys(r.step for r in rollouts):
        found += score_rollouts([r for r in rollouts if r.step == step])
    return found


@pytest.fixture
def small_parts(monkeypatch):
    monkeypatch.setattr(parts_module, "PART_BYTES", 4_000)
    monkeypatch.setattr(parts_module, "PART_RECORDS", 7)


@pytest.mark.parametrize("name", ["run.jsonl", "run.jsonl.gz", "run.parquet"])
@pytest.mark.parametrize("scored", [True, False])
@pytest.mark.parametrize("method", ["s2r-prl", "s2r-orl"])
def test_stored_is_held(tmp_path, small_parts, name, scored, method):
    if name.endswith("parquet"):
        pytest.importorskip("pyarrow")
    rollouts = shelf(6, steps=(1, 2, 3))
    held = [one for step in (1, 2, 3) for one in score_rollouts([r for r in rollouts if r.step == step], method)]
    write_rollouts(tmp_path / name, held if scored else rollouts)
    for limits in (Limits(), Limits(rollouts=20)):
        run = Stored([tmp_path / name], Rules(Options(method=method, workers=1)))
        assert render_run(run, "t", limits) == render(held, "t", limits)


def test_two_processes_and_two_files_are_one_run(tmp_path, small_parts):
    rollouts = shelf(4, steps=(1, 2, 3, 4))
    cut = len(rollouts) // 2 + 3  # in the middle of a step
    for number, part in enumerate((rollouts[:cut], rollouts[cut:])):
        write_rollouts(tmp_path / f"{number}.jsonl", part)
    run = Stored(sorted(tmp_path.glob("*.jsonl")), Rules(Options(workers=2)))
    assert render_run(run, "t") == render(by_step(rollouts), "t")


def test_scored_rollouts_stay_and_the_others_are_scored(tmp_path):
    rollouts = shelf(1, steps=(None,))
    scored = score_rollouts(rollouts)
    strict = replace(scored[0], s2r=replace(scored[0].s2r, outcome=0.25))
    write_rollouts(tmp_path / "run.jsonl", [strict, *rollouts[1:]])
    shown = Stored([tmp_path / "run.jsonl"]).payloads([0, 1], 1000)
    assert shown[0]["o"] == 0.25
    assert "o" in shown[1]
    again = Stored([tmp_path / "run.jsonl"], Rules(again=True)).payloads([0], 1000)
    assert again[0]["o"] == scored[0].s2r.outcome


def test_bad_records_are_named_with_their_line(tmp_path, small_parts):
    lines = [to_json(r.to_record()) for r in shelf(3)]
    lines[20] = '{"prompt": 3}'
    lines[30] = "no JSON"
    lines.insert(5, "")
    (tmp_path / "run.jsonl.gz").write_bytes(gzip.compress("\n".join(lines).encode()))
    with pytest.raises(RecordError, match=r"run.jsonl.gz:22: field 'prompt'"):
        Stored([tmp_path / "run.jsonl.gz"], ALONE)
    met = []
    run = Stored([tmp_path / "run.jsonl.gz"], ALONE, on_error=met.append)
    assert [error.line for error in met] == [22, 32]
    assert len(run.flags) == len(lines) - 3
    assert [row["p"] for row in run.payloads([20, 29], 1000)] == ["2 + 3, 21?", "2 + 3, 31?"]


def test_batches_are_steps_that_follow_one_another():
    wires = [(step, "p", "") if step != "scored" else None for step in (1, 1, "scored", 1, 2, 2, 1, None, None)]
    assert list(batches(wires)) == [[0, 1, 3], [4, 5], [6], [7, 8]]
    assert list(batches([])) == list(batches([None])) == []


def test_one_process_takes_an_item_when_it_comes_to_it():
    taken = []
    with Workers(1) as workers:
        found = workers.map(abs, (taken.append(i) or i for i in range(1_000)))
        assert [next(found), next(found)] == [0, 1]
    assert len(taken) <= parts_module.WORTH_PROCESSES


def test_work_stays_in_order_whatever_the_processes():
    with Workers(2) as workers:
        assert list(workers.map(pow, range(40), 2)) == [i**2 for i in range(40)]
        assert list(workers.map(pow, [3], 2)) == [9]
        assert list(workers.map(pow, [], 2)) == []


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--port", "5000"], "--port needs --follow"),
        (["--no-browser"], "--no-browser needs --follow"),
        (["--follow", "-o", "x.html"], "--output is of no use with --follow"),
        (["--follow", "--max-mb", "3"], "--max-mb is of no use with --follow"),
        (["--follow", "--merge"], "--merge is of no use with --follow"),
        (["--follow", "--on-error", "skip"], "--on-error is of no use with --follow"),
        (["--follow", "--name", "x"], "--name is of no use with --follow"),
        (["--follow", "--port", "99999999"], "--port"),
    ],
)
def test_options_that_would_be_ignored_are_refused(tmp_path, arguments, said):
    path = tmp_path / "run.jsonl"
    path.write_text(json.dumps(shelf(1)[0].to_record()) + "\n")
    done = CliRunner().invoke(main, ["report", str(path), *arguments])
    assert done.exit_code == 2
    assert said in done.output
    assert list(tmp_path.iterdir()) == [path]
