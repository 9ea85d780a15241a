"""A Qwen2 model of about 0.1 M parameters: its log-probabilities, and next-token training with a loss mask."""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from transformers import Qwen2Config, Qwen2ForCausalLM

from s2r_rewards.losses import sft_loss

from ..config import ModelConfig
from ..data.task import END, PAD, TOKENS

WARMUP, FLOOR = 0.08, 0.05  # share of the steps, share of the peak learning rate
GRADIENT_NORM = 1.0


def new_model(config: ModelConfig, seed: int) -> nn.Module:
    """Random weights, a function of the seed alone."""
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
    what stands at padded positions of the result means nothing. The result is on the model's device.
    """
    logits = response_logits(model, prompts, responses)
    responses = responses.to(logits.device)
    flat = F.cross_entropy(logits.flatten(0, 1), responses.flatten(), reduction="none")
    return -flat.view(responses.shape)


def response_logits(model: nn.Module, prompts: Tensor, responses: Tensor) -> Tensor:
    """The logits that response tokens are drawn from: [B, P], [B, T] -> [B, T, V]."""
    ids = torch.cat([prompts, responses], dim=1).to(next(model.parameters()).device)
    logits: Tensor = model(input_ids=ids, use_cache=False).logits[:, prompts.shape[1] - 1 : -1]
    return logits


@dataclass(frozen=True)
class Document:
    prompt: list[int]
    response: list[int]
    mask: list[int]  # 1 where the response token is learned


def tensors(documents: list[Document], model: nn.Module) -> tuple[Tensor, Tensor, Tensor]:
    """(prompts [B, P], responses [B, T], mask [B, T]) on the model's device."""
    device = next(model.parameters()).device
    prompts, responses = torch.tensor([d.prompt for d in documents]), pad([d.response for d in documents])
    return prompts.to(device), responses.to(device), pad([d.mask for d in documents], 0).to(device)


def masked_nll(model: nn.Module, documents: list[Document]) -> tuple[Tensor, int]:
    """Summed negative log-likelihood of the learned tokens, and their number."""
    prompts, responses, mask = tensors(documents, model)
    return -(response_log_probs(model, prompts, responses) * mask).sum(), int(mask.sum())


def kl_loss(
    model: nn.Module, documents: list[Document], count: float, reference: nn.Module, beta: float
) -> tuple[Tensor, dict[str, float]]:
    """Eq. 1 with its KL term to a frozen reference, over `count` learned tokens of the whole batch."""
    prompts, responses, mask = tensors(documents, model)
    with torch.no_grad():
        base = response_logits(reference, prompts, responses)
    return sft_loss(response_logits(model, prompts, responses), responses, mask, base, beta, count)


def new_optimizer(model: nn.Module, lr: float, weight_decay: float = 0.0) -> torch.optim.Optimizer:
    return torch.optim.AdamW(model.parameters(), lr, betas=(0.9, 0.98), weight_decay=weight_decay, fused=True)


def set_rate(optimizer: torch.optim.Optimizer, lr: float) -> None:
    for parameters in optimizer.param_groups:
        parameters["lr"] = lr


def train(
    model: nn.Module,
    batches: Iterable[list[list[Document]]],
    steps: int,
    lr: float,
    on_step: Callable[[dict[str, float]], None],
    reference: nn.Module | None = None,
    beta: float = 0.0,
) -> None:
    """One update per batch, the mean over learned tokens; a batch comes as groups of similar length.

    `beta`: weight of the KL to `reference`.
    """
    optimizer = new_optimizer(model, lr, weight_decay=0.01)
    model.train()
    for step, groups in enumerate(batches):
        set_rate(optimizer, lr * schedule(step, steps))
        extra = {}
        if reference is None:
            losses, counts = zip(*(masked_nll(model, group) for group in groups), strict=True)
            loss = sum(losses[1:], losses[0]) / sum(counts)
        else:
            count = sum(sum(document.mask) for group in groups for document in group)
            parts, stats = zip(*(kl_loss(model, group, count, reference, beta) for group in groups), strict=True)
            loss = sum(parts[1:], parts[0])
            extra = {"tiny/kl": sum(each["kl"] for each in stats)}
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), GRADIENT_NORM)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        on_step({"step": step + 1, "loss": loss.item(), **extra})


def schedule(step: int, steps: int) -> float:
    """Linear warm-up, then a cosine down to FLOOR."""
    warmup = min(1.0, (step + 1) / max(1, WARMUP * steps))
    return warmup * (FLOOR + (1 - FLOOR) * 0.5 * (1 + math.cos(math.pi * step / steps)))
