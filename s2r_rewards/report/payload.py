"""One rollout as the page's script reads it: short keys, and text cut at the actions.

Offsets are not handed over: Python counts code points and JavaScript UTF-16 units. Each action carries its
own slice instead.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from s2r_rewards.rollouts import Rollout

MAX_TEXT = 20_000
SPECIAL = re.compile(r"<\|[^|<>]{1,40}\|>")


def payload(index: int, rollout: Rollout, flags: Sequence[str], max_text: int = MAX_TEXT) -> dict[str, Any]:
    """The rollout at place `index` of the file; texts longer than `max_text` characters lose their middle."""
    record = rollout.s2r or {}
    actions = record.get("actions", [])
    room = max(200, max_text // max(1, len(actions)))
    data = {
        "i": index,
        "id": _one_line(rollout.problem_id),
        "p": shorten(rollout.prompt, max_text),
        "g": str(rollout.gold),
        "l": None if rollout.level is None else str(rollout.level),
        "s": rollout.step,
        "o": record.get("outcome"),
        "e": record.get("ended"),
        "f": list(flags),
        "d": list(record.get("deviations", ())),
        "a": [_action(action, rollout.response, room) for action in actions],
    }
    if not actions:
        data["r"] = shorten(rollout.response, max_text)
    return {key: value for key, value in data.items() if value not in (None, [], "")}


def _action(action: dict[str, Any], text: str, room: int) -> dict[str, Any]:
    check = action.get("check")
    data = {
        "k": action["kind"],
        "t": shorten(text[action["start"] : action["end"]], room),
        "a": action.get("answer"),
        "v": action.get("verdict"),
        "c": [check["verdict"], check["tier"], check["reason"]] if check else None,
        "r": _round(action.get("reward")),
        "x": action.get("context") or None,
        "b": _round(action.get("baseline")),
        "A": _round(action.get("advantage")),
        "n": action.get("tokens"),
    }
    return {key: value for key, value in data.items() if value is not None}


def _one_line(text: object, limit: int = 48) -> str:
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
