import json
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from s2r_rewards.baselines import BASELINES, accuracy_baseline
from s2r_rewards.cli import main as s2r
from s2r_rewards.datasets.offline import Decision, PromptCounts, cut, decide, decide_on, in_band
from s2r_rewards.datasets.streaming import Streamed
from s2r_rewards.judging import judge
from s2r_rewards.methods import METHODS
from s2r_rewards.parsing import parse
from s2r_rewards.testing import solve

CASES = json.loads((Path(__file__).parent / "offline.json").read_text())


@pytest.mark.parametrize("mode", ["discard", "truncate"])
@pytest.mark.parametrize("case", CASES, ids=lambda c: c["name"])
def test_decide(case, mode):
    correct, confirmed = [bool(x) for x in case["correct"]], [bool(x) for x in case["confirmed"]]
    decision = decide(correct, confirmed, case.get("deviations", ()), mode, case.get("max_actions", 20))
    if isinstance(case[mode], str):
        assert decision == Decision(0, case[mode])
    else:
        assert decision.actions == case[mode]
        assert decision.reason is None
        assert decision.truncated == (case[mode] < len(correct) + len(confirmed))


def test_unknown_mode():
    with pytest.raises(ValueError, match="'discard' or 'truncate'"):
        decide([True], [True], mode="keep")


def test_band_includes_both_ends():
    assert [in_band(k / 10) for k in range(11)] == [False] + [True] * 7 + [False] * 3


def test_accuracy_counts_dropped_rollouts_and_balance_follows_kept_right_ones():
    counts = PromptCounts()
    for right, kept, any_right in [
        (1, 1, 1),
        (0, 1, 1),
        (0, 1, 0),
        (1, 0, 1),
        (0, 1, 0),
        (0, 1, 0),
        (0, 1, 0),
        (0, 1, 0),
    ]:
        counts.add(bool(right), bool(kept), bool(any_right))
    assert counts.accuracy == 2 / 8
    assert counts.kept_right == 2
    assert counts.kept_wrong == 5
    assert sum(counts.take_wrong() for _ in range(5)) == 2


def test_balancing_draws_at_random_and_again_the_same():
    counts = PromptCounts()
    for any_right in [True, True, False, False, False, False]:
        counts.add(any_right, True, any_right)
    chosen = set()
    for seed in map(str, range(200)):
        draws = []
        for _ in range(2):
            counts.restart(seed)
            draws.append(tuple(counts.take_wrong() for _ in range(4)))
        assert draws[0] == draws[1]
        assert sum(draws[0]) == 2
        chosen.add(draws[0])
    assert len(chosen) == 6  # every pair of four
    few = PromptCounts()
    for any_right in [True, True, False]:
        few.add(any_right, True, any_right)
    assert few.take_wrong()


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("{4} V+ R {5} V- V-", 2),  # the second verification of one attempt stands behind the cut
        ("{4} V+ R {5} R {6}", 2),
        ("{4} V- V- R {4} V+", "not_alternating"),
    ],
)
def test_disorder_behind_the_cut_is_gone_with_it(text, kept):
    for short, written in (("V+", f"{W} It is correct."), ("V-", f"{W} It is incorrect."), ("R ", f"{R} ")):
        text = text.replace(short, written)
    judged = judge(parse(text.replace("{", "\\boxed{"), "released-offline"), "4")
    decision = decide_on(judged, METHODS["released-offline-prl"].filter)
    assert decision == (Decision(0, kept) if isinstance(kept, str) else Decision(kept, truncated=True))


