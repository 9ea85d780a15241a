"""What TRL must be and what its configuration must say, found before a trainer is built."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from dataclasses import MISSING, fields
from typing import Any

from s2r_rewards.adapter import LOSS_OPTIONS, ConfigError, Options, resolve_method
from s2r_rewards.adapter.machine import installed

TESTED = "1.16.0"
LOSSES = ("method", "trl")
#: What our trainer overrides or calls, with the arguments that it counts on.
CONTRACT = {
    "_generate_and_score_completions": ("inputs",),
    "_compute_loss": ("model", "inputs"),
    "_get_per_token_logps_and_entropies": ("model", "input_ids", "attention_mask", "logits_to_keep"),
    "_save_checkpoint": ("model", "trial"),
    "_load_optimizer_and_scheduler": ("checkpoint",),
}
#: Keys of GRPOConfig that the method's own loss would not look at.
_OF_TRLS_LOSS = (
    "loss_type", "importance_sampling_level", "delta", "top_entropy_quantile", "off_policy_mask_threshold",
    "entropy_coef", "use_adaptive_entropy", "use_liger_kernel", "router_aux_loss_coef",
)  # fmt: skip
#: Keys that shape TRL's own advantages, which only reward functions of one's own still get.
_OF_TRLS_ADVANTAGES = ("scale_rewards", "multi_objective_aggregation", "reward_weights")


def require_supported() -> str:
    """The installed TRL, whose GRPOTrainer has what ours builds on.

    Raises:
        RuntimeError: it is missing, or has not; names what.
    """
    version = installed("trl")
    if version is None:
        raise RuntimeError(f'TRL is not installed; tested with {TESTED}: pip install "s2r-rewards[trl]"')
    from trl import GRPOTrainer

    for name, needed in CONTRACT.items():
        found = getattr(GRPOTrainer, name, None)
        known = inspect.signature(found).parameters if found else {}
        if missing := [argument for argument in needed if argument not in known]:
            raise RuntimeError(
                f"TRL {version}: GRPOTrainer.{name} has no {', '.join(missing)}; s2r_trl was tested with {TESTED}: "
                f"pip install trl=={TESTED}"
            )
    return version


def config_problems(args: Any, options: Options, loss: str = "method", own_rewards: bool = False) -> Iterator[str]:
    """What in a GRPOConfig cannot work with the options, each with the way out.

    Args:
        own_rewards: whether the trainer has reward functions besides ours.
    """
    if loss not in LOSSES:
        yield f"loss is {loss!r}; expected one of {LOSSES}"
        return
    method = resolve_method(options)
    for name in _OF_TRLS_LOSS if loss == "method" else ():
        if _changed(args, name):
            yield (
                f"{name}={getattr(args, name)!r} belongs to TRL's losses, and the loss is that of the method "
                f"{method.name}: drop it, or build the trainer with loss='trl'"
            )
    if loss == "trl":
        if options.beta:
            yield f"beta={options.beta} (Eq. 5) is part of the method's loss: drop it, or drop loss='trl'"
        for name in LOSS_OPTIONS:
            if name in options.given():
                yield f"{name}={getattr(options, name)!r} is part of the method's loss: drop it, or drop loss='trl'"
    elif getattr(args, "beta", 0.0):
        yield (
            f"GRPOConfig(beta={args.beta}) is a KL loss of TRL: use Options(beta={args.beta}), the KL term in the "
            "advantage (Eq. 3, 5), or loss='trl'"
        )
    for name in () if own_rewards else _OF_TRLS_ADVANTAGES:
        if _changed(args, name):
            yield (
                f"{name}={getattr(args, name)!r} shapes TRL's advantages, and those of the method {method.name} take "
                "their place: drop it"
            )
    if options.conversation is not None:
        yield f"conversation={options.conversation!r}: TRL's trainer asks for no turns; drop it"
    if options.rollouts is not None:
        yield "rollouts: TRL writes its completions itself: drop it, and set GRPOConfig(log_completions=True)"


def require_good_config(args: Any, options: Options, loss: str = "method", own_rewards: bool = False) -> None:
    """Raises ConfigError that lists every problem."""
    if problems := list(config_problems(args, options, loss, own_rewards)):
        raise ConfigError(
            "this configuration cannot train with S2R:\n" + "\n".join(f"  - {problem}" for problem in problems)
        )


def _changed(args: Any, name: str) -> bool:
    """Whether a field differs from its default; no field: no."""
    for field in fields(args):
        if field.name == name:
            default = field.default_factory() if field.default_factory is not MISSING else field.default
            return bool(getattr(args, name) != default)
    return False
