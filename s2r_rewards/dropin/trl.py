"""TRL's ``accuracy_reward`` by our checker: same signature, works in any thread, no signals."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from s2r_rewards.answers import check_many, extract_answer

from .scores import gold_answers


def accuracy_reward(
    completions: list[Any],
    solution: list[Any],
    log_extra: Callable[[str, list[Any]], None] | None = None,
    **columns: Any,
) -> list[float | None]:
    """1.0 for a right final answer, 0.0 for a wrong one, None where the gold or the check decides nothing.

    Args:
        completions: texts, or conversations whose last message is the model's.
        solution: golden answers, or worked solutions that state them.
        log_extra: TRL's logger of columns.
    """
    golds = [gold_answers(one) for one in solution]
    texts = [one if isinstance(one, str) else str(one[-1]["content"]) if one else "" for one in completions]
    answers = [extract_answer(text, fallback="none").answer for text in texts]
    results = check_many(list(zip(golds, answers, strict=True)))
    if log_extra is not None:
        log_extra("solution", list(solution))
        log_extra("gold_parsed", [" or ".join(gold) or "[unparseable]" for gold in golds])
        log_extra("answer_parsed", [answer if answer is not None else "[unparseable]" for answer in answers])
    return [None if one.verdict in ("ungradable", "timeout") else float(bool(one)) for one in results]