def test_groups_by_the_accuracy_of_the_other_rollouts(tmp_path):
    """p: 1 of 3 right, q: 2 of 3. Others of p: 0 for the right one, 1/2 for the wrong ones; of q: 1/2 and 1. The group
    of 1/2 holds −1, −1, +1, +1; the others are alone."""
    right, wrong = solve("4").verify("correct").text(), solve("5").verify("incorrect").text()
    asked = {"p": (right, wrong, wrong), "q": (right, right, wrong)}
    rows = [
        {"problem_id": name, "prompt": name, "response": text, "gold": "4", "finished": True}
        for name, texts in asked.items()
        for text in texts
    ]
    source, output = tmp_path / "rollouts.jsonl", tmp_path / "offline.jsonl"
    source.write_text("".join(json.dumps(row) + "\n" for row in rows))
    done = CliRunner().invoke(s2r, ["data", "offline", str(source), "-o", str(output), "--others"])
    assert done.exit_code == 0, done.output
    kept = [json.loads(line) for line in output.read_text().splitlines()]
    assert [row["accuracy"] for row in kept] == pytest.approx([1 / 3] * 3 + [2 / 3] * 3)
    assert [row["s2r"]["actions"][0]["advantage"] for row in kept] == [0, -1, -1, 1, 1, 0]
    assert kept[0]["s2r"]["method"] == "s2r-offline-prl[others]"
    refused = CliRunner().invoke(
        s2r, ["data", "offline", str(source), "-o", str(output), "--others", "--method", "s2r-prl", "--restart"]
    )
    assert refused.exit_code == 2
    assert "--others is for accuracy groups" in refused.output


REWARDS = st.lists(st.sampled_from([1.0, -1.0]), min_size=1, max_size=6)


@given(
    st.lists(st.tuples(REWARDS, st.integers(0, 8)), min_size=1, max_size=30),
    st.sampled_from(["reward_context", "position", *(f"accuracy_group/{by}" for by in ("position", "context"))]),
    st.booleans(),
    st.sampled_from([1, 3]),
)
def test_means_gathered_row_by_row_equal_the_batch(rows, name, leave_one_out, min_count):
    baseline = BASELINES[name].with_settings(leave_one_out=leave_one_out, min_count=min_count)
    rewards, accuracy = [r for r, _ in rows], [k / 8 for _, k in rows]
    streamed = Streamed(baseline)
    for row, level in zip(rewards, accuracy, strict=True):
        streamed([row], [level])
    streamed.freeze()
    found = tuple(streamed([row], [level])[0] for row, level in zip(rewards, accuracy, strict=True))
    assert found == baseline(rewards, accuracy)


def test_hand_computed_position_means():
    # Accuracy 0.25 falls into one bin: position 0 has mean (1 - 1 - 1) / 3, position 1 mean (1 + 1 - 1) / 3.
    streamed = Streamed(accuracy_baseline("position"))
    for row in ([1.0, 1.0], [-1.0, 1.0], [-1.0, -1.0]):
        streamed([row], [0.25])
    streamed.freeze()
    assert streamed([[1.0, 1.0]], [0.25])[0] == pytest.approx((-1 / 3, 1 / 3))
    assert streamed([[1.0, 1.0]], [0.75]) == ((0.0, 0.0),)


W, R = "Wait, let me recheck my solution.", "Let me try again."
LONG = (
    f"\\boxed{{3}}. Better: \\boxed{{4}}.\n\n{W} Therefore, the answer is correct.\n\n"
    f"{R}\n\\boxed{{5}} {W} Therefore, the answer is incorrect."
)


def test_a_cut_trajectory_is_what_its_text_parses_to():
    judged = judge(parse(LONG, finished=False), "4")
    assert decide_on(judged, METHODS["s2r-offline-prl"].filter) == Decision(0, "goes_on_after_confirmation")
    decision = decide_on(judged, METHODS["released-offline-prl"].filter)
    assert decision == Decision(2, truncated=True)
    kept = cut(judged, decision)
    assert kept.trajectory.text == LONG[: LONG.index(R)].rstrip()
    again = judge(parse(kept.trajectory.text, finished=True), "4")
    assert kept.trajectory.actions == again.trajectory.actions
    assert kept.trajectory.codes == again.trajectory.codes == ("several_answers",)
    assert kept.checks == again.checks
    assert METHODS["s2r-prl"].score(kept).rewards == (1.0, 1.0)
    assert cut(judged, Decision(4)) is judged
