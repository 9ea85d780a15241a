"""What a data set lacks is found before the start, with file and row."""

import json

import numpy as np
import pytest
from s2r_verl_cpu.assets import rl_rows, write_parquet

from s2r_rewards.adapter import ConfigError
from s2r_verl.checks import data_problems, require_good_data
from s2r_verl.checks.data import agent_name_problems
from s2r_verl.checks.setup import Setup


def config(path, **algorithm):
    """Process-level training on one file; only what the checks read."""
    return {
        "algorithm": {"adv_estimator": "s2r_process", **algorithm},
        "reward": {"reward_manager": {"name": "s2r"}},
        "actor_rollout_ref": {"rollout": {"agent": {"default_agent_loop": "s2r_agent"}}},
        "data": {"train_files": str(path), "val_files": []},
    }


def rows_with(golds):
    rows = rl_rows(len(golds))
    for row, gold in zip(rows, golds, strict=True):
        row["reward_model"]["ground_truth"] = gold
    return rows


@pytest.mark.parametrize(
    "golds",
    [["3", "4"], [3, 4], [2.5, -1.0], [["3", "three"], ["4"]], ["\\frac{1}{2}", "x+1"], ["So it is 51.\n#### 51", "2"]],
    ids=["text", "whole numbers", "numbers", "lists of accepted answers", "formulas", "GSM8K"],
)
def test_golden_answers_of_every_form_pass(tmp_path, golds):
    assert data_problems(config(write_parquet(tmp_path / "train.parquet", rows_with(golds)))) == []


@pytest.mark.parametrize(
    ("golds", "rows"),
    [(["3", None, "4", ""], "rows 2, 4"), ([None] * 8, "rows 1, 2, 3, 4, 5, …"), ([float("nan"), 1.0], "rows 1")],
)
def test_golden_answers_that_cannot_be_graded_are_named_by_row(tmp_path, golds, rows):
    path = write_parquet(tmp_path / "train.parquet", rows_with(golds))
    (problem,) = data_problems(config(path))
    assert rows in problem
    assert str(path) in problem
    assert "reward_model.ground_truth" in problem
    with pytest.raises(ConfigError, match="cannot be graded"):
        require_good_data(config(path))


def test_one_bad_row_among_many_trains_on(tmp_path):
    assert data_problems(config(write_parquet(tmp_path / "t.parquet", rows_with(["3"] * 19 + [None])))) == []


def test_a_column_agent_name_goes_before_the_configuration_and_is_refused(tmp_path):
    """verl's own gsm8k tool example writes one."""
    rows = [{**row, "agent_name": "tool_agent"} for row in rl_rows(4)]
    (problem,) = data_problems(config(write_parquet(tmp_path / "train.parquet", rows)))
    assert "agent_name=tool_agent in 4 rows" in problem
    assert "drop the column" in problem
    same = [{**row, "agent_name": "s2r_agent"} for row in rl_rows(4)]
    assert data_problems(config(write_parquet(tmp_path / "same.parquet", same))) == []


def test_the_data_set_itself_is_looked_at_once_it_is_there():
    """Also one of somebody's own class, whose files nobody can read beforehand."""
    from s2r_verl.trainer import _column

    setup = Setup.of(config("none"))
    items = [{"prompt": "p", "agent_name": "tool_agent"}] * 3
    assert "tool_agent" in next(agent_name_problems(_column(items, "agent_name"), setup, "train_dataset"))
    assert list(agent_name_problems(_column([{"prompt": "p"}], "agent_name"), setup, "train_dataset")) == []
    assert list(agent_name_problems(_column([], "agent_name"), setup, "train_dataset")) == []
    stock = Setup.of({"algorithm": {"adv_estimator": "rloo"}})
    assert list(agent_name_problems(["tool_agent"], stock, "train_dataset")) == []


