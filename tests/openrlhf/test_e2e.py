"""End to end: OpenRLHF's real trainers, Ray and vLLM with a tiny Qwen2 on a CPU."""

import json
import math
import re
import sys
from pathlib import Path

import harness
import pytest
import tiny
import torch
from click.testing import CliRunner
from test_server import server

from s2r_openrlhf import REWARD_FILE
from s2r_rewards import action_rewards, judge, outcome_reward, parse
from s2r_rewards.adapter import FAILED_METRIC
from s2r_rewards.advantages import outcome_advantages, process_advantages
from s2r_rewards.cli import main as s2r
from s2r_rewards.losses import response_losses
from s2r_rewards.methods import get_method
from s2r_rewards.metrics import METRIC_NAMES, behaviour_metrics
from s2r_rewards.rollouts import Rollout, write_rollouts
from s2r_rewards.server.protocol import COUNT_FIELDS, COUNT_PREFIX
from s2r_rewards.tensors import spread
from s2r_rewards.tokens import decode_with_offsets, token_spans

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from ray_nodes import two_nodes

POISON = ""  # a row whose label holds no golden answer
NOTE = """

import os, pathlib, ray

if ray.is_initialized():  # not in the driver; without the driver's variable it cannot load
    pathlib.Path(os.environ["OF_THE_RECIPE"], str(os.getpid())).write_text(ray.get_runtime_context().get_node_id())
"""
"""Added to a module: each process that loads it says on which node."""


@pytest.fixture(scope="session")
def poisoned_prompts(workspace):
    rows = [json.loads(line) for line in (workspace / "prompts.jsonl").read_text().splitlines()][:8]
    rows[3]["gold"] = POISON
    path = workspace / "poisoned.jsonl"
    tiny.write_jsonl(path, rows)
    return path


def responses(batch, tokenizer):
    """(token ids, text, finished, label) of every sample of a dumped batch, in order."""
    found = []
    for part in batch:
        for row, mask in enumerate(part["action_mask"].bool()):
            ids = part["sequences"][row][1:][mask].tolist()
            text = decode_with_offsets(ids, tokenizer)[0]
            found.append((ids, text, not bool(part["truncated"][row]), part["labels"][row]))
    return found


def given_advantages(batch):
    """Per sample, the advantages of its response tokens as the trainer got them."""
    return [
        part["advantages"][row][mask].float() for part in batch for row, mask in enumerate(part["action_mask"].bool())
    ]


def assert_first_loss(run):
    """policy_loss = −mean of the token advantages on the first update, where every ratio is 1."""
    tokens = torch.cat(given_advantages(run.first_batch()))
    assert run.scalars["ppo_kl"][0] == 0.0
    assert run.scalars["policy_loss"][0] == pytest.approx(-tokens.double().mean().item(), abs=1e-6)


def assert_first_objective(run, method="s2r-prl"):
    """policy_loss is the library's loss on the whole first batch, where every ratio is 1."""
    losses = []
    for part in run.first_batch():
        zeros = torch.zeros_like(part["advantages"])
        ids = part["returns"].long() * part["action_mask"].long() - 1
        options = get_method(method).loss_options
        losses.append(response_losses(zeros, zeros, part["advantages"].float(), ids, **options)[0])
    assert run.scalars["ppo_kl"][0] == 0.0
    assert run.scalars["policy_loss"][0] == pytest.approx(torch.cat(losses).double().mean().item(), abs=1e-6)


def assert_metrics(run):
    for name in METRIC_NAMES:
        assert name in run.scalars, name
        assert len(run.scalars[name]) == len(run.scalars["policy_loss"])


def test_sft_learns_the_protocol_and_keeps_its_own_chat_template(sft_model, workspace):
    from transformers import AutoTokenizer

    assert AutoTokenizer.from_pretrained(sft_model).chat_template == tiny.CHATML
    output = (sft_model.parent / "output.log").read_text()
    losses = [float(x) for x in re.findall(r"gpt_loss=([0-9.]+)", output)]
    assert losses[-1] < 0.3 * losses[0]


