"""``--s2r.rollouts FILE``: every rollout of training as the library's JSONL, for ``s2r score`` and ``s2r report``."""

from __future__ import annotations

import logging
from typing import Any

from s2r_openrlhf.carried import gold_or_nothing, response_ids
from s2r_rewards.rollouts import Rollout, RolloutWriter

logger = logging.getLogger(__name__)


def append_rollouts(path: str, samples: list[Any], tokenizer: Any, step: int) -> None:
    """Appends one line a sample; ``samples`` are OpenRLHF's single-sample experiences, before batching.

    A full disk or the like is logged; it does not end the run.
    """
    try:
        with RolloutWriter(path, append=True) as writer:
            for sample in samples:
                writer.write(to_rollout(sample, tokenizer, step))
    except OSError as error:
        logger.warning("rollouts of step %d were not written to %s: %s", step, path, error)


def to_rollout(sample: Any, tokenizer: Any, step: int) -> Rollout:
    ids = response_ids(sample, 0)
    return Rollout(
        problem_id=sample.prompts[0],
        prompt=sample.prompts[0],
        response=tokenizer.decode(ids, skip_special_tokens=False),
        gold=gold_or_nothing(sample.labels[0]),
        step=step,
        token_ids=tuple(ids),
        finished=not bool(sample.truncated[0]),
    )
