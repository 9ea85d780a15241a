"""A part of a file for the index on disk: besides its figures, what the page shows of each rollout."""

from __future__ import annotations

import json
import zlib
from dataclasses import dataclass, field, fields, replace
from typing import Any

from s2r_rewards.report.figures import Figures
from s2r_rewards.report.parts import Chunk, Part, Rules, add, read_chunk
from s2r_rewards.report.payload import MAX_TEXT, payload
from s2r_rewards.rollouts import Rollout
from s2r_rewards.rollouts.records import RecordError

Wire = tuple[str, str] | None
_OF_A_RECORD = (ValueError, TypeError, LookupError, AttributeError, ArithmeticError, RecursionError)
"""What one odd record can raise; anything else is a failure of the reading itself."""


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

    def __add__(self, other: IndexedPart) -> IndexedPart:
        """Both, the other one behind this one."""
        parts, figures = (self.part, other.part), Figures()
        figures.merge(self.part.figures)
        figures.merge(other.part.figures, len(self.entries))
        columns = [one.name for one in fields(Part) if one.name != "figures"]
        lists: dict[str, Any] = {name: [x for part in parts for x in getattr(part, name)] for name in columns}
        return IndexedPart(Part(figures, **lists), self.entries + other.entries)


def indexed(chunk: Chunk, rules: Rules) -> IndexedPart:
    """The part of a chunk; for another process. A record that cannot be read is an error and keeps no other one out."""
    try:
        return _indexed(chunk, rules)
    except _OF_A_RECORD as error:
        count = len(list(chunk.numbers))
        if count == 1:
            said = f"cannot be read ({type(error).__name__}: {error})"
            return IndexedPart(Part(errors=[RecordError(chunk.path, next(iter(chunk.numbers)), "", said)]))
        first, second = _halves(chunk, count // 2)
        return indexed(first, rules) + indexed(second, rules)


def _halves(chunk: Chunk, half: int) -> tuple[Chunk, Chunk]:
    if chunk.records:
        return replace(chunk, records=chunk.records[:half]), replace(chunk, records=chunk.records[half:])
    lines = chunk.lines.split("\n")
    before, behind = "\n".join(lines[:half]), "\n".join(lines[half:])
    return replace(chunk, lines=before), replace(chunk, first=chunk.first + half, lines=behind)


def _indexed(chunk: Chunk, rules: Rules) -> IndexedPart:
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
