"""The tokenised SFT rows in TRL's real SFTTrainer: what is in the loss is what Eq. 1 says."""

import json
import math

from datasets import load_dataset
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast, Qwen2Config, Qwen2ForCausalLM
from trl import SFTConfig, SFTTrainer

from s2r_rewards.datasets.formats import trl_sft_tokens
from s2r_rewards.datasets.initialization import INITIALIZATION_PRESETS, VerifiedAttempt, assemble
from s2r_rewards.datasets.problems import Problem
from s2r_rewards.trajectory import Verdict

WRONG = VerifiedAttempt("It is \\boxed{5}.", "5", False, "Therefore, the answer is incorrect.", Verdict.INCORRECT)
RIGHT = VerifiedAttempt("It is \\boxed{4}.", "4", True, "Therefore, the answer is correct.", Verdict.CORRECT)
SEGMENTS = assemble([WRONG, RIGHT], INITIALIZATION_PRESETS["paper"])


def make_tokenizer():
    bpe = Tokenizer(models.BPE())
    bpe.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bpe.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    bpe.train_from_iterator(
        ["".join(s.text for s in SEGMENTS)] * 4,
        trainers.BpeTrainer(vocab_size=320, special_tokens=["<|im_end|>"], initial_alphabet=alphabet),
    )
    template = "{% for m in messages %}{{ m['role'] }}: {{ m['content'] }}\n{% endfor %}assistant: "
    return PreTrainedTokenizerFast(
        tokenizer_object=bpe, eos_token="<|im_end|>", pad_token="<|im_end|>", chat_template=template
    )


def test_the_loss_covers_the_trained_segments_and_nothing_else(tmp_path):
    tokenizer = make_tokenizer()
    row = trl_sft_tokens(Problem("p", "What is 2 + 2?", "4"), SEGMENTS, tokenizer, system=None)
    path = tmp_path / "sft.jsonl"
    path.write_text((json.dumps(row) + "\n") * 4)
    config = Qwen2Config(
        vocab_size=len(tokenizer),
        hidden_size=16,
        intermediate_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        num_key_value_heads=1,
    )
    trainer = SFTTrainer(
        model=Qwen2ForCausalLM(config),
        args=SFTConfig(
            output_dir=str(tmp_path / "out"), max_steps=1, per_device_train_batch_size=2, report_to="none",
            use_cpu=True, bf16=False, max_length=512, logging_steps=1,
        ),
        train_dataset=load_dataset("json", data_files=str(path), split="train", cache_dir=str(tmp_path / "cache")),
        processing_class=tokenizer,
    )  # fmt: skip
    batch = next(iter(trainer.get_train_dataloader()))
    labels = [token for token in batch["labels"][0].tolist() if token != -100]
    expected = "".join(s.text for s in SEGMENTS if s.trained) + "<|im_end|>"
    assert tokenizer.decode(labels, skip_special_tokens=False) == expected
    trainer.train()
    assert math.isfinite(trainer.state.log_history[-1]["train_loss"])
