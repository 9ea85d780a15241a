"""How advantages become a loss: the names and numbers of it, without torch. ``losses`` computes what they say."""

from __future__ import annotations

import math
from dataclasses import dataclass

RATIOS = ("action", "action_mean", "token", "trajectory_mean")
"""Which tokens share a ratio π/π_old, see :func:`s2r_rewards.losses.action_log_ratio`."""
OBJECTIVES = ("clip", "cispo")
"""``clip``: min(ρA, clip(ρ)A) (PPO, Eq. 6 of arXiv:2502.12853). ``cispo``: sg(clip(ρ))·A·log π, where a ratio outside
of the band limits the weight of a token and never removes its gradient (arXiv:2506.13585)."""
AVERAGES = ("actions", "responses", "tokens")
"""``actions``: mean over responses of the mean over actions of the mean over their tokens (Eq. 6). ``responses``: mean
over responses of the mean over their tokens (GSPO, arXiv:2507.18071). ``tokens``: mean over the tokens of the batch
(DAPO, arXiv:2503.14476)."""


def check_objective(
    ratio: str,
    clip: float | tuple[float, float] | None,
    objective: str,
    dual_clip: float | None,
    average: str,
    divisor: float | None,
) -> None:
    """ValueError naming the first of these that no loss can be made of."""
    for name, value, known in (
        ("ratio", ratio, RATIOS),
        ("objective", objective, OBJECTIVES),
        ("average", average, AVERAGES),
    ):
        if value not in known:
            raise ValueError(f"{name} is {value!r}; expected one of {known}")
    sides = clip if isinstance(clip, tuple) else (clip, clip)
    if clip is not None and (len(sides) != 2 or not all(side is not None and side >= 0 for side in sides)):
        raise ValueError(f"clip is {clip!r}; expected ε >= 0, or ε below and above 1")
    if dual_clip is not None and not dual_clip > 1:
        raise ValueError(f"dual_clip is {dual_clip!r}; expected a number above 1, such as 3, or None")
    if dual_clip is not None and objective != "clip":
        raise ValueError(
            f"dual_clip is {dual_clip!r}, but the objective {objective!r} has no minimum to bound: drop it"
        )
    if divisor is not None and not 0 < divisor < math.inf:
        raise ValueError(f"divisor is {divisor!r}; expected a positive number, or None")
    if divisor is not None and average == "responses":
        raise ValueError("a divisor takes the place of |y|: use average='actions' or 'tokens' with it")


@dataclass(frozen=True)
class Overlong:
    """DAPO's soft penalty of long responses (§3.4, arXiv:2503.14476): 0 up to ``limit − buffer`` tokens, then falling
    in a straight line, by way of −``factor`` at ``limit``.

    >>> Overlong().penalty(18_432)
    -0.5
    """

    limit: int = 20_480
    """L, in tokens of the response."""
    buffer: int = 4_096
    """B, in tokens."""
    factor: float = 1.0
    """f, in units of reward."""

    def __post_init__(self) -> None:
        if not 0 < self.buffer <= self.limit or not 0 <= self.factor < math.inf:
            raise ValueError(f"{self}: expected 0 < buffer <= limit and a factor >= 0")

    def penalty(self, length: int) -> float:
        """min(0, −(length − (L − B))/B · f): what a response of so many tokens earns on top."""
        return min(0.0, -(length - (self.limit - self.buffer)) / self.buffer * self.factor)
