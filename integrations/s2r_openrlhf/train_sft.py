"""``deepspeed --module s2r_openrlhf.train_sft``: OpenRLHF's SFT trainer with the KL term of Eq. 1.

Takes every option of ``openrlhf.cli.train_sft``, and

  --s2r.beta B           β of Eq. 1 (arXiv:2502.12853): 0.1 in the paper, 0.01 for Qwen2.5-Math-7B; 0: no KL term
  --s2r.reference MODEL  the frozen reference; default: the model that training starts from
  --s2r.offload          keep the reference in the memory of the CPU between micro-batches (ZeRO-3)

A second, frozen model reads every micro-batch; KL(π ‖ π_ref) over the whole vocabulary is taken on the trained tokens, and
weighs as they do in OpenRLHF's own loss: per token of the whole optimizer step, over all ranks. Nothing of OpenRLHF is
edited: its command line finds a subclass of its trainer. The logged ``gpt_loss`` is the sum of both terms, ``s2r/nll`` and
``s2r/kl`` are the terms. Evaluation has the NLL alone.
"""

from __future__ import annotations

import argparse
import runpy
import sys
from collections.abc import Sequence
from typing import Any

from s2r_openrlhf import require_supported
from s2r_openrlhf.checks.flags import SFT_MODULE, Flags, read_flags

MODULE = "s2r_openrlhf.train_sft"


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=f"deepspeed --module {MODULE}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
        add_help=False,
        description=__doc__,
    )
    parser.add_argument("--s2r.beta", dest="beta", type=float, default=0.0)
    parser.add_argument("--s2r.reference", dest="reference", default=None)
    parser.add_argument("--s2r.offload", dest="offload", action="store_true")
    parser.add_argument("-h", "--help", action="store_true")
    return parser


def split(argv: Sequence[str]) -> tuple[argparse.Namespace, list[str]]:
    """(our options, the rest for OpenRLHF). SystemExit for an option of ours that does not exist or cannot be."""
    parser = build_parser()
    own, rest = parser.parse_known_args(list(argv))
    for word in rest:
        if word.startswith("--s2r."):
            parser.error(
                f"unknown option {word.partition('=')[0]}; there are --s2r.beta, --s2r.reference, --s2r.offload"
            )
    if own.beta < 0:
        parser.error(f"--s2r.beta is {own.beta}; expected a number >= 0")
    return own, rest


def problems(own: argparse.Namespace, flags: Flags) -> list[str]:
    """What would train without the KL term that was asked for, each with the way out."""
    if not own.beta:
        return [
            f"--s2r.{name} is given, but --s2r.beta is 0: nothing would read it; drop it, or set --s2r.beta"
            for name in ("reference", "offload")
            if getattr(own, name)
        ]
    found = []
    if flags.get("ds.use_liger_kernel"):
        found.append("--ds.use_liger_kernel makes no logits, which the KL of --s2r.beta needs; drop it")
    if (size := flags.get("ds.ring_attn_size", 1)) > 1:
        found.append(f"--ds.ring_attn_size is {size}; --s2r.beta is tested without ring attention only: leave it at 1")
    return found


def check(argv: Sequence[str]) -> Any:
    """What OpenRLHF makes of the arguments. ValueError (RuntimeError) names what cannot train."""
    own, rest = split(argv)
    flags = read_flags(SFT_MODULE, rest)
    if found := problems(own, flags):
        raise ValueError("\n".join(found))
    return flags.args


def main(argv: Sequence[str] | None = None) -> None:
    own, rest = split(sys.argv[1:] if argv is None else argv)
    if own.help:
        build_parser().print_help()
        return
    try:
        require_supported()
        check(sys.argv[1:] if argv is None else argv)
        if own.beta:
            _use_subclass(own)
    except (RuntimeError, ValueError) as error:
        raise SystemExit(f"s2r_openrlhf: {error}") from None
    sys.argv = [SFT_MODULE, *rest]
    runpy.run_module(SFT_MODULE, run_name="__main__", alter_sys=True)


def _use_subclass(own: argparse.Namespace) -> None:
    """Puts a subclass where OpenRLHF's command line looks its trainer up. RuntimeError: this OpenRLHF is too old."""
    from openrlhf.trainer import sft_trainer

    from s2r_openrlhf.policy.sft_kl import s2r_sft_trainer

    sft_trainer.SFTTrainer = s2r_sft_trainer(sft_trainer.SFTTrainer, own.beta, own.reference, own.offload)


if __name__ == "__main__":
    main()
