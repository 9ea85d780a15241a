"""End to end: OpenRLHF's real trainers, Ray and vLLM with a tiny Qwen2 on a CPU."""

import json
import math
import re

import harness
import pytest
import tiny
import torch

from s2r_openrlhf import REWARD_FILE
from s2r_rewards import action_rewards, judge, outcome_reward, parse
from s2r_rewards.advantages import outcome_advantages, process_advantages
from s2r_rewards.metrics import METRIC_NAMES, behaviour_metrics
from s2r_rewards.server.protocol import FAILED
from s2r_rewards.tensors import spread
from s2r_rewards.tokens import decode_with_offsets, token_spans

POISON = ""  # a row whose label holds no golden answer


@pytest.fixture(scope="session")
def tokenizer(workspace):
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(workspace / "model")


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


def judged_batch(batch, tokenizer):
    return [
        judge(parse(text, finished=finished), gold) for _, text, finished, gold in responses(batch, tokenizer)
    ]


def given_advantages(batch):
    """Per sample, the advantages of its response tokens as the trainer got them."""
    return [
        part["advantages"][row][mask].float()
        for part in batch
        for row, mask in enumerate(part["action_mask"].bool())
    ]


def assert_first_loss(run):
    """policy_loss = −mean of the token advantages on the first update, where every ratio is 1."""
    tokens = torch.cat(given_advantages(run.first_batch()))
    assert run.scalars["ppo_kl"][0] == 0.0
    assert run.scalars["policy_loss"][0] == pytest.approx(-tokens.double().mean().item(), abs=1e-6)


def assert_metrics(run, batch_size=None):
    for name in METRIC_NAMES:
        assert name in run.scalars, name
        assert len(run.scalars[name]) == len(run.scalars["policy_loss"])


def test_sft_learns_the_protocol_and_keeps_its_own_chat_template(sft_model, workspace):
    from transformers import AutoTokenizer

    assert AutoTokenizer.from_pretrained(sft_model).chat_template == tiny.CHATML
    output = (sft_model.parent / "output.log").read_text()
    losses = [float(x) for x in re.findall(r"gpt_loss=([0-9.]+)", output)]
    assert losses[-1] < 0.3 * losses[0]


def test_outcome_rl_through_the_reward_file_learns(sft_model, workspace, tokenizer):
    run = harness.train_rl(
        workspace / "orl",
        sft_model,
        workspace / "prompts.jsonl",
        s2r__level="outcome",
        reward__remote_url=REWARD_FILE,
        train__num_episodes=7,
    )
    steps = len(run.scalars["policy_loss"])
    assert steps == 112
    assert_first_loss(run)
    assert_metrics(run)
    batch = run.first_batch()
    judged = judged_batch(batch, tokenizer)
    expected = outcome_advantages([outcome_reward(j) for j in judged], [i // 4 for i in range(16)])
    for advantage, given in zip(expected, given_advantages(batch), strict=True):
        assert given == pytest.approx(torch.full_like(given, advantage), abs=1e-6)
    for name, value in behaviour_metrics(judged).items():
        assert run.scalars[name][0] == pytest.approx(value, abs=1e-6, nan_ok=True), name
    accuracy = run.scalars["s2r/outcome/accuracy"]
    assert sum(accuracy[-16:]) / 16 > sum(accuracy[:16]) / 16 + 0.1


@pytest.mark.parametrize("asynchronous", [False, True], ids=["sync", "async"])
def test_process_rl(asynchronous, sft_model, poisoned_prompts, workspace, tokenizer):
    run = harness.train_rl(
        workspace / f"prl-{asynchronous}",
        sft_model,
        poisoned_prompts,
        s2r__rollouts=workspace / f"rollouts-{asynchronous}.jsonl",
        **({"train__async_enable": None} if asynchronous else {}),
    )
    assert_first_loss(run)
    assert_metrics(run)
    assert_process_advantages(run, tokenizer)
    # The poisoned prompt's four samples are counted; its group and the run stay whole.
    assert run.scalars["rollout/num_samples"] == [16.0, 16.0]
    assert sum(run.scalars[FAILED]) * 16 == pytest.approx(4)
    assert all(math.isfinite(x) for x in run.scalars["policy_loss"] + run.scalars["actor_grad_norm"])
    assert len((workspace / f"rollouts-{asynchronous}.jsonl").read_text().splitlines()) == 32


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
