"""A tiny base model that answers sums (often wrongly) and verifies proposed answers. No network.

``python tiny_base.py FOLDER`` trains it from random weights and writes FOLDER/model and FOLDER/sums.jsonl.
"""

import json
import random
import sys
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).parent.parent / "openrlhf"))
import tiny

from s2r_rewards.datasets.formats import messages
from s2r_rewards.datasets.verification import STYLES, verification_messages

LARGEST = 5
STEPS, BATCH = 500, 24


def solution(rng, a, b):
    answer = a + b if rng.random() < 0.55 else rng.choice([a + b + 1, max(a + b - 1, 0), a + b + 2])
    return answer, f"{a} + {b} = \\boxed{{{answer}}}."


def conversation(rng):
    """A prompt as messages and the reply to learn."""
    a, b = rng.randint(0, LARGEST), rng.randint(0, LARGEST)
    answer, text = solution(rng, a, b)
    if rng.random() < 0.35:
        return messages(tiny.question(a, b)), text
    verdict = "correct" if answer == a + b else "incorrect"
    prompt = verification_messages(tiny.question(a, b), text, str(answer), rng.choice(STYLES))
    return prompt, f"It says {answer}, and {a} + {b} = {a + b}. Therefore, the answer is {verdict}."


def train(folder):
    rng = random.Random(0)
    examples = [conversation(rng) for _ in range(STEPS * BATCH)]
    sample = examples[:400]
    texts = ["\n".join(m["content"] for m in prompt) + "\n" + reply for prompt, reply in sample]
    # The trajectories of the SFT stage are to be cut into few tokens as well.
    texts += [row["response"] for row in tiny.problems(200, seed=1)]
    tokenizer = tiny.build_tokenizer([*texts, "<|im_start|>system\n<|im_start|>user\n<|im_start|>assistant\n"])
    model = tiny.build_model(tokenizer).float()
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 3e-3, total_steps=STEPS)
    for step in range(STEPS):
        rows = []
        for prompt, reply in examples[step * BATCH : (step + 1) * BATCH]:
            head = tokenizer.apply_chat_template(prompt, add_generation_prompt=True, tokenize=False)
            head_ids = tokenizer(head, add_special_tokens=False)["input_ids"]
            ids = tokenizer(reply + "<|im_end|>", add_special_tokens=False)["input_ids"]
            rows.append((head_ids + ids, [-100] * len(head_ids) + ids))
        width = max(len(ids) for ids, _ in rows)
        inputs = torch.tensor([ids + [0] * (width - len(ids)) for ids, _ in rows])
        labels = torch.tensor([label + [-100] * (width - len(label)) for _, label in rows])
        mask = torch.tensor([[1] * len(ids) + [0] * (width - len(ids)) for ids, _ in rows])
        loss = model(input_ids=inputs, attention_mask=mask, labels=labels).loss
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        if step % 50 == 0:
            print(step, width, round(loss.item(), 4), flush=True)
    model.to(torch.bfloat16).save_pretrained(folder / "model")
    tokenizer.save_pretrained(folder / "model")


def write_sums(path):
    """Every sum the model knows, as a data set of one's own."""
    pairs = [(a, b) for a in range(LARGEST + 1) for b in range(LARGEST + 1)]
    rows = [
        {"id": f"{a}+{b}", "problem": tiny.question(a, b), "answer": str(a + b), "level": str(1 + (a + b) // 4)}
        for a, b in pairs
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    write_sums(folder / "sums.jsonl")
    train(folder)
