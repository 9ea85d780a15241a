"""Stage 2: behaviour initialisation with the loss mask of eq. 1, and its control, plain SFT on right solutions."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from s2r_rewards import parse
from s2r_rewards.losses import sft_mask
from s2r_rewards.tokens import token_spans

from ..data.tokenizer import END_TEXT, tokenizer
from ..learn.training import Document, epochs, train
from .evaluate import finish

if TYPE_CHECKING:
    from ..context import Context


def run(context: Context) -> None:
    settings, name = context.config.sft, context.stage
    lines = (context.folder.path / "data" / f"{name}.jsonl").read_text().splitlines()
    documents = [document(json.loads(line)) for line in lines]
    batches, steps = epochs(documents, settings.epochs, settings.batch, context.rng)
    model = context.folder.load("base")
    train(model, batches, steps, settings.lr, context.log(steps))
    finish(context, model)


def document(row: dict[str, Any]) -> Document:
    """Tokens of one training trajectory; earlier (wrong) attempts are context, everything else is learned."""
    text = "".join(segment["text"] for segment in row["segments"]) + END_TEXT
    trajectory = parse(text)
    ids = tokenizer().encode(text)
    spans = token_spans(ids, tokenizer(), [(a.start, a.end) for a in trajectory.actions])
    mask = sft_mask(trajectory, spans, len(ids)).int().tolist()
    return Document(tokenizer().encode(row["prompt"]), ids, mask)
