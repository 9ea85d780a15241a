"""The library's loss over actions in the place of OpenRLHF's ``PolicyLoss``: the method's ratio and clip (Eq. 6)."""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch import Tensor

from s2r_rewards.losses import response_losses
from s2r_rewards.methods import Method


class ActionLoss(torch.nn.Module):
    """Called as the loss that it replaces, with the same results; ``ids`` is set before each call.

    Args:
        own: OpenRLHF's ``PolicyLoss``, whose clip range, dual clip and correction for vLLM's log-probabilities count.
        method: gives ratio, average and, where it has one, clip.
    """

    def __init__(self, own: Any, method: Method) -> None:
        super().__init__()
        # A plain sum over tokens, so that its gradient is the weight of each token.
        self.own = copy.copy(own)
        self.own.token_level_loss = True
        settings = method.loss_options
        # The method's clip has become OpenRLHF's flag, unless one was given (train_ppo_ray.with_agent).
        settings["clip"] = (own.clip_eps_low, own.clip_eps_high)
        if own.dual_clip is not None:
            settings["dual_clip"] = own.dual_clip
        self.settings = settings
        self.by_tokens = settings["average"] == "tokens" and settings["divisor"] is None
        self.ids: Tensor | None = None
        self.mean = torch.zeros(())
        """The loss of the latest micro-batch, averaged over its own responses (or tokens)."""

    def forward(
        self,
        log_probs: Tensor,
        old_log_probs: Tensor,
        advantages: Tensor,
        action_mask: Tensor,
        rollout_log_probs: Tensor | None = None,
        dp_size: int = 1,
        batch_num_tokens: Tensor | float = 1.0,
        global_batch_size: Tensor | float = 1.0,
    ) -> tuple[Tensor, ...]:
        """(loss, clipped share of actions, approximate KL, …OpenRLHF's own further results); tensors [B, T − 1].

        ``ids`` are 1-based, 0 where a token belongs to no action. The loss is the micro-batch's share: summed over
        micro-batches and averaged over ranks as DeepSpeed does it is the mean over the step.
        """
        assert self.ids is not None, "ActionTrainer sets the action ids of each micro-batch"
        ids = (self.ids * action_mask).long() - 1
        weights, further = self._corrections(old_log_probs, rollout_log_probs, action_mask)
        losses, sizes, stats = response_losses(
            log_probs.float(), old_log_probs.float(), advantages * weights, ids, **self.settings
        )
        self.mean = (losses.sum() / sizes.sum().clamp(min=1)).detach()
        whole = batch_num_tokens if self.by_tokens else global_batch_size
        loss = losses.sum() / whole * dp_size
        clipped, kl = (torch.tensor(stats[name], device=loss.device) for name in ("clip_fraction", "approx_kl"))
        return (loss, clipped, kl, *further)

    def _corrections(
        self, old_log_probs: Tensor, rollout_log_probs: Tensor | None, action_mask: Tensor
    ) -> tuple[Tensor, tuple[Any, ...]]:
        """(weight of each token for the mismatch between vLLM and the trainer, OpenRLHF's figures on it).

        At ratio 1 and advantage 1 the loss is −Σ weights: OpenRLHF's own code says what a token weighs.
        """
        with torch.enable_grad():
            ones = torch.ones_like(old_log_probs, dtype=torch.float32, requires_grad=True)
            old = old_log_probs.detach().float()
            total, _, _, *further = self.own(
                old, old, ones, action_mask=action_mask, rollout_log_probs=rollout_log_probs,
                dp_size=1, batch_num_tokens=1.0, global_batch_size=1.0,
            )  # fmt: skip
            (gradient,) = torch.autograd.grad(total, ones)
        return -gradient, tuple(further)
