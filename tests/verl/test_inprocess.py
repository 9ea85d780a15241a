"""Composed configuration, real reward manager, real compute_advantage, in one process: numbers by the library."""

import asyncio
import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch
from hydra import compose, initialize_config_module
from omegaconf import OmegaConf
from s2r_verl_cpu.assets import RECHECK, response, tokens_actions, write_parquet
from tensordict import TensorDict
from verl import DataProto

from s2r_rewards import get_method, judge, parse
from s2r_rewards.adapter import FAILING_REWARD, ConfigError, batch_metrics, score_response
from s2r_rewards.advantages import process_advantages
from s2r_rewards.baselines import BASELINES
from s2r_rewards.datasets.formats import verl_prompt
from s2r_rewards.evaluation.benchmarks import BENCHMARKS, read_item
from s2r_rewards.metrics import METRIC_NAMES, behaviour_metrics
from s2r_rewards.rewards import action_rewards
from s2r_rewards.scored import ScoredAction, ScoredRollout
from s2r_rewards.tensors import spread
from s2r_rewards.tokens import decode_with_offsets, token_spans
from s2r_verl.agent_loop import as_action_output
from s2r_verl.algorithms import Batch, at_hand, credit
from s2r_verl.checks import data_problems
from s2r_verl.records import FIELD
from s2r_verl.reward_function import compute_score

# The batch of the hand-computed oracle: (answer, confirmed) per attempt; the golden answer is 3.
RESPONSES = [
    response(("3", True)),
    response(("2", False), ("3", True)),
    response(("2", True)),
    response(("3", False), ("2", False), ("3", True)),
    response(("2", False), ("4", True)),
]
ADVANTAGES = [[1.2, 1], [-0.8, 2 / 3, 1, 0], [-0.8, -4 / 3], [1.2, -1, 0, 0, 0, 0], [-0.8, 2 / 3, -1, 0]]


@pytest.fixture(scope="module")
def config():
    overrides = [
        "algorithm.adv_estimator=s2r_process",
        "actor_rollout_ref.rollout.name=vllm",
        "actor_rollout_ref.rollout.agent.default_agent_loop=s2r_agent",
        "reward.reward_manager.name=s2r",
        "trainer.v1.trainer_mode=s2r_sync",
    ]
    with initialize_config_module("verl.trainer.config", version_base=None):
        return compose("ppo_trainer", overrides=overrides)


@pytest.fixture(scope="module")
def ids(tokenizer):
    return [[*tokenizer.encode(t, add_special_tokens=False), tokenizer.eos_token_id] for t in RESPONSES]


@pytest.fixture(scope="module")
def infos(config, tokenizer, ids):
    """What the real reward manager returns for each response."""
    from verl.trainer.ppo.reward import load_reward_manager

    manager = load_reward_manager(config, tokenizer)
    return run_manager(manager, [(row, "3") for row in ids], tokenizer.pad_token_id)


def run_manager(manager, samples, pad, prompt=(0, 0, 0, 0)):
    async def every():
        return await asyncio.gather(*(manager.run_single(one(row, gold)) for row, gold in samples))

    def one(row, gold):
        width = max(len(r) for r, _ in samples)
        padding = width - len(row)
        batch = TensorDict(
            {
                "prompts": torch.tensor([prompt]),
                "responses": torch.tensor([row + [pad] * padding]),
                "attention_mask": torch.tensor([[1] * (len(prompt) + len(row)) + [0] * padding]),
            },
            batch_size=1,
        )
        columns = {
            "data_source": np.array(["s2r/sums"], dtype=object),
            "reward_model": np.array([{"ground_truth": gold}], dtype=object),
            "extra_info": np.array([{"level": 1}], dtype=object),
        }
        return DataProto(batch=batch, non_tensor_batch=columns)

    return manager.loop.run_until_complete(every())


def trainer_rows(ids, infos, method="s2r-prl"):
    """The dicts that the agent loop hands to the trainer."""
    from verl.experimental.agent_loop.agent_loop import AgentLoopMetrics, AgentLoopOutput

    rows = []
    for row, info in zip(ids, infos, strict=True):
        output = as_action_output(
            AgentLoopOutput(
                prompt_ids=[1, 2],
                response_ids=row,
                response_mask=[1] * len(row),
                metrics=AgentLoopMetrics(),
                extra_fields={},
            ),
            get_method(method) if isinstance(method, str) else method,
        )
        output.reward_score = info["reward_score"]
        output.extra_fields["reward_extra_info"] = info["reward_extra_info"]
        rows.append(output.as_dict())
    return rows


