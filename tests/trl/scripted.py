"""A real S2RTrainer with a tiny model whose completions are written here; also a program, for several processes:

python tests/trl/scripted.py OUTPUT.json '{"gradient_accumulation_steps": 2}' '{"options": {"method": "s2r-prl"}}'
"""

import json
import os
import sys
from pathlib import Path

os.environ.update(WANDB_MODE="disabled", TRL_EXPERIMENTAL_SILENCE="1", HF_HUB_OFFLINE="1")

import torch
from datasets import Dataset
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast, Qwen2Config, Qwen2ForCausalLM
from trl import GRPOConfig

from s2r_rewards.adapter import Options
from s2r_trl.trainer import S2RTrainer

CHECK, RETRY = "Wait, let me recheck my solution.\n", "Let me try again.\n"
RIGHT, WRONG = "\\boxed{5}\n", "\\boxed{4}\n"
YES, NO = "Therefore, the answer is correct.", "Therefore, the answer is incorrect."
TEXTS = [
    RIGHT + CHECK + YES,
    WRONG + CHECK + NO + "\n" + RETRY + RIGHT + CHECK + YES,
    WRONG + CHECK + YES,
    RIGHT + CHECK + NO,
    WRONG + CHECK + NO + "\n" + RETRY + WRONG + CHECK + NO,
    "no answer",
    RIGHT,
]
BATCH, SAMPLES = 16, 4


def make_tokenizer():
    bpe = Tokenizer(models.BPE())
    bpe.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bpe.decoder = decoders.ByteLevel()
    special = ["<|endoftext|>", "<|im_end|>"]
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    bpe.train_from_iterator(
        TEXTS * 4,
        trainers.BpeTrainer(vocab_size=330, initial_alphabet=alphabet, special_tokens=special, show_progress=False),
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=bpe, eos_token="<|im_end|>", pad_token="<|endoftext|>", padding_side="left"
    )


TOKENIZER = make_tokenizer()


def text_at(position, call):
    """What the completion at a position of the whole batch says, whichever process makes it."""
    return TEXTS[(position * 3 + position // 4 + call) % len(TEXTS)]


class Scripted(S2RTrainer):
    """Generates what :func:`text_at` says; all else is TRL's and ours."""

    calls = 0

    def _generate_single_turn(self, prompt_ids, *rest, **more):
        found = super()._generate_single_turn(prompt_ids, *rest, **more)
        count = len(found[0])
        first = self.accelerator.process_index * count
        texts = [text_at(first + j, self.calls) for j in range(count)]
        self.calls += 1
        ids = [TOKENIZER(text)["input_ids"] + [TOKENIZER.eos_token_id] for text in texts]
        return (ids, None if found[1] is None else [[0.0] * len(one) for one in ids], *found[2:])


def make_model():
    torch.manual_seed(0)
    return Qwen2ForCausalLM(
        Qwen2Config(
            vocab_size=len(TOKENIZER), hidden_size=32, intermediate_size=32, num_hidden_layers=1,
            num_attention_heads=2, num_key_value_heads=2,
            eos_token_id=TOKENIZER.eos_token_id, pad_token_id=TOKENIZER.pad_token_id,
        )
    )  # fmt: skip


def dataset(rows=64):
    return Dataset.from_list([{"prompt": f"2 + 3? {i}", "gold": "5", "level": i % 2} for i in range(rows)])


def make_config(folder, **changes):
    world = int(os.environ.get("WORLD_SIZE", "1"))
    steps = changes.get("gradient_accumulation_steps", 1)
    settings = {
        "output_dir": str(folder), "per_device_train_batch_size": BATCH // world // steps, "num_generations": SAMPLES,
        "max_completion_length": 120, "max_steps": 1, "report_to": [], "use_cpu": True, "bf16": False, "logging_steps": 1,
        "save_strategy": "no", "learning_rate": 1e-2, "optim": "sgd", "lr_scheduler_type": "constant", "max_grad_norm": 0,
        "disable_dropout": True, "temperature": 1.0,
    }  # fmt: skip
    return GRPOConfig(**(settings | changes))


def make_trainer(folder, options=None, kind=Scripted, model=None, changes=None, **more):
    given = options if isinstance(options, Options) else Options(**(options or {}))
    return kind(
        model=model or make_model(), args=make_config(folder, **(changes or {})), train_dataset=dataset(),
        processing_class=TOKENIZER, options=given, **more,
    )  # fmt: skip


def weights_of(trainer):
    model = trainer.accelerator.unwrap_model(trainer.model)
    return torch.cat([p.detach().flatten() for p in model.parameters()]).tolist()


def main(output, changes, more):
    trainer = make_trainer(Path(output).parent / "out", changes=json.loads(changes), **json.loads(more))
    trainer.train()
    if trainer.accelerator.is_main_process:
        Path(output).write_text(json.dumps({"weights": weights_of(trainer), "log": trainer.state.log_history}))


if __name__ == "__main__":
    main(*sys.argv[1:])
