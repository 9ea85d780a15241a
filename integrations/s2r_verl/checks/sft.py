"""What keeps verl's SFT trainer from showing a loss its logits. Imports no verl."""

from __future__ import annotations

from typing import Any

from s2r_verl.checks.setup import find


def kl_problems(config: Any) -> list[str]:
    """Why an SFT configuration cannot train with the KL term that its ``s2r.beta`` asks for; one line each."""
    beta = find(config, "s2r.beta")
    if isinstance(beta, bool) or not isinstance(beta, (int, float)) or beta <= 0:
        return [f"s2r.beta is {beta!r}; expected a number > 0 (or leave it out and start verl.trainer.sft_trainer)"]
    known = ("beta", "reference", "offload")
    found = [f"s2r.{key} is no key; there are s2r.{', s2r.'.join(known)}" for key in config.s2r if key not in known]
    if find(config, "model.use_fused_kernels"):
        found.append("model.use_fused_kernels=True makes no logits, which the KL of s2r.beta needs; set it to False")
    if (mode := find(config, "data.pad_mode")) not in (None, "no_padding"):
        found.append(f"data.pad_mode is {mode!r}; s2r.beta needs 'no_padding', where verl shows a loss its logits")
    if (strategy := find(config, "engine.strategy")) not in ("fsdp", "fsdp2"):
        found.append(
            f"engine.strategy is {strategy!r}; s2r.beta needs 'fsdp2' or 'fsdp', which hold whole rows of logits"
        )
    return found