def test_lines_of_json_are_read_too(tmp_path):
    path = tmp_path / "train.jsonl"
    path.write_text("\n".join(map(json.dumps, rows_with(["3", None, None]))) + "\n")
    (problem,) = data_problems(config(path))
    assert "2 of 3 golden answers" in problem
    path.write_text("nothing\n")
    assert "not JSON" in data_problems(config(path))[0]


def test_columns_have_the_names_that_the_configuration_gives_them(tmp_path):
    rows = [{**row, "question": row["prompt"]} for row in rl_rows(2)]
    for row in rows:
        del row["prompt"]
    path = write_parquet(tmp_path / "train.parquet", rows)
    assert "missing column(s) prompt" in data_problems(config(path))[0]
    named = config(path)
    named["data"]["prompt_key"] = "question"
    assert data_problems(named) == []


def test_offline_rows_hold_a_stored_rollout(tmp_path):
    replay = config(write_parquet(tmp_path / "train.parquet", rl_rows(2)), adv_estimator="s2r_dense")
    replay["actor_rollout_ref"]["rollout"]["agent"]["default_agent_loop"] = "s2r_replay"
    assert "row 1 has no extra_info.replay" in data_problems(replay)[0]
    rows = rl_rows(2, replay=json.dumps({"response": "x"}))
    replay["data"]["train_files"] = str(write_parquet(tmp_path / "other.parquet", rows))
    (problem,) = data_problems(replay)
    assert "extra_info.replay" in problem
    replay["data"] |= {"train_files": [], "val_files": replay["data"]["train_files"]}
    assert data_problems(replay) == []  # validation generates


def test_a_stock_configuration_is_not_looked_into(tmp_path):
    stock = config(tmp_path / "none.parquet")
    stock["algorithm"] = {"adv_estimator": "rloo"}
    stock["reward"], stock["actor_rollout_ref"] = {}, {}
    assert data_problems(stock) == []


def test_several_outputs_of_one_response_are_refused():
    from s2r_verl.trainer import S2RTrainer

    refuse = S2RTrainer._refuse_several_outputs
    refuse(None, ["u_0_0", "u_1_0", "v_0_0", "u_0_1"], [True, True, True, False])
    with pytest.raises(ConfigError, match="several outputs for one response"):
        refuse(None, ["u_0_0", "u_0_1"], [True, True])


def test_the_outcome_level_takes_the_reward_with_verls_penalty():
    """DAPO's manager takes 0.5 off the second response, which the record does not know."""
    import torch

    from s2r_rewards import get_method
    from s2r_rewards.adapter import score_response
    from s2r_verl.algorithms import Batch, action_advantages, at_hand, credit

    records = [score_response("It is \\boxed{3}.", "3")] * 2
    batch = Batch(records, get_method("s2r-orl"), outcomes=[1.0, 0.5])
    values, _ = action_advantages(batch, [4, 4], ["p", "p"], [True, True])
    assert values == ((0.5,), (-0.5,))
    with at_hand(batch):
        found, _ = credit(torch.zeros(2, 4), torch.ones(2, 4), index=np.array(["p", "p"]))
    assert found.tolist() == [[0.5] * 4, [-0.5] * 4]


def test_under_a_stock_trainer_the_guard_looks_into_the_data(tmp_path):
    from s2r_verl import guard

    stock = {
        "algorithm": {"adv_estimator": "rloo"},
        "reward": {"reward_manager": {"name": "s2r"}},
        "data": {"train_files": str(write_parquet(tmp_path / "bad.parquet", rows_with([None, "3"]))), "val_files": []},
    }
    with pytest.raises(ConfigError, match="rows 1"):
        guard.refuse(stock)
    stock["data"]["train_files"] = str(write_parquet(tmp_path / "good.parquet", rows_with(["2", "3"])))
    guard.refuse(stock)


def test_verls_own_check_is_where_the_guard_stands(tmp_path):
    from verl.utils.config import validate_config

    with pytest.raises(ConfigError, match="s2r_proces does not exist"):
        validate_config({"algorithm": {"adv_estimator": "s2r_proces"}}, use_reference_policy=False, use_critic=False)
