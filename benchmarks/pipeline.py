#!/usr/bin/env python3
"""From token ids to advantages in [B, T]: time per stage and peak memory, beside the naive way, in one run.

The naive way is written here after the released code's method: one sample at a time, marker ids joined to
strings and split there, every segment decoded again, baselines summed in a dictionary of prefixes, tensors
filled token by token.

Examples:
  python benchmarks/pipeline.py                                     16,384 rollouts of about 600 tokens
  python benchmarks/pipeline.py --rollouts 2048 --markdown out.md
  python benchmarks/pipeline.py --rollouts 64 --words 40000 --against ../other-checkout
"""

import contextlib
import json
import math
import os
import random
import re
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import kit
import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

from s2r_rewards import action_rewards, judge_many, parse, process_advantages
from s2r_rewards.tensors import action_ids, spread
from s2r_rewards.testing import Script
from s2r_rewards.tokens import decode_with_offsets, spans_from_offsets

W, R = "Wait, let me recheck my solution.", "Let me try again."
WORDS = "the sum of these two terms equals so we divide both sides and get that therefore each side x y n"


def make_tokenizer(corpus: list[str]) -> PreTrainedTokenizerFast:
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=2000, initial_alphabet=alphabet, special_tokens=["<|im_end|>"], show_progress=False
    )
    tokenizer.train_from_iterator(corpus, trainer)
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token="<|im_end|>")


def make_response(rng: random.Random, gold: str, words: int) -> str:
    """1 to 4 attempts, 2.2 on average; a verdict is true nine times out of ten."""
    attempts = rng.choices((1, 2, 3, 4), weights=(32, 32, 20, 16))[0]
    share = words // (2 * attempts)

    def prose() -> str:
        return " ".join(rng.choices(WORDS.split(), k=share))

    script = Script()
    for k in range(attempts):
        right = k == attempts - 1 and rng.random() < 0.7
        answer = gold if right else str(rng.randint(1000, 2000))
        verdict = "correct" if (k == attempts - 1) == (rng.random() < 0.9) else "incorrect"
        script = script.solve(answer, f"{prose()} \\boxed{{{answer}}}.")
        working = f"{prose()} = {rng.randint(1, 999)}."
        script = script.verify(verdict, f"{working} Therefore, the answer is {verdict}.")
    return script.text()


class Clock:
    """Wall seconds and peak resident memory (MiB) per stage; Linux resets its high-water mark in between."""

    def __init__(self) -> None:
        self.stages: dict[str, tuple[float, float]] = {}
        self.cpu: dict[str, float] = {}

    def __call__(self, stage: str, work: Callable[[], Any]) -> Any:
        memory = Path("/proc/self")
        with contextlib.suppress(OSError):
            (memory / "clear_refs").write_text("5")
        start, cpu = time.perf_counter(), time.process_time()
        result = work()
        self.cpu[stage] = time.process_time() - cpu
        seconds = time.perf_counter() - start
        status = (memory / "status").read_text() if memory.exists() else ""
        found = re.search(r"VmHWM:\s+(\d+) kB", status)
        self.stages[stage] = seconds, int(found[1]) / 1024 if found else math.nan
        return result

    @property
    def seconds(self) -> float:
        return sum(seconds for seconds, _ in self.stages.values())


def library(
    clock: Clock, samples: list[list[int]], golds: list[str], tokenizer: Any, length: int
) -> list[Sequence[float]]:
    """The library's way, stage by stage; returns the rewards of each rollout's actions."""
    decoded = clock("tokens: ids → text, offsets", lambda: [decode_with_offsets(s, tokenizer) for s in samples])
    trajectories = clock("parse", lambda: [parse(text) for text, _ in decoded])
    judged = clock("judge", lambda: judge_many(trajectories, golds))
    rewards = clock("rewards", lambda: [action_rewards(j) for j in judged])
    advantages = clock("baselines, advantages", lambda: process_advantages(rewards))
    spans = clock(
        "tokens: spans",
        lambda: [
            spans_from_offsets(offsets, [(a.start, a.end) for a in trajectory.actions])
            for (_, offsets), trajectory in zip(decoded, trajectories, strict=True)
        ],
    )
    clock("tensors", lambda: (spread(advantages, spans, length), action_ids(spans, length)))
    return rewards


