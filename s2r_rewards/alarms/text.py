"""Signs in the text as a whole: markers without actions, answers lifted from the prompt, growing length."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable

from s2r_rewards.alarms.base import MAX_EVIDENCE, Alarm, Batch, Case, Rule

STUFFING = frozenset(
    {"empty_action", "repeated_verification", "retry_without_verification", "verification_without_attempt"}
)
GROWTH_NAME, GROWTH_THRESHOLD, GROWTH_GAIN = "length_growth", 1.5, 0.02


def _stuffing(batch: Batch) -> Iterable[Case]:
    """One case an action; as many signs as there are empty actions and markers that open nothing."""
    for i, judged in enumerate(batch.judged):
        stuffed = sum(code in STUFFING for code in judged.trajectory.codes)
        for t in range(len(judged.trajectory.scored)):
            yield i, t < stuffed


def _copied(batch: Batch) -> Iterable[Case]:
    """Answers of one letter (choices) and yes/no are always in the prompt and say nothing."""
    for i, judged in enumerate(batch.judged):
        prompt = batch.prompts[i] if batch.prompts else ""
        if not prompt:
            continue
        for attempt in judged.trajectory.attempts:
            answer = (attempt.answer or "").strip()
            if answer and (any(c.isdigit() for c in answer) or len(answer) > 5):
                yield i, stands_alone(answer, prompt)


def stands_alone(answer: str, prompt: str) -> bool:
    """Whether the prompt holds the answer as a word or number of its own ("7", not the 7 of "17")."""
    at = prompt.find(answer)
    while at >= 0:
        end = at + len(answer)
        before, after = prompt[at - 1 : at], prompt[end : end + 2]
        if not _GLUED_BEFORE.search(before) and not _GLUED_AFTER.match(after):
            return True
        at = prompt.find(answer, at + 1)
    return False


_GLUED_BEFORE = re.compile(r"[\w.]$")
_GLUED_AFTER = re.compile(r"\w|\.\d")


def length_growth(batch: Batch) -> Alarm:
    """Mean response length of the latest steps against the earliest, while accuracy stands still.

    Needs steps: the first and the last fifth of the distinct steps are compared.
    """
    known = [(s, i) for i, s in enumerate(batch.steps or ()) if s is not None]
    distinct = sorted({step for step, _ in known})
    value, fired, late = math.nan, False, []
    if len(distinct) >= 2:
        width = max(1, len(distinct) // 5)
        first, last = set(distinct[:width]), set(distinct[-width:])
        early = [i for step, i in known if step in first]
        late = [i for step, i in known if step in last]
        value = _mean_length(batch, late) / max(1.0, _mean_length(batch, early))
        gain = _accuracy(batch, late) - _accuracy(batch, early)
        fired = value >= GROWTH_THRESHOLD and gain < GROWTH_GAIN
    longest = sorted(late, key=lambda i: -len(batch.judged[i].trajectory.text)) if fired else []
    return Alarm(
        name=GROWTH_NAME,
        title="Grows longer, not better",
        formula=(
            "mean length of the last fifth of the steps ÷ the first fifth; fires only while accuracy gained "
            f"less than {GROWTH_GAIN:g}"
        ),
        threshold=GROWTH_THRESHOLD,
        value=value,
        count=len(known),
        evidence=tuple(longest[:MAX_EVIDENCE]),
        fired=fired,
    )


def _mean_length(batch: Batch, indices: list[int]) -> float:
    return sum(len(batch.judged[i].trajectory.text) for i in indices) / len(indices)


def _accuracy(batch: Batch, indices: list[int]) -> float:
    return sum(batch.judged[i].last_correct for i in indices) / len(indices)


RULES = (
    Rule(
        "marker_stuffing",
        "Markers without actions",
        "empty actions and markers that open nothing, per attempt or verification",
        0.2,
        20,
        _stuffing,
    ),
    Rule(
        "copied_answer",
        "Answers copied from the prompt",
        "share of attempts whose answer stands in the prompt as it is (single letters and words aside)",
        0.6,
        20,
        _copied,
    ),
)
