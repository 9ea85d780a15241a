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
from s2r_rewards.trajectory import Span
from s2r_verl.checks import require_columns


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
        content = self.messages[item][-1]["content"]
        segments = self.dataframe.iloc[item].get("segments")
        if segments is None:
            skipped = _untrained(content)
        else:
            skipped = [(int(part["start"]), int(part["end"])) for part in segments if not part["trained"]]
        example["loss_mask"] = masked(
            example["loss_mask"], example["input_ids"], content, skipped, self.tokenizer, where=f"row {item}"
        )
        return example


def masked(
    loss_mask: torch.Tensor, input_ids: torch.Tensor, content: str, skipped: list[Span], tokenizer: Any, where: str
) -> torch.Tensor:
    """A copy of ``loss_mask`` [T] with 0 on the tokens of the character spans ``skipped`` of the last message."""
    trained = torch.nonzero(loss_mask).flatten()
    if not len(trained):
        return loss_mask
    end = int(trained[-1]) + 1
    between = torch.nonzero(loss_mask[:end] == 0).flatten()
    first = int(between[-1]) + 1 if len(between) else 0  # the last message is the last stretch of the mask
    text, offsets = decode_with_offsets(input_ids[first:end].tolist(), tokenizer)
    shift = _offset_of(content, text, where)
    result = loss_mask.clone()
    spans = [(max(start + shift, 0), min(end + shift, len(text))) for start, end in skipped]
    for begin, end in spans_from_offsets(offsets, spans):
        result[first + begin : first + end] = 0
    return result


def _offset_of(content: str, text: str, where: str) -> int:
    """What to add to an offset into the message for one into ``text``: chat templates may trim a message."""
    body = content.strip()
    at = text.find(body)
    if at < 0 and body.startswith(text.strip()):  # cut off at data.max_length
        at = len(text) - len(text.lstrip())
    if at < 0:
        raise ValueError(
            f"{where}: the chat template changes the assistant's message, so its actions cannot be found "
            f"in the tokens; expected {body[:60]!r}…, found {text[:60]!r}…"
        )
    return at - content.index(body)


def _untrained(content: str) -> list[Span]:
    trajectory = parse(content)
    return [(a.start, a.end) for a, use in zip(trajectory.actions, trained_actions(trajectory), strict=True) if not use]
