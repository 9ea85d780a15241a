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
    plain = np.int64 if dtype == torch.long else np.float32
    return _filled(*_runs(values, spans, [length] * len(values)), plain).to(dtype).view(len(values), length)


def spread_rows(values: Rows, spans: Spans, lengths: Sequence[int]) -> Tensor:
    """As :func:`spread`, for responses of different lengths: [B, j] nested (jagged) float32, no padding."""
    flat = _filled(*_runs(values, spans, lengths), np.float32)
    return torch.nested.nested_tensor_from_jagged(flat, torch.tensor([0, *lengths]).cumsum(0))


def _filled(runs: list[float], sizes: list[int], dtype: type) -> Tensor:
    """Runs → their tokens, flat. numpy's repeat needs no index of every token, as torch's does."""
    return torch.from_numpy(np.repeat(np.array(runs, dtype=dtype), np.array(sizes, dtype=np.int64)))


def _runs(values: Rows, spans: Spans, lengths: Sequence[int], gap: int = 0) -> tuple[list[float], list[int]]:
    """Every row is a run-length code of its tokens (between spans runs of ``gap``), so one repeat fills the batch."""
    _check(values, spans)
    runs: list[float] = []
    sizes: list[int] = []
    for i, (row, where, length) in enumerate(zip(values, spans, lengths, strict=True)):
        at = 0
        for value, (first, end) in zip(row, where, strict=False):
            if end > length:
                first, end = min(first, length), length
            if not at <= first <= end:
                raise ValueError(f"trajectory {i}: span [{first}, {end}) begins before token {at}; expected order")
            if first > at:
                runs.append(gap)
                sizes.append(first - at)
            runs.append(value)
            sizes.append(end - first)
            at = end
        if at < length:
            runs.append(gap)
            sizes.append(length - at)
    return runs, sizes


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
    runs, sizes = _runs([range(len(where)) for where in spans], spans, [length] * len(spans), gap=-1)
    return _filled(runs, sizes, np.int64).view(len(spans), length)
