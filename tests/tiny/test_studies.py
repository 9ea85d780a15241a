"""Studies: what they consist of, what is computed once, intervals by hand, and a whole one in small."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path

import pytest
from s2r_tiny.config import QUICK, Config, ConfigError, override
from s2r_tiny.data import task
from s2r_tiny.methods import CONTROLS
from s2r_tiny.pipeline import Task
from s2r_tiny.pipeline import run as run_tasks
from s2r_tiny.runfolder import RunFolder
from s2r_tiny.stages import ALL, STAGES, with_needs
from s2r_tiny.studies import SEEDS, STUDIES, Arm, arms_of
from s2r_tiny.studies.results import Found, estimate, standard_errors, table
from s2r_tiny.studies.store import StoredRun

from s2r_rewards.methods import METHODS

SMALL = [
    f"--set={setting}"
    for setting in (
        "base.steps=4",
        "base.batch=8",
        "data.problems=300",
        "sft.epochs=1",
        "online.steps=2",
        "online.prompts=4",
        "rollouts.prompts=40",
        "offline.low=0",
        "offline.high=1",
        "evaluation.problems=20",
        "max_tokens=40",
    )
]


def test_the_studies_that_are_promised_exist_with_five_seeds():
    assert len(SEEDS) >= 5
    assert set(STUDIES) >= {*("controls", "methods", "offline", "bands", "baselines", "styles", "ratio", "efficiency")}
    labels = {arm.label for arm in arms_of("controls")}
    assert {f"PRL, {word}" for word in ("random rewards", "shuffled golds", "no baseline")} <= labels
    controls = {s for arm in arms_of("controls") for s in arm.settings if s.startswith("online.control=")}
    assert controls == {f"online.control={name}" for name in CONTROLS}
    assert {arm.stage for arm in arms_of("controls")} >= {"again", "loop", "rule"}
    named = {s.partition("=")[2] for arm in arms_of("methods") for s in arm.settings if ".method=" in s}
    assert named == {*METHODS, "s2r_rewards.methods.worked:PRL"}


@pytest.mark.parametrize("name", STUDIES)
def test_every_arm_can_be_set_up_and_has_a_label_of_its_own(name):
    arms = arms_of(name)
    assert len({arm.label for arm in arms}) == len(arms) >= 4
    for arm in arms:
        override(override(Config(), QUICK), arm.settings)
        assert arm.stage in ALL
    assert STUDIES[name].reference in {"", *(arm.label for arm in arms)}


def stored(*settings: str, seed: int = 0) -> StoredRun:
    return StoredRun(Path("store"), override(replace(Config(), seed=seed), settings))


@pytest.mark.parametrize(
    ("setting", "changed"),
    [
        ("online.lr=1", {"orl", "prl", "online"}),
        ("outside.tries=2", {"again", "loop"}),
        ("offline.low=0", {"offline", "offline-orl", "offline-prl"}),
        ("rollouts.prompts=3", {"rollouts", "offline", "offline-orl", "offline-prl"}),
        ("sft.lr=1", set(ALL) - {"base", "data", "loop", "rule"}),
        ("data.style=again", set(ALL) - {"base", "loop", "rule"}),
        ("base.lr=1", set(ALL) - {"rule"}),
        ("max_tokens=9", set(ALL)),
        ("evaluation.problems=5", set(ALL)),
    ],
)
def test_what_a_setting_changes_is_computed_anew_and_nothing_else(setting, changed):
    before, after = stored(), stored(setting)
    assert {stage for stage in ALL if before.home(stage) != after.home(stage)} == changed
    assert all(stored().home(stage) != stored(seed=1).home(stage) for stage in ALL)


def test_every_section_of_the_config_belongs_to_some_stage():
    read = {section for stage in ALL.values() for section in stage.reads}
    assert read | {"seed", "threads", "device", "max_tokens", "evaluation"} == set(Config.__dataclass_fields__)


def test_equal_tasks_run_once_and_after_what_they_need(tmp_path, monkeypatch):
    ran: list[str] = []
    monkeypatch.setattr(
        "s2r_tiny.pipeline._run_stage", lambda folder, stage, report: ran.append(stage) or {"metrics": []}
    )
    one, other = (StoredRun(tmp_path, override(Config(), [f"online.lr={x}"])) for x in (1, 2))
    tasks = [Task(run, stage, stage) for run in (one, other) for stage in with_needs(["prl"])]
    assert [task.stage for task, _ in run_tasks(tasks, 1, lambda *_: None)] == ["base", "data", "bi", "prl", "prl"]
    assert ran == ["base", "data", "bi", "prl", "prl"]
    again = list(run_tasks(tasks, 1, lambda *_: None))
    assert len(ran) == 5
    assert all(record is None for _, record in again)


def test_ordinary_stages_bring_no_extra_ones():
    assert with_needs(list(STAGES)) == list(STAGES)
    assert with_needs(["offline"]) == ["base", "data", "bi", "rollouts", "offline"]


def test_intervals_by_hand():
    found = estimate([1.0, 2.0, 3.0, 4.0, 5.0])
    assert found.mean == 3
    assert found.error == pytest.approx(math.sqrt(2.5 / 5))
    assert found.half == pytest.approx(2.776 * math.sqrt(0.5))
    assert standard_errors(found) == pytest.approx(3 / math.sqrt(0.5))
    assert math.isnan(estimate([0.5]).error)
    assert math.isnan(estimate([math.nan]).mean)
    assert estimate([1.0, math.nan, 3.0]).count == 2


def test_differences_are_taken_seed_by_seed():
    arms = [Arm("BI", "bi"), Arm("better", "prl")]
    # The seeds differ by 20 points, the arms by 9 to 11.
    finals = [[0.3, 0.5, 0.7], [0.4, 0.59, 0.81]]
    rows = {
        arm: [[{"temperature": 0.0, "s2r/outcome/accuracy": v}] for v in values]
        for arm, values in zip(arms, finals, strict=True)
    }
    text = table(replace(STUDIES["ratio"], reference="BI"), Found([0, 1, 2], rows))
    [line] = [line for line in text.splitlines() if line.startswith("| better")]
    assert "60.0 ± 51.0" in line  # sd 20.52 / √3 · 4.303
    assert "+10.0 ± 2.5" in line  # sd 1 / √3 · 4.303
    assert line.endswith("| +17.3 |")


def test_a_last_digit_rule_by_hand(tmp_path):
    from s2r_tiny.context import Context
    from s2r_tiny.stages.outside import rule

    folder = RunFolder(tmp_path, Config())
    context = Context(folder, "rule", lambda *_: None)
    rule(context)
    problems = task.held_out_problems(1000)
    right = sum(p.prime in (2, 3, 5) for p in problems)  # an odd number with another factor is never even
    assert context.metrics[0]["s2r/outcome/accuracy"] == pytest.approx(right / 1000)


@pytest.mark.parametrize("setting", ["offline.balance=1", "online.leave_one_out=yes"])
def test_yes_or_no_is_true_or_false(setting):
    assert override(Config(), ["offline.balance=false"]).offline.balance is False
    with pytest.raises(ConfigError, match="bool"):
        override(Config(), [setting])


def test_a_study_from_the_command_line_is_cached_and_resumable(s2r, tmp_path):
    command = ["recipes", "run", "tiny", "--study", "offline", "--seeds", "0,1", "--out", tmp_path, "--jobs", 1, *SMALL]
    done = s2r(*command)
    assert done.returncode == 0, done.stderr
    written = json.loads((tmp_path / "offline" / "results.json").read_text())
    assert written["seeds"] == [0, 1]
    arms = {row["label"]: row["values"]["s2r/outcome/accuracy"] for row in written["arms"]}
    assert set(arms) == {arm.label for arm in arms_of("offline")}
    assert all(len(values) == 2 for values in arms.values())
    text = (tmp_path / "offline" / "table.md").read_text()
    assert "95 % interval (Student's t) over 2 seeds (0, 1)" in text
    for picture in ("accuracy", "curves"):
        assert (tmp_path / "offline" / f"{picture}.png").stat().st_size > 5_000
    bases = list((tmp_path / "store").glob("base-*"))
    assert len(bases) == 2, "one base model a seed, for all arms"

    again = s2r(*command)
    assert again.returncode == 0, again.stderr
    assert again.stdout.count("already done") == len(list((tmp_path / "store").iterdir()))
    assert (tmp_path / "offline" / "table.md").read_text() == text
    [one] = [p for p in (tmp_path / "store").glob("offline-prl-*/stages/*.json") if "seed" not in p.name][:1]
    one.unlink()
    third = s2r(*command)
    assert third.stdout.count("already done") == len(list((tmp_path / "store").iterdir())) - 1
    assert (tmp_path / "offline" / "table.md").read_text() == text


def test_an_unknown_study_names_those_that_exist(s2r):
    done = s2r("recipes", "run", "tiny", "--study", "mood")
    assert done.returncode == 2
    assert "controls" in done.stderr
