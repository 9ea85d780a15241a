"""OpenRLHF's reward protocol over the core: queries, prompts and labels in, finite rewards out, whatever comes.

Nothing here raises on content. A sample that cannot be scored earns the failing reward, carries the same keys
as every other sample, is counted under :data:`~s2r_rewards.adapter.FAILED_METRIC`, and its cause is logged once.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import fields
from functools import lru_cache
from typing import Any

from s2r_rewards.adapter import FAILED_METRIC, Options, Sample
from s2r_rewards.answers.labels import level_of
from s2r_rewards.metrics import BehaviourCounts
from s2r_rewards.server.judges import Answer, judge_samples

#: Per-sample counts, so that means over samples keep their ratios: s2r/count/<field of BehaviourCounts>.
COUNT_PREFIX = "s2r/count/"
COUNT_FIELDS = tuple(f.name for f in fields(BehaviourCounts))
COUNT_NAMES = tuple(COUNT_PREFIX + name for name in COUNT_FIELDS)
#: A shorter overlap of a prompt's end with a query's beginning may be chance.
MIN_OVERLAP = 16


def read_samples(queries: Sequence[str], prompts: Sequence[str], labels: Sequence[Any]) -> list[Sample]:
    """What OpenRLHF hands over, one entry a response: decode(prompt + response) with special tokens, the prompt as
    text, and a label for :func:`s2r_rewards.answers.labels.gold_of`."""
    return [
        Sample(response_of(query, prompt), label, level=level_of(label))
        for query, prompt, label in zip(queries, prompts, labels, strict=True)
    ]


def reward_batch(
    queries: Sequence[str], prompts: Sequence[str], labels: Sequence[Any], options: Options | None = None
) -> dict[str, Any]:
    """Outcome rewards in OpenRLHF's shape: ``rewards``, ``scores`` and ``extra_logs``, one entry a query."""
    return to_response(judge_samples(read_samples(queries, prompts, labels), options))


def to_response(answers: Sequence[Answer]) -> dict[str, Any]:
    """The protocol's three keys: R_o, 1 where it is positive, and the counts."""
    columns = zip(*(one.counts for one in answers), strict=True)
    logs = {name: list(map(float, column)) for name, column in zip(COUNT_NAMES, columns, strict=False)}
    logs[FAILED_METRIC] = [float(one.failed) for one in answers]
    return {
        "rewards": [one.outcome for one in answers],
        "scores": [float(one.outcome > 0) for one in answers],
        "extra_logs": logs if answers else {},
    }


def reply(answers: Sequence[Answer]) -> bytes:
    """:func:`to_response` as JSON text. OpenRLHF sends one sample a request, and most get one of a few answers."""
    return _reply_to_one(answers[0]) if len(answers) == 1 else _written(answers)


@lru_cache(maxsize=4096)
def _reply_to_one(answer: Answer) -> bytes:
    return _written([answer])


def _written(answers: Sequence[Answer]) -> bytes:
    return json.dumps(to_response(answers), allow_nan=False, separators=(",", ":")).encode()


def response_of(query: str, prompt: str) -> str | None:
    """The response in ``query`` = decode(prompt + response); None where the prompt cannot be found.

    A prompt that was too long is cut at its left before generation, so its longest end that opens the query
    counts too. Decoding may also normalise the prompt's beginning: then its end is searched for.
    """
    if query.startswith(prompt):
        return query[len(prompt) :]
    overlap = _overlap(prompt, query)
    if overlap:
        return query[overlap:]
    tail = prompt[-max(MIN_OVERLAP, min(4 * MIN_OVERLAP, len(prompt) // 2)) :]
    if len(tail) < MIN_OVERLAP:
        return None
    at = query.find(tail, max(0, len(prompt) - len(tail) - MIN_OVERLAP))  # not an earlier turn that ends alike
    at = query.find(tail) if at < 0 else at
    return query[at + len(tail) :] if at >= 0 else None


def _overlap(text: str, start: str) -> int:
    """Length of the longest end of ``text`` that ``start`` begins with, if it is MIN_OVERLAP at least; else 0."""
    opening = start[:MIN_OVERLAP]
    at = text.find(opening) if len(opening) == MIN_OVERLAP else -1
    while at >= 0:
        if start.startswith(text[at:]):
            return len(text) - at
        at = text.find(opening, at + 1)
    return 0