def records_of(infos):
    return [ScoredRollout.loads(info["reward_extra_info"][FIELD]) for info in infos]


def test_rewards_are_the_librarys(infos):
    assert [info["reward_score"] for info in infos] == [1.0, 1.0, -1.0, 1.0, -1.0]
    assert [list(r.rewards) for r in records_of(infos)] == [
        [1, 1],
        [-1, 1, 1, 1],
        [-1, -1],
        [1, -1, -1, 1, 1, 1],
        [-1, 1, -1, -1],
    ]
    for info in infos:
        assert type(info["reward_score"]) is float
        assert all(type(v) in (float, str) for v in info["reward_extra_info"].values())


def test_a_response_may_end_with_any_end_token_of_the_model(config, tokenizer, ids, tmp_path):
    """Its tokenizer names one of them. (The usual ones, such as <|endoftext|>, are known by their text as well.)"""
    from verl.trainer.ppo.reward import load_reward_manager

    ends = [tokenizer.convert_tokens_to_ids(end) for end in ("<|im_end|>", "<|im_start|>")]
    (tmp_path / "generation_config.json").write_text(json.dumps({"eos_token_id": ends}))
    own = OmegaConf.merge(config, {"actor_rollout_ref": {"model": {"path": str(tmp_path)}}})
    rows = [[*ids[1][:-1], *end] for end in ([ends[0]], [ends[1]], [])]
    kinds = {}
    for name, given in (("several", own), ("one", config)):
        found = run_manager(load_reward_manager(given, tokenizer), [(row, "3") for row in rows], 0)
        kinds[name] = [[action.kind for action in record.actions][4:] for record in records_of(found)]
    assert kinds == {"several": [["end"], ["end"], []], "one": [["end"], [], []]}


def test_advantages_equal_the_library_token_by_token(config, tokenizer, ids, infos):
    from verl.trainer.ppo.ray_trainer import compute_advantage

    rows = trainer_rows(ids, infos)
    width = max(len(row) for row in ids)
    rewards, mask = torch.zeros(len(ids) + 1, width), torch.zeros(len(ids) + 1, width)
    for i, row in enumerate(rows):
        rewards[i, : len(ids[i])] = row["rm_scores"]
        mask[i, : len(ids[i])] = 1
    data = DataProto(  # the last row is one of verl's padding rows: no reward, no mask
        batch=TensorDict({"token_level_rewards": rewards, "response_mask": mask}, batch_size=len(mask)),
        non_tensor_batch={"uid": np.array(["a", "a", "b", "b", "b", "pad"], dtype=object)},
    )
    before = rewards.clone()
    records = [*records_of(infos), None]
    with at_hand(Batch(records, get_method("s2r-prl"))):
        data = compute_advantage(data, adv_estimator="s2r_process", config=config.algorithm)
    got = data.batch["advantages"]

    trajectories = [parse(decode_with_offsets(row, tokenizer)[0], finished=True) for row in ids]
    spans = [
        token_spans(row, tokenizer, [(a.start, a.end) for a in t.actions])
        for row, t in zip(ids, trajectories, strict=True)
    ]
    values = process_advantages([action_rewards(judge(t, "3")) for t in trajectories])
    expected = spread(values, spans, width)
    torch.testing.assert_close(got[:-1], expected, atol=1e-6, rtol=0)
    assert got[-1].abs().sum() == 0
    assert torch.equal(rewards, before), "rewards were changed in place"
    for row, hand in zip(values, ADVANTAGES, strict=True):
        assert row == pytest.approx(hand, abs=1e-9)


def test_action_ids_tile_the_response(ids, infos):
    for row, count in zip(trainer_rows(ids, infos), [2, 4, 2, 6, 4], strict=True):
        found = tokens_actions(row)
        assert sorted(set(found)) == list(range(1, count + 2))  # one more for the end token
        assert found == sorted(found)


def test_the_end_token_takes_part_in_nothing_where_the_method_does_not_count_it(ids, infos):
    method = replace(get_method("s2r-prl"), count_end=False)
    for row, count in zip(trainer_rows(ids, infos, method), [2, 4, 2, 6, 4], strict=True):
        assert sorted(set(tokens_actions(row)[:-1])) == list(range(1, count + 1))
        assert tokens_actions(row)[-1] == 0


