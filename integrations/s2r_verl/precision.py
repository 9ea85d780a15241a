"""Log-probabilities in float32 in the workers of an S²R run, where verl would round them to bfloat16.

A ratio of Eq. 6 is a sum over an action. Where verl has no flash-attn kernel it takes log_softmax in the logits' own type, and
a bfloat16 log-probability is off by up to 0.4 %: over some hundred tokens that adds up to what the clip allows, and no later
conversion brings the digits back. flash-attn's kernel gives float32 by itself; then nothing changes here.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import torch
from torch import Tensor


def log_probs_in_float32(logits: Tensor, labels: Tensor) -> Tensor:
    """log π(label): logits [B, T, V] or [N, V], labels without V; in float32 at least, a row at a time, as verl does."""
    dtype = torch.promote_types(logits.dtype, torch.float32)
    rows = [
        torch.log_softmax(row.to(dtype), dim=-1).gather(-1, label.unsqueeze(-1)).squeeze(-1)
        for row, label in zip(logits, labels, strict=True)
    ]
    return torch.stack(rows) if rows else torch.zeros(labels.shape, dtype=dtype, device=logits.device)


def install() -> None:
    """From now on this process's verl takes its log-probabilities so, of the policy as of its reference."""
    from verl.utils import torch_functional

    torch_functional.logprobs_from_logits_v2 = log_probs_in_float32


class InFloat32(partial[Any]):
    """A loss that, where it arrives in a worker, calls :func:`install`: before the first log-probabilities are taken."""

    def __setstate__(self, state: Any) -> None:
        super().__setstate__(state)  # type: ignore[misc]
        install()
