"""Conversations end to end: OpenRLHF's real trainer, Ray and vLLM with a tiny Qwen2 on a CPU, token by token."""

from pathlib import Path

import harness
import pytest
import torch

from s2r_rewards import action_rewards, judge, parse_messages
from s2r_rewards.adapter import TokenTurn
from s2r_rewards.adapter.turns import read_turns
from s2r_rewards.advantages import process_advantages
from s2r_rewards.tensors import spread
from s2r_rewards.tokens import spans_from_offsets

OUTSIDE = Path(__file__).resolve().parents[1] / "outside"
BETWEEN = {"Check it.": "verify", "Once more.": "solve"}


@pytest.fixture(scope="session")
def run(sft_model, workspace):
    folder = workspace / "talk-module"
    folder.mkdir()
    (folder / "my_talk.py").write_text((OUTSIDE / "my_talk.py.txt").read_text())
    return harness.train_rl(
        workspace / "talk", sft_model, workspace / "prompts.jsonl", path=(folder,), s2r__conversation="my_talk:TALK",
        train__micro_batch_size=4, train__max_epochs=1, data__max_samples=8,
    )  # fmt: skip


def conversations(batch, tokenizer):
    """(the response's ids from its first generated token, turns, messages, finished, label, advantages) per sample."""
    for part in batch:
        for row, mask in enumerate(part["action_mask"].bool()):
            ids = part["sequences"][row][1:].tolist()
            edges = torch.diff(torch.nn.functional.pad(mask.int(), (1, 1)))
            runs = list(zip((edges == 1).nonzero()[:, 0].tolist(), (edges == -1).nonzero()[:, 0].tolist(), strict=True))
            start, messages, turns, kind = runs[0][0], [], [], None
            for i, (first, end) in enumerate(runs):
                if i:
                    asked = tokenizer.decode(ids[runs[i - 1][1] : first])
                    (prompt,) = (p for p in BETWEEN if f"user\n{p}<|im_end|>\n<|im_start|>assistant\n" in asked)
                    kind = BETWEEN[prompt]
                    messages.append({"role": "user", "content": prompt})
                messages.append({"role": "assistant", "content": tokenizer.decode(ids[first:end])})
                turns.append(TokenTurn(first - start, end - start, kind))
            length = runs[-1][1] - start
            yield (
                ids[start : start + length], turns, messages, not bool(part["truncated"][row]), part["labels"][row],
                part["advantages"][row][start : start + length].float(), mask[start : start + length],
            )  # fmt: skip


def test_tokens_advantages_and_masks(run, tokenizer):
    rewards, spans, rows = [], [], []
    for ids, turns, messages, finished, gold, advantages, mask in conversations(run.first_batch(), tokenizer):
        trajectory = parse_messages(messages, finished=finished, asked=[t.asked for t in turns])
        rewards.append(action_rewards(judge(trajectory, gold)))
        read = read_turns(ids, turns, tokenizer)
        assert trajectory.text == "".join(text for text, _ in read.turns)
        places = spans_from_offsets(read.offsets, [(a.start, a.end) for a in trajectory.actions])
        spans.append(read.in_response(places))
        rows.append((len(ids), advantages, mask))
        assert len(turns) <= 4
    expected = spread(process_advantages(rewards), spans, max(length for length, *_ in rows))
    for (length, advantages, mask), row in zip(rows, expected, strict=True):
        torch.testing.assert_close(advantages, row[:length] * mask, atol=1e-6, rtol=0)
        assert not advantages[~mask].any()
    assert len(rows) > 1  # how many turns each has is the model's affair; test_conversation.py scripts several


def test_the_run_logs_what_every_run_logs(run):
    assert run.scalars["ppo_kl"][0] == 0.0
    assert "s2r/verify/accuracy" in run.scalars
