"""Attention ``ulysses_sdpa``: sequence parallelism without flash attention, the only one that verl itself prepares.

With plain sdpa each shard attends to itself, silently. Here the shards of a packed batch meet, and each token sees those
of its own sequence.
"""

from __future__ import annotations

import torch
from transformers import AttentionInterface

NAME = "ulysses_sdpa"


def ulysses_sdpa(module, query, key, value, attention_mask=None, scaling=None, position_ids=None, **unused):
    from verl.utils import ulysses

    size = ulysses.get_ulysses_sequence_parallel_world_size()
    if size > 1:
        copies = max(size // key.size(1), 1)
        parts = (query, key.repeat_interleave(copies, 1), value.repeat_interleave(copies, 1))
        query, key, value = (ulysses.gather_seq_scatter_heads(part, seq_dim=2, head_dim=1) for part in parts)
        shards = [torch.empty_like(position_ids) for _ in range(size)]
        group = ulysses.get_ulysses_sequence_parallel_group()
        torch.distributed.all_gather(shards, position_ids.contiguous(), group=group)
        position_ids = torch.cat(shards, -1)
    sequence = (position_ids == 0).cumsum(-1)
    tokens = position_ids.shape[-1]
    earlier = torch.ones(tokens, tokens, dtype=torch.bool).tril()
    mask = (sequence[:, :, None] == sequence[:, None, :]) & earlier
    grouped = query.size(1) != key.size(1)
    out = torch.nn.functional.scaled_dot_product_attention(
        query, key, value, attn_mask=mask[:, None], scale=scaling, enable_gqa=grouped
    )
    if size > 1:
        out = ulysses.gather_heads_scatter_seq(out, head_dim=1, seq_dim=2)
    return out.transpose(1, 2).contiguous(), None


AttentionInterface.register(NAME, ulysses_sdpa)
