"""Next-token training on documents with a loss mask: the base model, behaviour initialisation, plain SFT."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from .model import pad, response_log_probs

WARMUP, FLOOR = 0.08, 0.05  # share of the steps, share of the peak learning rate
GRADIENT_NORM = 1.0


@dataclass(frozen=True)
class Document:
    prompt: list[int]
    response: list[int]
    mask: list[int]  # 1 where the response token is learned


def masked_nll(model: nn.Module, documents: list[Document]) -> tuple[Tensor, int]:
    """Summed negative log-likelihood of the learned tokens, and their number."""
    prompts = torch.tensor([d.prompt for d in documents])
    responses = pad([d.response for d in documents])
    mask = torch.zeros(responses.shape)
    for row, document in zip(mask, documents, strict=True):
        row[: len(document.mask)] = torch.tensor(document.mask, dtype=torch.float32)
    return -(response_log_probs(model, prompts, responses) * mask).sum(), int(mask.sum())


def train(
    model: nn.Module,
    batches: Iterable[list[list[Document]]],
    steps: int,
    lr: float,
    on_step: Callable[[dict[str, float]], None],
) -> None:
    """One update per batch, the mean over learned tokens; a batch comes as groups of similar length."""
    optimizer = torch.optim.AdamW(model.parameters(), lr, betas=(0.9, 0.98), weight_decay=0.01, fused=True)
    model.train()
    for step, groups in enumerate(batches):
        for parameters in optimizer.param_groups:
            parameters["lr"] = lr * schedule(step, steps)
        losses, counts = zip(*(masked_nll(model, group) for group in groups), strict=True)
        loss = sum(losses[1:], losses[0]) / sum(counts)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), GRADIENT_NORM)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        on_step({"step": step + 1, "loss": loss.item()})


def schedule(step: int, steps: int) -> float:
    """Linear warm-up, then a cosine down to FLOOR."""
    warmup = min(1.0, (step + 1) / max(1, WARMUP * steps))
    return warmup * (FLOOR + (1 - FLOOR) * 0.5 * (1 + math.cos(math.pi * step / steps)))


def epochs(
    documents: list[Document], passes: int, batch: int, rng: np.random.Generator
) -> tuple[list[list[list[Document]]], int]:
    """Shuffled batches over all passes (a last incomplete batch is left out), and how many there are."""
    order = np.concatenate([rng.permutation(len(documents)) for _ in range(passes)])
    chunks = [order[i : i + batch] for i in range(0, len(order) - batch + 1, batch)]
    return [[[documents[i] for i in chunk]] for chunk in chunks], len(chunks)
