"""SFT data set with the mask of Eq. 1: verifications, the last attempt and the end are trained, wrong attempts not.

``data.custom_cls.path=pkg://s2r_verl.sft data.custom_cls.name=S2RSFTDataset``. Reads verl's multi-turn
format (column ``messages``). What is trained comes from the column ``segments`` (``s2r data init`` writes
it), or, without one, from parsing the last message.
"""

from __future__ import annotations

from typing import Any

import torch
from verl.utils.dataset.multiturn_sft_dataset import MultiTurnSFTDataset

from s2r_rewards import parse
from s2r_rewards.losses import trained_actions
from s2r_rewards.tokens import decode_with_offsets, spans_from_offsets
from s2r_verl.checks import require_columns

CharSpan = tuple[int, int, bool]
"""Start, end (offsets into the assistant's message), trained or not."""


class S2RSFTDataset(MultiTurnSFTDataset):  # type: ignore[misc]
    """verl's multi-turn data set, whose earlier (wrong) attempts are masked."""

    def __init__(
        self, parquet_files: Any, tokenizer: Any, config: Any = None, processor: Any = None, max_samples: int = -1
    ) -> None:
        messages = (config or {}).get("messages_key", "messages")
        require_columns(parquet_files, (messages,), "data.train_files or data.val_files")
        super().__init__(parquet_files, tokenizer, config, processor, max_samples)

    def __getitem__(self, item: int) -> dict[str, Any]:
        """As verl's item, with ``loss_mask`` [T] 0 on every earlier (wrong) attempt."""
        example: dict[str, Any] = super().__getitem__(item)
        row = self.dataframe.iloc[item]
        content = self.messages[item][-1]["content"]
        segments = row["segments"] if "segments" in self.dataframe.columns else None
        spans = _stored(segments) if segments is not None else _parsed(content)
        example["loss_mask"] = masked(
            example["loss_mask"], example["input_ids"], content, spans, self.tokenizer, where=f"row {item}"
        )
        return example


def masked(
    loss_mask: torch.Tensor,
    input_ids: torch.Tensor,
    content: str,
    spans: list[CharSpan],
    tokenizer: Any,
    where: str = "",
) -> torch.Tensor:
    """A copy of ``loss_mask`` [T] with 0 on the tokens of the untrained spans of the last message."""
    region = torch.nonzero(loss_mask).flatten()
    if not len(region):
        return loss_mask
    first = _start_of_last_run(region)
    text, offsets = decode_with_offsets(input_ids[first : int(region[-1]) + 1].tolist(), tokenizer)
    shift = _offset_of(content, text, where)
    skipped = [(start + shift, end + shift) for start, end, trained in spans if not trained]
    result = loss_mask.clone()
    for begin, end in spans_from_offsets(offsets, [(max(s, 0), min(e, len(text))) for s, e in skipped]):
        result[first + begin : first + end] = 0
    return result


def _start_of_last_run(region: torch.Tensor) -> int:
    """Where the last message begins: the last stretch of neighbouring positions in the mask."""
    breaks = torch.nonzero(region.diff() != 1).flatten()
    return int(region[int(breaks[-1]) + 1 if len(breaks) else 0])


def _offset_of(content: str, text: str, where: str) -> int:
    """What to add to an offset into the message for one into ``text``: chat templates may trim a message."""
    body = content.strip()
    trimmed = content.index(body)
    at = text.find(body)
    if at < 0 and body.startswith(text.strip()):  # cut off at data.max_length
        at = len(text) - len(text.lstrip())
    if at < 0:
        raise ValueError(
            f"{where}: the chat template changes the assistant's message, so its actions cannot be found "
            f"in the tokens; expected {body[:60]!r}…, found {text[:60]!r}…"
        )
    return at - trimmed


def _stored(segments: Any) -> list[CharSpan]:
    return [(int(part["start"]), int(part["end"]), bool(part["trained"])) for part in segments]


def _parsed(content: str) -> list[CharSpan]:
    trajectory = parse(content)
    trained = trained_actions(trajectory)
    return [(a.start, a.end, use) for a, use in zip(trajectory.actions, trained, strict=True)]
