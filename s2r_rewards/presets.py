"""The two fidelity presets, as data: what the paper says, and what the authors' released code does."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Preset:
    """Every choice in which the paper and the released code differ, by name. See FIDELITY.md."""

    name: str
    grammar: str
    """How responses are parsed."""
    process_baseline: str
    """``"reward_context"`` over the batch (Eq. 4), or ``"running"`` over earlier batches."""
    min_count: int
    """Groups with fewer rewards have baseline 0."""
    no_end_penalty: bool
    """−1 for the last action of a response that was cut off."""
    change_bonus: float
    """Factor on a retry's advantage where its correctness differs from the previous attempt's."""
    right_verification_bonus: float
    """Factor on a verification's advantage where the verified attempt is right."""
    ratio: str
    """Ratio of the clipped objective: ``"action"`` (Eq. 6: product over the action's tokens) or
    ``"trajectory_mean"`` (exp of the mean token log-ratio of the whole response)."""
    offline_rejection: str
    """``"discard"`` trajectories that go on after a confirmed right attempt, or ``"truncate"`` them there."""
    offline_max_actions: int
    offline_balance: bool
    """At most as many all-wrong rollouts as kept right ones per prompt."""


PAPER = Preset(
    name="paper",
    grammar="paper",
    process_baseline="reward_context",
    min_count=1,
    no_end_penalty=False,
    change_bonus=1.0,
    right_verification_bonus=1.0,
    ratio="action",
    offline_rejection="discard",
    offline_max_actions=20,
    offline_balance=False,
)
RELEASED = Preset(
    name="released",
    grammar="released",
    process_baseline="running",
    min_count=10,
    no_end_penalty=True,
    change_bonus=2.0,
    right_verification_bonus=2.0,
    ratio="trajectory_mean",
    offline_rejection="truncate",
    offline_max_actions=10,
    offline_balance=True,
)
PRESETS: dict[str, Preset] = {p.name: p for p in (PAPER, RELEASED)}


def get_preset(preset: str | Preset) -> Preset:
    """A preset by name, or the preset itself. Raises ValueError for an unknown name."""
    if isinstance(preset, Preset):
        return preset
    try:
        return PRESETS[preset]
    except (KeyError, TypeError):
        raise ValueError(
            f"unknown preset {preset!r}; expected one of {sorted(PRESETS)} or a Preset of your own"
        ) from None