def test_at_the_outcome_level_the_response_is_one_action(ids, infos):
    for row, info, tokens in zip(trainer_rows(ids, infos, "s2r-orl"), infos, ids, strict=True):
        assert tokens_actions(row) == [1] * len(tokens)
        assert row["rm_scores"].tolist() == [0.0] * (len(tokens) - 1) + [info["reward_score"]]


@pytest.mark.parametrize("method", ["s2r-prl", "s2r-orl"])
def test_a_response_that_is_left_out_has_no_action_and_no_advantage(ids, infos, method):
    method = get_method(method)
    records = [replace(record, left_out=i in (1, 3)) for i, record in enumerate(records_of(infos))]
    marked = [
        {**info, "reward_extra_info": {**info["reward_extra_info"], FIELD: record.dumps()}}
        for info, record in zip(infos, records, strict=True)
    ]
    rows = trainer_rows(ids, marked, method)
    assert [any(tokens_actions(row)) for row in rows] == [True, False, True, False, True]
    width = max(map(len, ids))
    mask = torch.tensor([[1.0] * len(row) + [0.0] * (width - len(row)) for row in ids])
    with at_hand(Batch(records, method)):
        got, _ = credit(torch.zeros_like(mask), mask, index=[0] * 5)
    with at_hand(Batch([records[i] for i in (0, 2, 4)], method)):
        rest, _ = credit(torch.zeros(3, width), mask[[0, 2, 4]], index=[0] * 3)
    assert not got[[1, 3]].any()
    assert torch.equal(got[[0, 2, 4]], rest)
    assert rest.any()


def test_metrics_equal_the_librarys(infos):
    got = batch_metrics(records_of(infos))
    judged = [judge(parse(text, finished=True), "3") for text in RESPONSES]
    for name, value in behaviour_metrics(judged, levels=["1"] * 5).items():
        assert got[name] == pytest.approx(value, nan_ok=True), name
    assert set(METRIC_NAMES) <= set(got)
    assert got["s2r/verify/accuracy"] == pytest.approx(6 / 9)
    assert got["s2r/alarm/scoring_failed"] == 0.0


def test_metrics_of_an_empty_batch_are_all_there():
    metrics = batch_metrics([])
    assert set(METRIC_NAMES) <= set(metrics)
    assert all(math.isnan(value) for value in metrics.values())


@pytest.mark.parametrize("gold", [None, "", {"solved": "3"}])
def test_a_poisoned_sample_earns_the_failing_score_and_is_counted(config, tokenizer, ids, gold, caplog):
    from verl.trainer.ppo.reward import load_reward_manager

    manager = load_reward_manager(config, tokenizer)
    poisoned, healthy = run_manager(manager, [(ids[0], gold), (ids[0], "3")], tokenizer.pad_token_id)
    assert (poisoned["reward_score"], healthy["reward_score"]) == (FAILING_REWARD, 1.0)
    records = records_of([poisoned, healthy])
    metrics = batch_metrics(records)
    assert metrics["s2r/alarm/scoring_failed"] == 0.5
    assert metrics["s2r/check/ungradable"] == 0.5
    assert records[0].spans == ((0, len(ids[0])),)
    assert "golden answer" in records[0].failure


def test_an_answer_that_cannot_be_evaluated_is_no_failure(tokenizer):
    text = response(("9^{9^{9^{9^{9^{9}}}}}", True))
    tokens = [*tokenizer.encode(text, add_special_tokens=False), tokenizer.eos_token_id]
    scored = score_response(tokens, "3", tokenizer=tokenizer)
    assert scored.failure is None
    assert scored.rewards == (-1.0, -1.0)


def test_the_reward_function_returns_what_verl_accepts():
    from s2r_verl.reward_function import compute_score

    result = compute_score("s2r", RESPONSES[1], "3", {"level": 2})
    assert (result["score"], result["acc"]) == (1.0, 1.0)
    assert ScoredRollout.loads(result[FIELD]).correct == (False, True)
    assert compute_score("s2r", RESPONSES[2], "3")["score"] == -1.0
    assert compute_score("s2r", None, None)["score"] == -1.0
    with pytest.raises(ConfigError, match=r"reward_kwargs\.preset='released'.*method="):
        compute_score("s2r", RESPONSES[1], "3", preset="released")
    with pytest.raises(ConfigError, match="unknown keys"):
        compute_score("s2r", RESPONSES[1], "3", gramar="paper")


