"""A tiny Qwen2, a byte-level BPE tokenizer and problems, all made on the spot: nothing is downloaded."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

RECHECK = "\n\nWait, let me recheck my solution.\n\n"
RETRY = "\n\nLet me try again.\n\n"
ANSWERS = ("2", "3", "4")
_CHAT_TEMPLATE = (
    "{% for m in messages %}{{ '<|im_start|>' + m['role'] + '\n' + m['content'] + '<|im_end|>' + '\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)


def attempt(answer: str) -> str:
    return f"The answer is \\boxed{{{answer}}}."


def verification(confirms: bool) -> str:
    return f"Therefore, the answer is {'correct' if confirms else 'incorrect'}."


def response(*steps: tuple[str, bool]) -> str:
    """("3", False), ("4", True) -> attempt 3, rejected, attempt 4, confirmed, in the paper's wording."""
    return RETRY.join(attempt(answer) + RECHECK + verification(confirms) for answer, confirms in steps)


def build_tokenizer():
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    corpus = [response((a, False), (b, True)) + f" What is {a} + {b}?" for a in ANSWERS for b in ANSWERS] * 20
    bpe = Tokenizer(models.BPE())
    bpe.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bpe.decoder = decoders.ByteLevel()
    special = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
    trainer = trainers.BpeTrainer(
        vocab_size=512,
        special_tokens=special,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    bpe.train_from_iterator(corpus, trainer)
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=bpe, eos_token="<|im_end|>", pad_token="<|endoftext|>", padding_side="left"
    )
    tokenizer.model_max_length = 1024
    tokenizer.chat_template = _CHAT_TEMPLATE
    return tokenizer


def build_model(folder: Path, *, warm_steps: int = 0, seed: int = 0) -> Path:
    """Save a tiny Qwen2 and its tokenizer in `folder`.

    warm_steps > 0 first teaches the form of a trajectory with random answers and random verdicts: a policy
    that writes readable trajectories and knows nothing, so that reinforcement learning has something to
    raise.
    """
    import torch
    from transformers import Qwen2Config, Qwen2ForCausalLM

    tokenizer = build_tokenizer()
    torch.manual_seed(seed)
    config = Qwen2Config(
        vocab_size=len(tokenizer),
        hidden_size=64,
        intermediate_size=128,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=1024,
        bos_token_id=None,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
        tie_word_embeddings=True,
    )
    model = Qwen2ForCausalLM(config)
    if warm_steps:
        _teach_the_form(model, tokenizer, warm_steps, seed)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def _teach_the_form(model, tokenizer, steps: int, seed: int) -> None:
    import torch

    rng = random.Random(seed)
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    for _ in range(steps):
        batch = []
        for _ in range(16):
            problem = rng.choice(problems())
            chain = [(rng.choice(ANSWERS), rng.random() < 0.5)]
            if not chain[0][1]:
                chain.append((rng.choice(ANSWERS), True))
            chat = [{"role": "user", "content": problem["question"]}]
            prompt = tokenizer.apply_chat_template(chat, add_generation_prompt=True, tokenize=False)
            batch.append(prompt + response(*chain) + tokenizer.eos_token)
        encoded = tokenizer(batch, return_tensors="pt", padding=True, padding_side="right")
        labels = encoded.input_ids.masked_fill(encoded.attention_mask == 0, -100)
        loss = model(**encoded, labels=labels).loss
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


def problems() -> list[dict[str, str]]:
    return [
        {"question": "What is 1 + 1?", "gold": "2"},
        {"question": "What is 1 + 2?", "gold": "3"},
        {"question": "What is 2 + 1?", "gold": "3"},
        {"question": "What is 2 + 2?", "gold": "4"},
    ]


def rl_rows(count: int, **extra: Any) -> list[dict[str, Any]]:
    """Rows in verl's RL schema: prompt, data_source, reward_model.ground_truth, extra_info."""
    rows = []
    for index in range(count):
        problem = problems()[index % len(problems())]
        rows.append(
            {
                "data_source": "s2r/sums",
                "prompt": [{"role": "user", "content": problem["question"]}],
                "ability": "math",
                "reward_model": {"style": "rule", "ground_truth": problem["gold"]},
                "extra_info": {"index": index, "level": 1 + index % 2, **extra},
            }
        )
    return rows


def tokens_actions(row: dict[str, Any]) -> list[int]:
    """1 + the action of each token of a sample as the agent loop stores it, 0 for none; as the actor's loss makes it."""
    import torch

    from s2r_verl.records import SPANS, action_ids, unpack

    return action_ids([unpack(row[SPANS])], torch.ones(1, len(row["response_mask"])))[0].tolist()


def write_parquet(path: Path, rows: list[dict[str, Any]]) -> Path:
    import pyarrow as pa
    import pyarrow.parquet as pq

    pq.write_table(pa.Table.from_pylist(rows), path)
    return path
