"""Losses (torch): the clipped objective of Eq. 6 and its relatives, the KL term of Eq. 5, and the SFT loss of Eq. 1."""

from s2r_rewards.losses.policy import (
    action_log_ratio,
    action_policy_loss,
    by_response,
    kl_penalised,
    mean_over_actions,
    response_losses,
    shaped_probability,
    sum_by_action,
)
from s2r_rewards.losses.sft import full_kl, nll_and_kl, sft_loss, sft_mask, trained_actions
from s2r_rewards.methods.objective import RATIOS

__all__ = [
    "RATIOS",
    "action_log_ratio",
    "action_policy_loss",
    "by_response",
    "full_kl",
    "kl_penalised",
    "mean_over_actions",
    "nll_and_kl",
    "response_losses",
    "sft_loss",
    "sft_mask",
    "shaped_probability",
    "sum_by_action",
    "trained_actions",
]
