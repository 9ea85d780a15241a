"""Token spans of stored rollouts, with the tokenizer that made their token ids."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from s2r_rewards.grammar import Grammar
from s2r_rewards.parsing import parse
from s2r_rewards.rollouts import Rollout
from s2r_rewards.tokens import token_spans
from s2r_rewards.trajectory import Span


def load_tokenizer(name: str) -> Any:
    """A tokenizer by path or name, through transformers."""
    try:
        from transformers import AutoTokenizer
    except ImportError as error:
        raise ImportError("--tokenizer needs transformers: pip install transformers") from error
    return AutoTokenizer.from_pretrained(name)


def spans_of(rollouts: Sequence[Rollout], grammar: str | Grammar, tokenizer: Any) -> list[tuple[Span, ...]]:
    """Per rollout the token span of each action; nothing where it has no token ids.

    Raises ValueError where ids and text disagree: then it is not the tokenizer of these rollouts.
    """
    spans: list[tuple[Span, ...]] = []
    for number, rollout in enumerate(rollouts, 1):
        if rollout.token_ids is None:
            spans.append(())
            continue
        skip = _skips_special_tokens(rollout, tokenizer, number)
        actions = [(a.start, a.end) for a in parse(rollout.response, grammar, finished=rollout.finished).actions]
        spans.append(token_spans(rollout.token_ids, tokenizer, actions, skip_special_tokens=skip))
    return spans


def _skips_special_tokens(rollout: Rollout, tokenizer: Any, number: int) -> bool:
    ids = list(rollout.token_ids or ())
    for skip in (False, True):
        if tokenizer.decode(ids, skip_special_tokens=skip) == rollout.response:
            return skip
    raise ValueError(
        f"rollout {number} of the batch (problem {rollout.problem_id!r}): its token ids decode to another text "
        "than its response; give the tokenizer that it was sampled with, or leave --tokenizer away"
    )