def test_outcome_advantages_are_rloo(config):
    from verl.trainer.ppo.core_algos import get_adv_estimator_fn

    rewards = torch.zeros(5, 3)
    rewards[:4, 2] = torch.tensor([1.0, 1.0, 1.0, -1.0])
    mask = torch.ones(5, 3)
    mask[4] = 0
    index = np.array(["a"] * 4 + ["pad"], dtype=object)
    # The last response has no attempt at all; it is compared like any other.
    records = [*(ScoredRollout((), outcome) for outcome in (1.0, 1.0, 1.0, -1.0)), None]
    with at_hand(Batch(records, get_method("s2r-orl"))):
        ours, _ = get_adv_estimator_fn("s2r_outcome")(rewards, mask, index=index, config=config.algorithm)
    assert ours[:4, 0].tolist() == pytest.approx([2 / 3, 2 / 3, 2 / 3, -2])
    assert ours[4].abs().sum() == 0
    stock, _ = get_adv_estimator_fn("rloo")(rewards[:4], mask[:4], index=index[:4], config=config.algorithm)
    torch.testing.assert_close(ours[:4], stock, atol=1e-6, rtol=0)


def scored(*actions):
    """(reward, first token, end) per action → a record."""
    kinds = ("solve", "verify")
    made = [
        ScoredAction(kinds[t % 2], 0, 0, reward=reward, tokens=(first, end))
        for t, (reward, first, end) in enumerate(actions)
    ]
    return ScoredRollout(tuple(made), 1.0)


POSITION = replace(get_method("s2r-prl"), baseline=BASELINES["position"])


@pytest.mark.parametrize(
    ("records", "mask", "expected"),
    [
        pytest.param(  # means by position: 0.25, 0.5
            [scored((0.0, 0, 1), (0.25, 1, 3)), scored((0.5, 0, 2), (0.75, 2, 3))],
            [[1, 1, 1], [1, 1, 1]],
            [[-0.25, -0.25, -0.25], [0.25, 0.25, 0.25]],
            id="rewards of 0 and between",
        ),
        pytest.param(  # means by position: 0, -1, 1
            [scored((-1, 0, 1), (-1, 1, 2), (1, 2, 3)), scored((1, 0, 1), (-1, 1, 2), (1, 2, 3))],
            [[1, 0, 1], [1, 1, 1]],
            [[-1, 0, 0], [1, 0, 0]],
            id="a masked action keeps its neighbours apart",
        ),
        pytest.param(  # means by position: 0, 0, 0; without its place the last action would stand second
            [scored((1, 0, 2), (-1, 2, 2), (1, 2, 3)), scored((-1, 0, 1), (1, 1, 2), (-1, 2, 3))],
            [[1, 1, 1], [1, 1, 1]],
            [[1, 1, 1], [-1, 1, -1]],
            id="an action without tokens keeps its place",
        ),
        pytest.param(  # the second row is rejected as a whole: its rewards are in no mean
            [scored((1, 0, 3)), scored((-1, 0, 3)), scored((0, 0, 3))],
            [[1, 1, 1], [0, 0, 0], [1, 1, 1]],
            [[0.5, 0.5, 0.5], [0, 0, 0], [-0.5, -0.5, -0.5]],
            id="a row without trained tokens takes no part",
        ),
    ],
)
def test_actions_stand_where_their_records_say(records, mask, expected):
    with at_hand(Batch(records, POSITION)):
        got, _ = credit(torch.zeros(len(mask), 3), torch.tensor(mask))
    assert got.tolist() == expected


def test_a_running_method_compares_with_earlier_batches():
    method = replace(POSITION, running=True)
    state, ones = method.new_state(), torch.ones(2, 1)
    # Means before each batch: none (0), (2 + 0) / 2, (2 + 0 + 3 + 1) / 4.
    for earned, expected in (((2, 0), [2, 0]), ((3, 1), [2, 0]), ((1.5, 0), [0, -1.5])):
        rows = [scored((reward, 0, 1)) for reward in earned]
        with at_hand(Batch(rows, method, state)):
            assert credit(ones, ones)[0][:, 0].tolist() == expected