def naive(
    clock: Clock, samples: list[list[int]], golds: list[str], tokenizer: Any, length: int
) -> list[Sequence[float]]:
    """One sample at a time, on strings of token ids."""
    wait, again = (
        [" ".join(map(str, tokenizer.encode(s + marker, add_special_tokens=False))) for s in ("", "\n\n", " ")]
        for marker in (W, R)
    )
    splitter = re.compile("(" + "|".join(map(re.escape, wait + again)) + ")")
    box = re.compile(r"\\boxed\{([^{}]*)\}")

    def reward_lists() -> list[tuple[list[float], list[int]]]:
        out = []
        for ids, gold in zip(samples, golds, strict=True):
            pieces = splitter.split(" ".join(map(str, ids)))
            rewards, lengths, right = [], [], False
            for n in range(0, len(pieces), 2):
                segment = [int(i) for i in pieces[n].split()]
                text = tokenizer.decode(segment)
                if n and pieces[n - 1] in wait:
                    said = "incorrect" not in text
                    rewards.append(1.0 if said == right else -1.0)
                else:
                    answers = box.findall(text)
                    right = bool(answers) and answers[-1].strip() == gold
                    rewards.append(1.0 if right else -1.0)
                lengths.append(len(segment) + (len(pieces[n - 1].split()) if n else 0))
            out.append((rewards, lengths))
        return out

    scored = clock("split, decode, match", reward_lists)

    def advantages() -> list[list[float]]:
        sums: dict[tuple, list[float]] = defaultdict(lambda: [0.0, 0])
        for rewards, _ in scored:
            for t, reward in enumerate(rewards):
                entry = sums[tuple(rewards[:t])]
                entry[0] += reward
                entry[1] += 1
        means = {key: total / count for key, (total, count) in sums.items()}
        return [[r - means[tuple(rewards[:t])] for t, r in enumerate(rewards)] for rewards, _ in scored]

    values = clock("baselines, advantages", advantages)

    def fill() -> torch.Tensor:
        out = torch.zeros(len(samples), length)
        for i, ((_, lengths), row) in enumerate(zip(scored, values, strict=True)):
            at = 0
            for size, value in zip(lengths, row, strict=True):
                for t in range(at, min(at + size, length)):
                    out[i, t] = value
                at += size
        return out

    clock("tensors", fill)
    return [rewards for rewards, _ in scored]


def compare(options: Any) -> None:
    """The library of this checkout and of another one, in processes of their own that take turns; CPU seconds."""
    trees = {"this": Path(__file__).resolve().parents[1], "other": options.against.resolve()}
    best: dict[str, dict[str, float]] = {name: {} for name in trees}
    for _ in range(3):
        for name, tree in trees.items():
            command = [sys.executable, __file__, "--rollouts", str(options.rollouts), "--words", str(options.words)]
            environment = {**os.environ, "PYTHONPATH": str(tree)}
            done = subprocess.run([*command, "--stages"], env=environment, capture_output=True, text=True, check=True)
            for stage, seconds in json.loads(done.stdout.splitlines()[-1]).items():
                best[name][stage] = min(seconds, best[name].get(stage, math.inf))
    rows = [
        (stage, f"{mine:.3f}", f"{best['other'][stage]:.3f}", f"{best['other'][stage] / max(mine, 1e-9):.1f}")
        for stage, mine in best["this"].items()
    ]
    totals = [sum(stages.values()) for stages in best.values()]
    rows.append(("**all**", f"**{totals[0]:.3f}**", f"**{totals[1]:.3f}**", f"**{totals[1] / totals[0]:.1f}**"))
    lines = [
        f"# From token ids to advantages, beside {options.against.name}",
        "",
        f"{options.rollouts:,} rollouts of {options.words:,} words; CPU seconds, the best of three runs that took turns.",
        "",
        *kit.table(["stage", "this", options.against.name, "times as fast"], rows, numbers=3),
    ]
    kit.publish(lines, options.markdown)


def main() -> None:
    parser = kit.arguments(__doc__, rollouts=16_384)
    parser.add_argument("--against", type=Path, help="another checkout of this library, to be timed beside this one")
    parser.add_argument("--stages", action="store_true", help="the library alone: CPU seconds of its stages, as JSON")
    parser.add_argument("--words", type=int, default=515, help="words of prose a response; 515 make about 600 tokens")
    parser.add_argument("--markdown", type=Path, help="write the table here as well")
    options = parser.parse_args()
    if options.against:
        compare(options)
        return
    rng = random.Random(0)
    golds = [str(rng.randint(1000, 2000)) for _ in range(options.rollouts)]
    texts = [make_response(rng, gold, options.words) for gold in golds]
    tokenizer = make_tokenizer(texts[:200])
    samples = [[*ids, tokenizer.eos_token_id] for ids in tokenizer(texts, add_special_tokens=False)["input_ids"]]
    length = max(map(len, samples))
    if options.stages:
        library(Clock(), samples[: len(samples) // 8 + 1], golds[: len(samples) // 8 + 1], tokenizer, length)  # warm
        clock = Clock()
        library(clock, samples, golds, tokenizer, length)
        print(json.dumps(clock.cpu))
        return
    clocks = {"s2r-rewards": Clock(), "naive": Clock()}
    ours = library(clocks["s2r-rewards"], samples, golds, tokenizer, length)
    theirs = naive(clocks["naive"], samples, golds, tokenizer, length)

    attempts = sum((len(r) + 1) // 2 for r in ours) / len(samples)
    tokens = sum(map(len, samples)) / len(samples)
    agree = sum(list(a) == b for a, b in zip(ours, theirs, strict=True)) / len(samples)
    rows = []
    for name, clock in clocks.items():
        rows += [(name, stage, f"{seconds:.2f}", f"{peak:.0f}") for stage, (seconds, peak) in clock.stages.items()]
        rows.append((f"**{name}**", "**all**", f"**{clock.seconds:.2f}**", ""))
    ratio = clocks["naive"].seconds / clocks["s2r-rewards"].seconds
    lines = [
        "# From token ids to advantages",
        "",
        f"{len(samples):,} rollouts, {tokens:.0f} tokens and {attempts:.2f} attempts on average, T = {length}.",
        "",
        *kit.table(["", "stage", "seconds", "peak MiB"], rows, numbers=2),
        "",
        f"The naive way takes {ratio:.1f} times as long; its rewards agree on {agree:.1%} of the rollouts.",
    ]
    kit.publish(lines, options.markdown)


if __name__ == "__main__":
    main()
