"""What S²R's scoring and advantages cost in OpenRLHF, beside its own reward function path and RLOO in the same run.

    python benchmarks/openrlhf_scoring.py [--prompts 64] [--rounds 5] [-o benchmarks/results/openrlhf_scoring.md]

In an environment with OpenRLHF. Both get the same token ids and do what its rollout worker does with one response at a
time: OpenRLHF decodes prompt and response, takes the boxed answer and grades it (its own `extract_boxed_answer` and
`grade_answer`); ours reads the response's tokens, judges every action and finds its tokens. Then the real experience
maker makes advantages of the batch: RLOO, and process level with reward contexts. CPU seconds of this process; symbolic
workers are not asked by these answers.
"""

import statistics
import time
from pathlib import Path
from types import SimpleNamespace as Settings
from typing import Any

import kit
import torch
from openrlhf.trainer.ppo_utils.experience_maker import RemoteExperienceMaker
from openrlhf.trainer.ppo_utils.samples_generator import SamplesGenerator
from openrlhf.utils import extract_boxed_answer, grade_answer

from s2r_openrlhf.carried import into_output
from s2r_openrlhf.maker import S2RExperienceMaker
from s2r_openrlhf.options import Options
from s2r_rewards.testing import Script

SAMPLES = 4
PROMPT = "<|im_start|>user\nFind the sum of the digits of the product.<|im_end|>\n<|im_start|>assistant\n"
FILLER = "We expand the product term by term and collect the powers, keeping track of every sign. " * 6
OPTIONS = Options(alarms=False)


def tokenizer() -> Any:
    """Byte-level BPE over the texts of this benchmark, fast as the tokenizers of real models are."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    made = Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    special = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=1000, initial_alphabet=alphabet, special_tokens=special, show_progress=False
    )
    made.train_from_iterator([PROMPT + text for text, _ in texts(16)], trainer)
    return PreTrainedTokenizerFast(tokenizer_object=made, eos_token="<|im_end|>", pad_token="<|endoftext|>")


def texts(count: int) -> list[tuple[str, str]]:
    """(response of three attempts and about 2,600 characters, golden answer); every second one ends wrong."""
    made = []
    for i in range(count):
        script = Script(end_token="<|im_end|>")
        last = i if i % 2 else i + 3
        for answer, verdict in ((i + 1, "incorrect"), (i + 2, "incorrect"), (last, "correct")):
            script = script.solve(str(answer), f"{FILLER}So the answer is \\boxed{{{answer}}}.")
            script = script.verify(verdict, f"{FILLER[:200]}Therefore, the answer is {verdict}.")
        made.append((script.text(), str(i)))
    return made


def outputs(count: int, tok: Any) -> list[dict[str, Any]]:
    """What an executor has when a response is generated."""
    prompt = tok(PROMPT, add_special_tokens=False)["input_ids"]
    made = []
    for text, gold in texts(count):
        ids = prompt + tok(text, add_special_tokens=False)["input_ids"]
        output = {"prompt": PROMPT, "label": gold, "observation_tokens": ids, "rollout_log_probs": None}
        made.append({**output, "action_ranges": [(len(prompt), len(ids))], "truncated": False, "extra_logs": {}})
    return made


def theirs(output: dict[str, Any], tok: Any) -> dict[str, Any]:
    query = tok.decode(output["observation_tokens"], skip_special_tokens=False)
    reward = float(grade_answer(extract_boxed_answer(query[len(PROMPT) :]), output["label"]))
    return {**output, "reward": reward, "scores": reward}


def ours(output: dict[str, Any], tok: Any) -> dict[str, Any]:
    return into_output(output, output["label"], tok, OPTIONS)


def maker(kind: Any, tok: Any, **more: Any) -> Any:
    advantage = Settings(estimator="rloo", gamma=1.0, lambd=1.0, no_std_norm=True)
    args = Settings(
        algo=Settings(advantage=advantage, kl=Settings(use_loss=False)),
        rollout=Settings(n_samples_per_prompt=SAMPLES, micro_batch_size=16, max_new_tokens=None),
        train=Settings(dynamic_batch_enable=False),
        reward=Settings(clip_range=(-10, 10), overlong_buffer_len=None, stop_properly_penalty_coef=None),
        data=Settings(max_len=8192),
    )
    return kind(None, None, None, None, Settings(value=0.0), Settings(args=args), tok, **more)


def timed(score: Any, make: Any, raw: list[dict[str, Any]], tok: Any) -> tuple[float, float]:
    """CPU seconds of (scoring, advantages) for the batch."""
    start = time.process_time()
    scored = [score(output, tok) for output in raw]
    middle = time.process_time()
    generator = SamplesGenerator.__new__(SamplesGenerator)
    samples = [generator._process_response_into_experience(output, max_len=8192) for output in scored]
    batches = make.split_rollout_samples(samples)
    for batch in batches:
        batch.kl = torch.zeros(batch.action_mask.shape)
    before = time.process_time()
    make.compute_advantages_and_returns(batches)
    return middle - start, time.process_time() - before


def main() -> None:
    parser = kit.arguments(__doc__, prompts=64, rounds=5)
    parser.add_argument("-o", "--output", type=Path)
    options = parser.parse_args()
    tok = tokenizer()
    raw = outputs(SAMPLES * options.prompts, tok)
    makers = maker(RemoteExperienceMaker, tok), maker(S2RExperienceMaker, tok, options=OPTIONS)
    timed(theirs, makers[0], raw[:8], tok), timed(ours, makers[1], raw[:8], tok)  # warm up
    found: list[list[tuple[float, float]]] = [[], []]
    for _ in range(options.rounds):
        found[0].append(timed(theirs, makers[0], raw, tok))
        found[1].append(timed(ours, makers[1], raw, tok))
    rows = []
    for name, rounds in zip(("OpenRLHF: boxed answer, RLOO", "s2r: every action, process level"), found, strict=True):
        scoring, advantages = (statistics.median(column) for column in zip(*rounds, strict=True))
        rows.append([name, f"{1e6 * scoring / len(raw):.0f} µs", f"{1e6 * advantages / len(raw):.0f} µs"])
    ratios = [sum(b) / sum(a) for a, b in zip(*found, strict=True)]
    tokens = sum(len(output["observation_tokens"]) for output in raw) / len(raw)
    lines = [
        "# Scoring and advantages in OpenRLHF",
        "",
        f"{len(raw)} responses of three attempts, about 2,600 characters and {tokens:.0f} tokens; CPU time a response, "
        f"medians of {len(ratios)} rounds in turn ({kit.PYTHON}).",
        "",
        *kit.table(["path", "scoring", "advantages"], rows, 2),
        "",
        f"Ours / OpenRLHF's: {statistics.median(ratios):.2f} (rounds: {', '.join(f'{r:.2f}' for r in ratios)}).",
        "",
        "Made by `python benchmarks/openrlhf_scoring.py`.",
    ]
    kit.publish(lines, options.output)


if __name__ == "__main__":
    main()
