"""Eq. 1: which actions SFT trains, and its loss with the KL term over the whole vocabulary."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from s2r_rewards.losses.policy import same_shape
from s2r_rewards.trajectory import Trajectory

#: Logits at a time, so that what is made of them stays in a processor's cache; a GPU wants larger pieces.
AT_A_TIME, AT_A_TIME_GPU = 2**18, 2**26


def trained_actions(trajectory: Trajectory) -> tuple[bool, ...]:
    """δ(a_t) of Eq. 1, per action: every verification, the **last** attempt and ``end``; no earlier attempt."""
    attempts = [i for i, action in enumerate(trajectory.actions) if action.kind == "solve"]
    last = attempts[-1] if attempts else -1
    return tuple(action.kind != "solve" or i == last for i, action in enumerate(trajectory.actions))


def sft_mask(trajectory: Trajectory, spans: Sequence[tuple[int, int]], length: int) -> Tensor:
    """δ of Eq. 1 over tokens, [T] of 0/1, from the token spans of all actions."""
    if len(spans) != len(trajectory.actions):
        raise ValueError(f"{len(spans)} spans for {len(trajectory.actions)} actions; expected one each")
    mask = torch.zeros(length)
    for trained, (first, end) in zip(trained_actions(trajectory), spans, strict=True):
        mask[first:end] = float(trained)
    return mask


def nll_and_kl(
    logits: Tensor, labels: Tensor, ref_logits: Tensor | None, chunk: int | None = None, at: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """(−log π(label), KL(π ‖ π_ref) over the whole vocabulary), [N] each, in float32 at least.

    Args:
        logits: [M, V].
        labels: the tokens that the logits at N trained places predict, [N].
        ref_logits: of the frozen reference at the same places, [M, V]; None: the KL is 0.
        chunk: so many tokens at a time; the probabilities of one chunk alone are held, forward and backward.
        at: the N places, as rows of the logits, each once; default: all.

    Raises:
        ValueError: the two models have different vocabularies.
    """
    if ref_logits is None:
        wide = (logits if at is None else logits[at]).to(torch.promote_types(logits.dtype, torch.float32))
        nll = torch.nn.functional.cross_entropy(wide, labels, reduction="none")
        return nll, torch.zeros_like(nll)
    if ref_logits.shape != logits.shape:
        raise ValueError(
            f"the reference gave logits {tuple(ref_logits.shape)}, the model {tuple(logits.shape)}; expected one "
            "vocabulary: start both from the same model"
        )
    if chunk is None:
        chunk = max(1, (AT_A_TIME if logits.device.type == "cpu" else AT_A_TIME_GPU) // max(1, logits.shape[-1]))
    nll, kl = _NLLAndKL.apply(logits, labels, ref_logits.detach(), at, chunk)  # type: ignore[no-untyped-call]
    return nll, kl


def full_kl(logits: Tensor, ref_logits: Tensor, chunk: int | None = None, at: Tensor | None = None) -> Tensor:
    """KL(π ‖ π_ref) over the whole vocabulary, [N], where a trainer computes the NLL itself; as in :func:`nll_and_kl`."""
    labels = torch.zeros(len(logits if at is None else at), dtype=torch.long, device=logits.device)
    return nll_and_kl(logits, labels, ref_logits, chunk, at)[1]


class _NLLAndKL(torch.autograd.Function):
    """Keeps nothing but what it was given: gradients follow from the logits.

    With d = logits − reference logits, log π − log π_ref is d up to a constant of the row, and E = Σ π d:
    ∂NLL/∂logits = π − 1[label], ∂KL/∂logits = π (log π − log π_ref − KL) = π (d − E).
    """

    @staticmethod
    def forward(
        ctx: Any, logits: Tensor, labels: Tensor, ref_logits: Tensor, at: Tensor | None, chunk: int
    ) -> tuple[Tensor, Tensor]:
        ctx.save_for_backward(logits, labels, ref_logits, at)
        ctx.chunk = chunk
        ctx.set_materialize_grads(False)
        dtype = torch.promote_types(logits.dtype, torch.float32)
        nll, kl = (torch.empty(len(labels), dtype=dtype, device=logits.device) for _ in range(2))
        for part, own, ref in _chunks(logits, ref_logits, at, len(labels), chunk, dtype):
            log_p, log_q = torch.log_softmax(own, -1), torch.log_softmax(ref, -1)
            nll[part] = -log_p.gather(-1, labels[part, None]).squeeze(-1)
            log_ratio = torch.sub(log_p, log_q, out=log_q)
            kl[part] = log_p.exp_().mul_(log_ratio).sum(-1)
        return nll, kl

    @staticmethod
    @once_differentiable  # type: ignore[untyped-decorator, unused-ignore]
    def backward(ctx: Any, to_nll: Tensor | None, to_kl: Tensor | None) -> tuple[Tensor | None, ...]:
        if to_nll is None and to_kl is None:
            return (None,) * 5
        logits, labels, ref_logits, at = ctx.saved_tensors
        found = torch.empty_like(logits) if at is None else torch.zeros_like(logits)
        dtype = torch.promote_types(logits.dtype, torch.float32)
        for part, own, ref in _chunks(logits, ref_logits, at, len(labels), ctx.chunk, dtype):
            p = torch.softmax(own, -1)
            if to_kl is not None:
                d = own - ref
                scale = to_kl[part, None]
                d.sub_((p * d).sum(-1, keepdim=True)).mul_(scale)
                if to_nll is not None:
                    d.add_(to_nll[part, None])
                p.mul_(d)
            elif to_nll is not None:
                p.mul_(to_nll[part, None])
            if to_nll is not None:
                p.scatter_add_(-1, labels[part, None], -to_nll[part, None])
            if at is None:
                found[part] = p
            else:
                found[at[part]] = p.to(found.dtype)
        return found, None, None, None, None


def _chunks(
    logits: Tensor, ref_logits: Tensor, at: Tensor | None, count: int, chunk: int, dtype: torch.dtype
) -> Iterator[tuple[slice, Tensor, Tensor]]:
    """(which of the ``count`` places, logits there, the reference's) of one chunk after the other."""
    for first in range(0, count, chunk):
        part = slice(first, first + chunk)
        rows = part if at is None else at[part]
        yield part, logits[rows].to(dtype), ref_logits[rows].to(dtype)


def sft_loss(
    logits: Tensor,
    labels: Tensor,
    mask: Tensor,
    ref_logits: Tensor | None = None,
    beta: float = 0.0,
    divisor: float | None = None,
) -> tuple[Tensor, dict[str, float]]:
    """Σ δ (−log π(token) + β KL(π ‖ π_ref)) / divisor: Eq. 1 with its KL term (§2.2, arXiv:2502.12853).

    Eq. 1 is a mean over examples of a *sum* over actions, so divisor = B; the authors' code and every trainer here take
    the mean over trained tokens, divisor = Σ δ, which weighs long examples alike with short ones, token by token. A part
    of a mini-batch is given the divisor of the whole one: then its parts add up to the same loss, however it is cut.

    Args:
        logits: [B, T, V]; position t predicts ``labels[:, t]``.
        labels: [B, T].
        mask: δ of the labels, [B, T] of 0/1 (:func:`sft_mask`).
        ref_logits: of the frozen reference model, [B, T, V]; needed where β > 0.
        beta: β, 0.1 in the paper (0.01 for Qwen2.5-Math-7B).
        divisor: default: the trained tokens of what is given.

    Returns:
        (loss, stats): ``nll`` and ``kl`` are the two terms under the same divisor, without β.
    """
    same_shape(labels=labels, mask=mask)
    if beta and ref_logits is None:
        raise ValueError(f"beta is {beta}, but there are no logits of a reference model; give ref_logits or beta=0")
    at = mask.bool().flatten().nonzero().squeeze(-1)
    flat = None if ref_logits is None else ref_logits.flatten(0, 1)
    nll, kl = nll_and_kl(logits.flatten(0, 1), labels.flatten()[at], flat, at=at)
    count = max(float(len(at)) if divisor is None else divisor, 1.0)
    terms = nll.sum() / count, kl.sum() / count
    return terms[0] + beta * terms[1], {"nll": float(terms[0].detach()), "kl": float(terms[1].detach())}
