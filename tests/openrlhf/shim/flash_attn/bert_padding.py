"""Tests only: flash-attn does not build without CUDA. What OpenRLHF takes from it to pack samples, in plain PyTorch.

Attention itself is PyTorch's: transformers sees from position ids where a packed sample begins.
"""

import torch
from einops import rearrange

__all__ = ["index_first_axis", "pad_input", "rearrange", "unpad_input"]


def index_first_axis(values, indices):
    """Rows of [N, …] at ``indices`` [M]."""
    return values[indices]


def unpad_input(values, mask):
    """(values [M, …] where ``mask`` [B, T] is set, their places in B·T, cumulative lengths, longest, lengths)."""
    lengths = mask.sum(dim=-1, dtype=torch.int32)
    places = mask.flatten().nonzero().flatten()
    ends = torch.nn.functional.pad(lengths.cumsum(0, dtype=torch.int32), (1, 0))
    return values.flatten(0, 1)[places], places, ends, int(lengths.max()), lengths


def pad_input(values, places, batch, length):
    """The inverse: [M, …] back into [B, T, …], zero elsewhere."""
    whole = values.new_zeros((batch * length, *values.shape[1:]))
    return whole.index_put((places,), values).unflatten(0, (batch, length))