def assert_rloo(run, tokenizer, group=4):
    """Every token of a response carries R_o minus the mean of the other samples of its prompt."""
    batch = run.first_batch()
    rewards = []
    for _, text, _, gold in responses(batch, tokenizer):
        rewards.append(-1.0 if gold == POISON else outcome_reward(judge(parse(text), gold)))
    expected = outcome_advantages(rewards, [i // group for i in range(len(rewards))])
    for advantage, given in zip(expected, given_advantages(batch), strict=True):
        assert given == pytest.approx(torch.full_like(given, advantage), abs=1e-6)


def test_outcome_rl_through_the_reward_file_learns(sft_model, workspace, tokenizer):
    run = harness.train_rl(
        workspace / "orl",
        sft_model,
        workspace / "prompts.jsonl",
        s2r__method="s2r-orl",
        reward__remote_url=REWARD_FILE,
        rollout__batch_size=8,
        rollout__micro_batch_size=32,
        train__batch_size=32,
        train__micro_batch_size=32,
        train__num_episodes=5,
    )
    assert len(run.scalars["policy_loss"]) == 40
    assert_first_loss(run)
    assert_metrics(run)
    assert_rloo(run, tokenizer)
    judged = [judge(parse(text), gold) for _, text, _, gold in responses(run.first_batch(), tokenizer)]
    for name, value in behaviour_metrics(judged).items():
        assert run.scalars[name][0] == pytest.approx(value, abs=1e-6, nan_ok=True), name
    accuracy = run.scalars["s2r/outcome/accuracy"]
    assert sum(accuracy[-16:]) / 16 > sum(accuracy[:8]) / 8 + 0.1


def test_outcome_rl_through_the_http_server_with_stock_openrlhf(sft_model, poisoned_prompts, workspace, tokenizer):
    with server() as (_, url):
        run = harness.train_rl(
            workspace / "http",
            sft_model,
            poisoned_prompts,
            module="openrlhf.cli.train_ppo_ray",
            reward__remote_url=url + "/get_reward",
        )
    assert_first_loss(run)
    assert_rloo(run, tokenizer)
    assert run.scalars["rollout/num_samples"] == [16.0, 16.0]
    assert sum(run.scalars[FAILED_METRIC]) * 16 == pytest.approx(4)
    # Stock OpenRLHF averages the counts over samples; their ratios are the metrics.
    counts = {name: run.scalars[COUNT_PREFIX + name][0] for name in COUNT_FIELDS}
    assert counts["last_right"] / counts["trajectories"] == pytest.approx(run.scalars["score"][0], abs=1e-6)
    assert counts["verifications"] > 0


@pytest.mark.parametrize("asynchronous", [False, True], ids=["sync", "async"])
def test_process_rl(asynchronous, sft_model, poisoned_prompts, workspace, tokenizer):
    """Eq. 6 over four micro-batches, with an evaluation after each step."""
    run = harness.train_rl(
        workspace / f"prl-{asynchronous}",
        sft_model,
        poisoned_prompts,
        s2r__rollouts=workspace / f"rollouts-{asynchronous}.jsonl",
        s2r__bad_golds="count",
        train__micro_batch_size=4,
        eval__dataset=poisoned_prompts,
        eval__steps=1,
        eval__n_samples_per_prompt=2,
        **({"train__async_enable": None} if asynchronous else {}),
    )
    assert_first_objective(run)
    assert_evaluation(run)
    assert_metrics(run)
    assert_process_advantages(run, tokenizer)
    assert len(run.scalars["s2r/alarm/fired"]) == 2
    # The poisoned prompt's four samples are counted; its group and the run stay whole.
    assert run.scalars["rollout/num_samples"] == [16.0, 16.0]
    assert sum(run.scalars[FAILED_METRIC]) * 16 == pytest.approx(4)
    assert all(math.isfinite(x) for x in run.scalars["policy_loss"] + run.scalars["actor_grad_norm"])
    assert len((workspace / f"rollouts-{asynchronous}.jsonl").read_text().splitlines()) == 32


def assert_evaluation(run):
    """pass@1 is the share of right responses, also where some golden answers cannot be graded."""
    logged = run.evaluation
    assert logged
    for accuracy, other in zip(logged["s2r/outcome/accuracy"], logged["eval_default_pass1"], strict=True):
        assert 0 <= accuracy <= 7 / 8
        assert accuracy == pytest.approx(other, abs=1e-6)
    assert set(METRIC_NAMES) <= set(logged)
    assert logged[FAILED_METRIC] == pytest.approx([1 / 8] * len(logged[FAILED_METRIC]))
    assert all(
        best >= mean for best, mean in zip(logged["eval_default_pass2"], logged["eval_default_pass1"], strict=True)
    )


def assert_process_advantages(run, tokenizer):
    """Token by token what the library says, computed anew from the token ids."""
    batch = run.first_batch()
    samples = responses(batch, tokenizer)
    rewards, spans = [], []
    for ids, text, finished, gold in samples:
        if gold == POISON:
            rewards.append((-1.0,))
            spans.append(((0, len(ids)),))
            continue
        judged = judge(parse(text, finished=finished), gold)
        rewards.append(action_rewards(judged))
        spans.append(token_spans(ids, tokenizer, [(a.start, a.end) for a in judged.trajectory.actions]))
    longest = max(len(ids) for ids, *_ in samples)
    expected = spread(process_advantages(rewards), spans, longest)
    for (ids, *_), row, given in zip(samples, expected, given_advantages(batch), strict=True):
        assert given == pytest.approx(row[: len(ids)], abs=1e-6)
    assert any(len(set(values)) > 1 for values in rewards)  # the batch does tell actions apart


def test_a_method_outside_of_the_package_by_configuration_alone_on_two_nodes(
    sft_model, workspace, tokenizer, monkeypatch
):
    """Rewards 0 and ±α, its own baseline, grammar and checker, in one file on PYTHONPATH; two ranks, one a node of a Ray
    cluster that ran before and knows nothing of the driver's environment."""
    outside, workers = workspace / "outside", workspace / "workers"
    outside.mkdir()
    workers.mkdir()
    source = harness.ROOT / "tests" / "outside" / "my_method.py.txt"
    (outside / "my_method.py").write_text(source.read_text() + NOTE)
    monkeypatch.setenv("OF_THE_RECIPE", str(workers))
    monkeypatch.setenv("S2R_WORKER_ENV", ",".join(["OF_THE_RECIPE", "TORCH_EXTENSIONS_DIR", *harness.ENVIRONMENT]))
    with two_nodes(gpus=2) as address:
        monkeypatch.setenv("RAY_ADDRESS", address)
        run = harness.train_rl(
            workspace / "own",
            sft_model,
            workspace / "prompts.jsonl",
            path=(outside,),
            s2r__method="my_method:METHOD",
            s2r__checker="my_method:checker",
            data__max_samples=12,
            actor__num_nodes=2,
            rollout__micro_batch_size=8,
            train__micro_batch_size=8,
        )
    monkeypatch.delenv("RAY_ADDRESS")
    assert len({path.read_text() for path in workers.iterdir()}) == 2  # both nodes have what the driver named
    monkeypatch.syspath_prepend(outside)
    import my_method

    assert len(run.scalars["policy_loss"]) == 3
    assert_first_objective(run, "my_method:METHOD")
    assert_metrics(run)
    assert run.scalars[FAILED_METRIC] == [0.0] * 3
    batch = run.first_batch()
    samples = responses(batch, tokenizer)
    judged = [
        judge(parse(text, my_method.GRAMMAR, finished=finished), gold, my_method.checker)
        for _, text, finished, gold in samples
    ]
    spans = [
        token_spans(ids, tokenizer, [(a.start, a.end) for a in item.trajectory.actions])
        for (ids, *_), item in zip(samples, judged, strict=True)
    ]
    assert {reward for item in judged for reward in my_method.rewards(item)} == {0.0, 0.25, -0.25}
    advantages = my_method.METHOD.advantages(judged, groups=[i // 4 for i in range(len(judged))])
    for values, where, given in zip(advantages, spans, given_advantages(batch), strict=True):
        assert given == pytest.approx(spread([values], [where], len(given))[0], abs=1e-6)
    assert any(len(set(values)) > 1 for values in advantages)


def stored_rollouts(path):
    """Right, mended, spoiled and confirmed-wrong responses to a few prompts, through `s2r data offline`."""
    rollouts = []
    for a, b in [(0, 1), (1, 2), (2, 2), (3, 4)]:
        c = a + b
        for wrong, last in [([], c), ([c + 1], c), ([], c + 1), ([c + 1, c + 2], c + 3)]:
            text = tiny.trajectory(a, b, wrong, last)
            rollouts.append(Rollout(f"{a}+{b}", tiny.question(a, b), text, str(c), finished=True))
    source = path.with_name("rollouts-" + path.name)
    write_rollouts(source, rollouts)
    kept = path.with_name("kept-" + path.name)
    done = CliRunner().invoke(s2r, ["data", "offline", str(source), "-o", str(kept), "--openrlhf", str(path)])
    assert done.exit_code == 0, done.output
    return [json.loads(line) for line in path.read_text().splitlines()]


OFFLINE = {
    "s2r__offline": None,
    "data__label_key": "label",
    "rollout__n_samples_per_prompt": 1,
    "rollout__batch_size": 16,
    "algo__advantage__estimator": "reinforce",
    "train__num_episodes": 2,
}


@pytest.fixture(scope="session")
def offline_process(sft_model, workspace):
    """(stored rows, a run over them on one rank with one micro-batch a step)"""
    path = workspace / "replay-process.jsonl"
    rows = [json.loads(row["label"]) for row in stored_rollouts(path)]
    return rows, harness.train_rl(
        workspace / "offline-process", sft_model, path, float32=True, s2r__method="s2r-offline-prl", **OFFLINE
    )


def test_offline_process_level(offline_process, tokenizer):
    rows, run = offline_process
    assert len(run.scalars["policy_loss"]) == 2
    assert_first_objective(run, "s2r-offline-prl")
    assert_metrics(run)
    assert_stored_advantages(run, rows, "process", tokenizer)
    assert run.scalars["s2r/outcome/accuracy"][0] == pytest.approx(0.5)


def test_two_ranks_and_uneven_micro_batches_train_as_one(offline_process, sft_model, workspace):
    """The same stored responses: loss and gradient of Eq. 6 do not depend on how they are spread."""
    _, one = offline_process
    two = harness.train_rl(
        workspace / "offline-two-ranks",
        sft_model,
        workspace / "replay-process.jsonl",
        float32=True,
        s2r__method="s2r-offline-prl",
        **OFFLINE,
        actor__num_gpus_per_node=2,
        ref__num_gpus_per_node=1,
        train__micro_batch_size=2,
        rollout__micro_batch_size=4,
    )
    assert_first_objective(two, "s2r-offline-prl")
    for name, tolerance in (("policy_loss", 1e-5), ("actor_grad_norm", 1e-5)):
        assert two.scalars[name][0] == pytest.approx(one.scalars[name][0], rel=tolerance, abs=1e-5), name


def test_dynamic_batches_of_packed_samples_on_two_ranks(offline_process, sft_model, workspace, tokenizer):
    """Spread by length and without padding: the same advantages on the same tokens, the same loss and gradient."""
    rows, one = offline_process
    packed = harness.train_rl(
        workspace / "offline-packed",
        sft_model,
        workspace / "replay-process.jsonl",
        float32=True,
        s2r__method="s2r-offline-prl",
        **OFFLINE,
        actor__num_gpus_per_node=2,
        ref__num_gpus_per_node=1,
        train__dynamic_batch_enable=None,
        train__max_tokens_per_gpu=160,
        rollout__max_tokens_per_gpu=240,
        rollout__micro_batch_size=4,
        ds__packing_samples=None,
    )
    assert_stored_advantages(packed, rows, "process", tokenizer)
    assert len(packed.first_batch()) > 2
    for name, tolerance in (("policy_loss", 1e-5), ("actor_grad_norm", 1e-5), ("s2r/outcome/accuracy", 1e-9)):
        assert packed.scalars[name][0] == pytest.approx(one.scalars[name][0], rel=tolerance), name
    assert abs(packed.scalars["ppo_kl"][0]) < 1e-6


def test_offline_outcome_level(sft_model, workspace, tokenizer):
    path = workspace / "replay-outcome.jsonl"
    rows = [json.loads(row["label"]) for row in stored_rollouts(path)]
    run = harness.train_rl(workspace / "offline-outcome", sft_model, path, s2r__method="s2r-offline-orl", **OFFLINE)
    assert len(run.scalars["policy_loss"]) == 2
    assert_first_loss(run)
    assert_metrics(run)
    assert_stored_advantages(run, rows, "outcome", tokenizer)


def assert_stored_advantages(run, rows, level, tokenizer):
    batch = run.first_batch()
    by_text = {(row["gold"], row["response"] + tokenizer.eos_token): row for row in rows}
    given = given_advantages(batch)
    for (ids, text, _, gold), tokens in zip(responses(batch, tokenizer), given, strict=True):
        row = by_text.pop((gold, text))
        if level == "outcome":
            values, spans = [row["s2r"]["outcome_advantage"]], [(0, len(ids))]
        else:
            actions = [a for a in row["s2r"]["actions"] if a["kind"] != "end"]
            values = [a["advantage"] for a in actions]
            spans = token_spans(ids, tokenizer, [(a["start"], a["end"]) for a in actions])
        assert tokens == pytest.approx(spread([values], [spans], len(ids))[0], abs=1e-6)
    assert not by_text
