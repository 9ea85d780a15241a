"""A Qwen2 model of about 0.1 M parameters, and log-probabilities of responses under it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..data.tokenizer import END, PAD, TOKENS

if TYPE_CHECKING:
    from ..config import ModelConfig


def new_model(config: ModelConfig, seed: int) -> nn.Module:
    """Random weights, a function of the seed alone."""
    from transformers import Qwen2Config, Qwen2ForCausalLM

    architecture = Qwen2Config(
        vocab_size=len(TOKENS),
        hidden_size=config.hidden,
        num_hidden_layers=config.layers,
        num_attention_heads=config.heads,
        num_key_value_heads=config.kv_heads,
        intermediate_size=config.ffn,
        max_position_embeddings=config.max_positions,
        initializer_range=config.init,
        tie_word_embeddings=True,
        bos_token_id=None,
        eos_token_id=END,
        pad_token_id=PAD,
    )
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return Qwen2ForCausalLM(architecture)


def pad(rows: Sequence[list[Any]], filler: float = PAD) -> Tensor:
    """Rows of unequal length as one tensor [B, T], filled up on the right."""
    width = max(map(len, rows))
    return torch.tensor([row + [filler] * (width - len(row)) for row in rows])


def response_log_probs(model: nn.Module, prompts: Tensor, responses: Tensor) -> Tensor:
    """log p(response token | everything before it): prompts [B, P], responses [B, T] -> [B, T].

    All prompts have one length, so rows are padded on the right only, where a causal mask hides the padding;
    what stands at padded positions of the result means nothing.
    """
    ids = torch.cat([prompts, responses], dim=1)
    logits = model(input_ids=ids, use_cache=False).logits[:, prompts.shape[1] - 1 : -1]
    flat = F.cross_entropy(logits.flatten(0, 1), responses.flatten(), reduction="none")
    return -flat.view(responses.shape)
