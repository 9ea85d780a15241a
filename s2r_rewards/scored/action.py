"""One action of a record, and how it is written and read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from s2r_rewards.answers.result import CheckResult
from s2r_rewards.fresh import maker
from s2r_rewards.scored import wire
from s2r_rewards.trajectory import ActionKind, Span, Verdict


@dataclass(frozen=True, slots=True)
class ScoredAction:
    """One action with its check or verdict, and its numbers. ``start`` and ``end`` are characters, ``[start, end)``."""

    kind: ActionKind
    start: int
    end: int
    answer: str | None = None
    check: CheckResult | None = None
    """solve: what V_golden says of the answer."""
    verdict: Verdict | None = None
    """verify: what it says of its attempt."""
    reward: float | None = None
    """None for ``end``, which earns nothing."""
    baseline: float | None = None
    advantage: float | None = None
    tokens: Span | None = None
    """The action's tokens in the response, ``[first, end)``."""


def to_field(action: ScoredAction, context: Sequence[float], brief: bool) -> dict[str, Any]:
    """Its object in the ``s2r`` field, behind actions of the rewards ``context``; ``brief``: what travels."""
    entry: dict[str, Any] = {"kind": action.kind, "start": action.start, "end": action.end}
    if action.kind == "solve" and not brief:
        entry["answer"] = action.answer
    if action.check is not None:
        entry["check"] = {"verdict": action.check.verdict, "tier": action.check.tier}
        if not brief:
            entry["check"]["reason"] = action.check.reason
    if action.kind == "verify":
        entry["verdict"] = action.verdict.value if action.verdict else None
    if action.kind != "end":
        entry["reward"] = action.reward
        if action.advantage is not None and not brief:
            entry |= {"context": list(context), "baseline": action.baseline, "advantage": action.advantage}
    if action.tokens is not None:
        entry["tokens"] = list(action.tokens)
    return entry


def from_field(entry: Mapping[str, Any]) -> ScoredAction:
    """The action again. KeyError names what is missing."""
    check, tokens, verdict = entry.get("check"), entry.get("tokens"), entry.get("verdict")
    if entry["kind"] == "solve" and check is None:
        raise KeyError("check")
    return ScoredAction(
        kind=entry["kind"],
        start=entry["start"],
        end=entry["end"],
        answer=entry.get("answer"),
        check=CheckResult(check["verdict"], check["tier"], check.get("reason", "")) if check else None,
        verdict=Verdict(verdict) if verdict else None,
        reward=entry["reward"] if entry["kind"] != "end" else None,
        baseline=entry.get("baseline"),
        advantage=entry.get("advantage"),
        tokens=(tokens[0], tokens[1]) if tokens else None,
    )


_action = maker(ScoredAction)


def fresh_action(
    kind: ActionKind,
    start: int,
    end: int,
    answer: str | None,
    check: CheckResult | None,
    verdict: Verdict | None,
    reward: float | None,
    tokens: Span | None,
) -> ScoredAction:
    """An action without baseline and advantage; a step makes a hundred thousand."""
    return _action(kind, start, end, answer, check, verdict, reward, None, None, tokens)


def from_wire(entries: Iterable[wire.Entry]) -> tuple[ScoredAction, ...]:
    """The actions that :func:`s2r_rewards.scored.wire.unpack` gives."""
    return tuple(
        [
            _action(kind, start, end, None, check, verdict, reward, None, None, tokens)
            for kind, start, end, check, verdict, reward, tokens in entries
        ]
    )
