"""A part of a file for the index on disk: besides its figures, what the page shows of each rollout."""

from __future__ import annotations

import json
import zlib
from dataclasses import dataclass, field
from typing import Any

from s2r_rewards.report.parts import Chunk, Part, Rules, add, read_chunk
from s2r_rewards.report.payload import MAX_TEXT, payload
from s2r_rewards.rollouts import Rollout

Wire = tuple[str, str] | None


@dataclass(frozen=True)
class Kind:
    """What many rollouts have in common, as the filters of the page ask for it."""

    right: bool
    flags: tuple[str, ...]
    deviations: tuple[str, ...]
    checks: tuple[str, ...]
    """verdict:tier of each attempt."""
    signs: str
    """+ for a reward above 0, − for any other, action by action."""


@dataclass(frozen=True)
class Entry:
    """One rollout for the index."""

    kind: Kind
    level: str | None
    step: int | None
    problem: str
    length: int
    attempts: int
    text: str
    """What is searched."""
    data: bytes
    """The payload, and the record for its baselines where it was scored here; packed."""


@dataclass
class IndexedPart:
    """A part with its entries, in order."""

    part: Part = field(default_factory=Part)
    entries: list[Entry] = field(default_factory=list)


def indexed(chunk: Chunk, rules: Rules) -> IndexedPart:
    """The part of a chunk; for another process."""
    found, fresh, errors = read_chunk(chunk, rules)
    whole = IndexedPart(Part(errors=errors))
    for place, ((line, rollout), new) in enumerate(zip(found, fresh, strict=True)):
        add(whole.part, place, line, rollout, new)
        whole.entries.append(_entry(rollout, whole.part.flags[-1], whole.part.wires[-1]))
    return whole


def _entry(rollout: Rollout, flags: tuple[str, ...], wire: tuple[Any, str, str] | None) -> Entry:
    shown = payload(0, rollout, flags, MAX_TEXT)
    actions = [action for action in shown.get("a", ()) if action["k"] != "end"]
    solved = [action for action in actions if action["k"] == "solve"]
    kind = Kind(
        right=bool(solved) and solved[-1].get("c", ("",))[0] == "correct",
        flags=flags,
        deviations=tuple(dict.fromkeys(shown.get("d", ()))),
        checks=tuple(dict.fromkeys(f"{a['c'][0]}:{a['c'][1]}" for a in solved if "c" in a)),
        signs="".join("+" if action.get("r", 0) > 0 else "−" for action in actions),
    )
    text = text_of(shown)
    data = zlib.compress(json.dumps([shown, wire and wire[1:]], separators=(",", ":")).encode(), 1)
    length = sum(len(action.get("t", "")) for action in shown.get("a", ())) + len(shown.get("r", ""))
    problem, level = shown.get("id", ""), shown.get("l")
    return Entry(kind, level, rollout.step, problem, length, len(solved), text, data)


def unpacked(data: bytes) -> tuple[dict[str, Any], Wire]:
    """The payload, and (problem, record) of what was scored here."""
    shown, wire = json.loads(zlib.decompress(data))
    return shown, wire and (wire[0], wire[1])


def text_of(shown: dict[str, Any]) -> str:
    """What a search looks at, as `textOf` of the page's script."""
    texts = [shown.get("id"), shown.get("p"), shown.get("g"), shown.get("r"), *(a.get("t") for a in shown.get("a", ()))]
    return "\n".join(filter(None, texts)).encode("utf-8", "replace").decode()
