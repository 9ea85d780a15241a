"""A tiny Qwen2, its byte-level BPE tokenizer and S²R problems with the paper's markers. No network.

`python tiny.py FOLDER` writes FOLDER/model, FOLDER/trajectories.jsonl and FOLDER/prompts.jsonl.
"""

import json
import random
import sys
from functools import lru_cache
from pathlib import Path

RECHECK = "Wait, let me recheck my solution.\n\n"
RETRY = "\n\nLet me try again.\n\n"
CHATML = (
    "{% for message in messages %}"
    "{{ '<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' + '\n' }}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
# How Qwen2 cuts text before byte-pair encoding; transformers puts it back whatever the file says.
QWEN2_WORDS = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
LARGEST = 4


def question(a: int, b: int) -> str:
    return f"What is {a} + {b}?"


def attempt(a: int, b: int, answer: int) -> str:
    return f"{a} + {b} = \\boxed{{{answer}}}.\n\n"


def verification(verdict: str) -> str:
    return f"{RECHECK}I add once more. Therefore, the answer is {verdict}."


def trajectory(a: int, b: int, wrong: list[int], last: int) -> str:
    """The wrong attempts, each rejected, then the last one, confirmed."""
    rejected = [attempt(a, b, answer) + verification("incorrect") for answer in wrong]
    return RETRY.join([*rejected, attempt(a, b, last) + verification("correct")])


def problems(count: int, seed: int, wrong_rate: float = 0.35, slip_rate: float = 0.5) -> list[dict]:
    """Rows with problem_id, prompt, gold and a response in the shape of the paper's SFT data.

    With ``slip_rate`` the last attempt is wrong as well, so that a model which imitates them well is right about
    half of the time, and RL has something to improve.
    """
    rng = random.Random(seed)
    rows = []
    for index in range(count):
        a, b = rng.randint(0, LARGEST), rng.randint(0, LARGEST)
        others = [n for n in range(2 * LARGEST + 1) if n != a + b]
        wrong = []
        while rng.random() < wrong_rate and len(wrong) < 2:
            wrong.append(rng.choice(others))
        last = rng.choice(others) if rng.random() < slip_rate else a + b
        rows.append(
            {
                "problem_id": f"sum-{index}",
                "prompt": question(a, b),
                "gold": str(a + b),
                "response": trajectory(a, b, wrong, last),
            }
        )
    return rows


@lru_cache(maxsize=1)
def tokenizer():
    """The tiny model's."""
    return build_tokenizer([row["prompt"] + "\n" + row["response"] for row in problems(64, seed=0)])


def build_tokenizer(texts: list[str]):
    from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(QWEN2_WORDS), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=416,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        special_tokens=["<|endoftext|>", "<|im_start|>", "<|im_end|>"],
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        eos_token="<|im_end|>",
        pad_token="<|endoftext|>",
        additional_special_tokens=["<|im_start|>"],
        chat_template=CHATML,
    )


def build_model(tokenizer, seed: int = 0):
    import torch
    from transformers import Qwen2Config, Qwen2ForCausalLM

    torch.manual_seed(seed)
    config = Qwen2Config(
        vocab_size=512,
        hidden_size=64,
        intermediate_size=128,
        num_hidden_layers=2,
        num_attention_heads=2,  # head size 32: the smallest vLLM takes on a CPU
        num_key_value_heads=1,
        max_position_embeddings=1024,
        tie_word_embeddings=False,
        bos_token_id=None,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    return Qwen2ForCausalLM(config).to(torch.bfloat16)


def write_jsonl(path: Path, rows: list[dict]) -> None:
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")


def write_all(folder: Path, count: int = 512, prompts: int = 64) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    rows = problems(count, seed=0)
    texts = [row["prompt"] + "\n" + row["response"] for row in rows]
    tokenizer = build_tokenizer([*texts, "<|im_start|>user\n<|im_start|>assistant\n"])
    model = build_model(tokenizer)
    model.save_pretrained(folder / "model")
    tokenizer.save_pretrained(folder / "model")
    write_jsonl(folder / "trajectories.jsonl", rows)
    write_jsonl(folder / "prompts.jsonl", [{"input": row["prompt"], "gold": row["gold"]} for row in rows[:prompts]])


if __name__ == "__main__":
    write_all(Path(sys.argv[1]))
