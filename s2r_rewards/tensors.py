"""Action values → tensors over response tokens, [B, T]. Needs torch; nothing to the left of this file does."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from s2r_rewards.trajectory import Span

Rows = Sequence[Sequence[float]]
"""Per trajectory, one value per action."""
Spans = Sequence[Sequence[Span]]
"""Per trajectory, the token spans of its actions."""


_NUMPY: dict[torch.dtype, type[np.generic]] = {torch.float32: np.float32, torch.long: np.int64}


def _check(values: Rows, spans: Spans) -> None:
    if len(values) != len(spans):
        raise ValueError(f"values for {len(values)} trajectories, spans for {len(spans)}; expected as many")
    for i, (row, where) in enumerate(zip(values, spans, strict=True)):
        if len(row) > len(where):
            raise ValueError(f"trajectory {i}: {len(row)} values for {len(where)} spans; expected a span each")


def spread(values: Rows, spans: Spans, length: int, dtype: torch.dtype = torch.float32) -> Tensor:
    """[B, T]: each token carries its action's value; tokens outside every span carry 0.

    Args:
        values: per trajectory, one value per action.
        spans: per trajectory, token spans [first, end), at least one per value (a span for ``end`` may follow).
        length: T; spans that reach further are cut.

    Raises:
        ValueError: fewer spans than values, or spans that overlap or are out of order.
    """
    _check(values, spans)
    return torch.from_numpy(_repeated(values, spans, length, 0, _NUMPY.get(dtype, np.float64))).to(dtype)


def _repeated(values: Rows, spans: Spans, length: int, gap: float, kind: type[np.generic]) -> np.ndarray:
    """[B, T] of one value per action; ``gap`` where a token belongs to none."""
    # Every row is a run-length code of its tokens (gaps are runs too), so one repeat fills the whole batch.
    runs: list[float] = []
    sizes: list[int] = []
    for i, (row, where) in enumerate(zip(values, spans, strict=True)):
        at = 0
        for value, (first, end) in zip(row, where, strict=False):
            first, end = min(first, length), min(end, length)
            if not at <= first <= end:
                raise ValueError(f"trajectory {i}: span [{first}, {end}) begins before token {at}; expected order")
            runs += (gap, value)
            sizes += (first - at, end - first)
            at = end
        runs.append(gap)
        sizes.append(length - at)
    return np.repeat(np.asarray(runs, dtype=kind), sizes).reshape(len(values), length)


def at_action_ends(values: Rows, spans: Spans, length: int, dtype: torch.dtype = torch.float32) -> Tensor:
    """[B, T]: the last token of each action carries its value; all others carry 0.

    An action without a token of its own leaves no trace.
    """
    _check(values, spans)
    out = torch.zeros(len(values), length, dtype=dtype)
    for i, (row, where) in enumerate(zip(values, spans, strict=True)):
        for value, (first, end) in zip(row, where, strict=False):
            if first < end <= length:
                out[i, end - 1] = value
    return out


def action_ids(spans: Spans, length: int) -> Tensor:
    """[B, T] long: the index of the action that each token belongs to, −1 where it belongs to none."""
    places = [range(len(where)) for where in spans]
    return torch.from_numpy(_repeated(places, spans, length, -1, np.int64))
