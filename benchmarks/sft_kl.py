"""What the KL term of Eq. 1 costs: time and peak memory of an SFT step with and without it, as ratios.

One process a way, on the CPU: a small Qwen2 with a large vocabulary, one micro-batch, forward and backward. `naive` holds the
probabilities of the whole vocabulary for all tokens; `chunked` is `s2r_rewards.losses.sft_loss`. Time is of one thread on the CPU.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import time

from kit import PYTHON, RESULTS, arguments, publish, table

WAYS = ("without", "chunked", "naive")


def measure(way: str, given: argparse.Namespace) -> dict[str, float]:
    import torch
    from transformers import Qwen2Config, Qwen2ForCausalLM

    from s2r_rewards.losses import sft_loss

    torch.manual_seed(0)
    torch.set_num_threads(1)
    config = Qwen2Config(vocab_size=given.vocabulary, hidden_size=256, intermediate_size=1024, num_hidden_layers=4,
                         num_attention_heads=4, num_key_value_heads=2)  # fmt: skip
    model = Qwen2ForCausalLM(config)
    reference = None if way == "without" else Qwen2ForCausalLM(config).eval().requires_grad_(False)
    ids = torch.randint(given.vocabulary, (1, given.tokens))
    mask = torch.ones(1, given.tokens - 1)

    def step() -> None:
        logits = model(ids).logits[:, :-1]
        with torch.no_grad():
            ref = None if reference is None else reference(ids).logits[:, :-1]
        if way == "naive":
            p, q = logits.log_softmax(-1), ref.log_softmax(-1)
            nll = -p.gather(-1, ids[:, 1:, None])[..., 0]
            loss = (nll + 0.1 * (p.exp() * (p - q)).sum(-1)).mean()
        else:
            loss, _ = sft_loss(logits, ids[:, 1:], mask, ref, 0.1 if reference is not None else 0.0)
        loss.backward()
        model.zero_grad()

    step()
    best = float("inf")
    for _ in range(given.repeats):
        start = time.process_time()
        step()
        best = min(best, time.process_time() - start)
    return {"seconds": best, "gib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20}


def main() -> None:
    parser = arguments(__doc__, tokens=1024, vocabulary=32_000, repeats=4)
    parser.add_argument("--way", choices=WAYS)
    parser.add_argument("--write", action="store_true", help="write benchmarks/results/sft_kl.md")
    given = parser.parse_args()
    if given.way:
        print(json.dumps(measure(given.way, given)))
        return
    found = {}
    for way in WAYS:
        command = [sys.executable, __file__, *sys.argv[1:], "--way", way]
        found[way] = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    plain = found["without"]
    rows = [
        [way, f"{one['seconds']:.2f}", f"{one['seconds'] / plain['seconds']:.2f}", f"{one['gib']:.2f} GiB",
         f"{one['gib'] / plain['gib']:.2f}"]
        for way, one in found.items()
    ]  # fmt: skip
    lines = table(["KL term", "CPU s a step", "ratio", "peak memory", "ratio"], rows, numbers=4)
    about = f"{given.tokens} tokens, a vocabulary of {given.vocabulary:,}, one thread, {PYTHON}."
    publish(["# The KL term of SFT", "", about, "", *lines], RESULTS / "sft_kl.md" if given.write else None)


if __name__ == "__main__":
    main()
