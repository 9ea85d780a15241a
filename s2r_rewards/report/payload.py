"""One rollout as the page's script reads it: short keys, and text cut at the actions.

Offsets are not handed over: Python counts code points and JavaScript UTF-16 units. Each action carries its
own slice instead.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from s2r_rewards.answers.gold import Gold, accepted
from s2r_rewards.rollouts import Rollout
from s2r_rewards.scored import ScoredAction
from s2r_rewards.turns.chat import user_turns

MAX_TEXT = 20_000
SPECIAL = re.compile(r"<\|[^|<>]{1,40}\|>")


def payload(index: int, rollout: Rollout, flags: Sequence[str], max_text: int = MAX_TEXT) -> dict[str, Any]:
    """The rollout at place `index` of the file; texts longer than `max_text` characters lose their middle."""
    record = rollout.s2r
    actions = record.actions if record else ()
    rewards = record.rewards if record else ()
    room = max(200, max_text // max(1, len(actions)))
    data = {
        "i": index,
        "id": one_line(rollout.problem_id),
        "p": shorten(rollout.prompt, max_text),
        "g": gold_text(rollout.gold),
        "l": None if rollout.level is None else str(rollout.level),
        "s": rollout.step,
        "o": record.outcome if record else None,
        "e": record.ended if record else None,
        "f": list(flags),
        "d": list(record.codes) if record else [],
        "a": [_action(action, rewards[:t], _said(rollout, action), room) for t, action in enumerate(actions)],
    }
    if not actions:
        data["r"] = shorten(rollout.response, max_text)
    return {key: value for key, value in data.items() if value not in (None, [], "")}


def _said(rollout: Rollout, action: ScoredAction) -> str:
    """The action's text, with what the user asked right before it and inside of it."""
    text, at = "", action.start
    for place, asked in user_turns(rollout.turns or ()):
        if action.start <= place < action.end:
            text += f"{rollout.response[at:place]}⟨user: {asked}⟩\n"
            at = place
    return text + rollout.response[at : action.end]


def _action(action: ScoredAction, context: Sequence[float], text: str, room: int) -> dict[str, Any]:
    check = action.check
    data = {
        "k": action.kind,
        "t": shorten(text, room),
        "a": action.answer,
        "v": action.verdict.value if action.verdict else None,
        "c": [check.verdict, check.tier, check.reason] if check is not None else None,
        "r": _round(action.reward),
        "x": list(context) if context and action.advantage is not None else None,
        "b": _round(action.baseline),
        "A": _round(action.advantage),
        "n": action.tokens,
    }
    return {key: value for key, value in data.items() if value is not None}


def gold_text(gold: Gold) -> str:
    """The golden answer, or all that are accepted, as one text."""
    return " or ".join(accepted(gold))


def one_line(text: object, limit: int = 48) -> str:
    """Some trackers use the whole prompt as the name of a problem."""
    line = " ".join(SPECIAL.sub(" ", str(text)).split()) or str(text)
    return line if len(line) <= limit else line[: limit - 1] + "…"


def shorten(text: str, limit: int) -> str:
    """Cut the middle out of a text that is too long, and say how much."""
    if len(text) <= limit:
        return text
    half = limit // 2
    return f"{text[:half]}\n⟨… {len(text) - 2 * half:,} characters left out of this page …⟩\n{text[-half:]}"


def _round(value: Any) -> Any:
    return None if value is None else round(float(value), 4)