@pytest.mark.parametrize("block", [1, 8, 17, 1 << 20])
@pytest.mark.parametrize("dtype", [torch.int64, torch.float32, torch.bool])
def test_masked_tokens_have_no_advantage(monkeypatch, block, dtype):
    """Padding, a hole of a user's turn, and a row that takes no part, in blocks of any size."""
    monkeypatch.setattr("s2r_verl.algorithms._BLOCK", block)
    rows = [
        ScoredRollout((ScoredAction("solve", 0, 9, reward=reward, tokens=(0, end)),), reward)
        for reward, end in ((1.0, 5), (-1.0, 7), (1.0, 8), (1.0, 6))
    ]
    mask = torch.tensor([[1] * 5 + [0] * 3, [0, 1, 0, 1, 1, 1, 1, 0], [0] * 8, [1] * 6 + [0] * 2]).to(dtype)
    with at_hand(Batch(rows, POSITION)):  # the mean over the three that take part is 1/3
        advantages, returns = credit(mask, mask)
    expected = torch.tensor([[2 / 3], [-4 / 3], [0.0], [2 / 3]]) * mask.float()
    assert torch.equal(advantages, returns)
    torch.testing.assert_close(advantages, expected)


def test_alarms_equal_the_librarys(config, tokenizer, ids):
    """The reward workers count the signs, the driver adds them up: nothing is parsed or decoded again."""
    from verl.trainer.ppo.reward import load_reward_manager

    from s2r_rewards.alarms import alarm_metrics, find_alarms, sign_metrics

    prompt = "What is 1 + 2?"
    asked = tokenizer.encode(prompt, add_special_tokens=False)
    infos = run_manager(
        load_reward_manager(config, tokenizer), [(row, "3") for row in ids], tokenizer.pad_token_id, asked
    )
    got = sign_metrics([record.signs for record in records_of(infos)])
    judged = [judge(parse(text + "<|im_end|>", finished=True), "3") for text in RESPONSES]
    expected = alarm_metrics(find_alarms(judged, [prompt] * 5))
    assert got == pytest.approx(expected, nan_ok=True)
    assert "s2r/alarm/fired" in got


@pytest.fixture(scope="module")
def cross_domain(config, tmp_path_factory):
    """(text, golden answer as verl reads it, reward) of choices, truth values and literals, right and wrong."""
    path = Path(__file__).parents[1] / "core" / "cross_domain.json"
    cases = json.loads(path.read_text(encoding="utf-8"))
    problems = [read_item(BENCHMARKS[case["source"]], case["record"]) for case in cases]
    rows = [verl_prompt(problem, i) for i, problem in enumerate(problems)]
    data = write_parquet(tmp_path_factory.mktemp("data") / "cross_domain.parquet", rows)
    assert data_problems({**config, "data": {"train_files": str(data), "val_files": []}}) == []
    return [
        (
            f"So \\boxed{{{answer}}}.{RECHECK}Therefore, the answer is correct.",
            row["reward_model"]["ground_truth"],
            reward,
        )
        for case, row in zip(cases, pq.read_table(data).to_pylist(), strict=True)
        for name, reward in (("right", 1.0), ("wrong", -1.0))
        for answer in case[name]
    ]


def test_the_reward_manager_checks_every_row_by_its_kind(config, tokenizer, cross_domain):
    from verl.trainer.ppo.reward import load_reward_manager

    ids = [[*tokenizer.encode(text, add_special_tokens=False), tokenizer.eos_token_id] for text, _, _ in cross_domain]
    samples = [(row, gold) for row, (_, gold, _) in zip(ids, cross_domain, strict=True)]
    infos = run_manager(load_reward_manager(config, tokenizer), samples, tokenizer.pad_token_id)
    rewards = [reward for _, _, reward in cross_domain]
    assert [info["reward_score"] for info in infos] == rewards
    scored = [ScoredRollout.loads(info["reward_extra_info"][FIELD]) for info in infos]
    assert [one.rewards for one in scored] == [(reward, reward) for reward in rewards]
    assert all(one.failure is None for one in scored)


def test_the_reward_function_does_too(cross_domain):
    for text, gold, reward in cross_domain:
        assert compute_score("s2r", text, gold, {})["score"] == reward, (text, gold)


def test_the_search_for_cycles_waits_and_goes_on():
    import gc

    from s2r_verl.records import at_rest

    @at_rest()
    def inside(fail):
        with at_rest():
            assert not gc.isenabled()
        assert not gc.isenabled()  # the inner one does not switch it on for the outer
        if fail:
            raise ValueError
        return gc.isenabled()

    assert inside(False) is False
    assert gc.isenabled()
    with pytest.raises(ValueError):
        inside(True)
    assert gc.isenabled()
