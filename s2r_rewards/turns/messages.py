"""parse_messages(messages) → Trajectory: a conversation as one response, in which the user's words never count."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from s2r_rewards.grammar import Grammar
from s2r_rewards.parsing import parse, parse_turns
from s2r_rewards.trajectory import ActionKind, Trajectory
from s2r_rewards.turns.asking import asks_for
from s2r_rewards.turns.chat import content_text

ROLES = ("system", "developer", "user", "assistant", "tool", "function", "ipython")
Asked = tuple[str, ActionKind | None]
"""A turn of the model: its text, and what it was asked for."""


def parse_messages(
    messages: Sequence[Mapping[str, Any]],
    grammar: str | Grammar = "paper",
    finished: bool | None = None,
    asked: Sequence[ActionKind | None] | None = None,
) -> Trajectory:
    """A conversation in which the user asks for verifications or new attempts, as one trajectory.

    ``text`` of the trajectory is what the model said, turn after turn, and nothing else: prompts of the user (and of the
    system and of tools) are in no action, so they earn nothing and no token of theirs is trained. A conversation that was
    cut out of one response, turn by turn, gives the trajectory of that response.

    Args:
        messages: ``{"role": …, "content": …}``, as chat templates want them; ``content`` is a text, or a list of parts.
        grammar: as in :func:`s2r_rewards.parse`. Markers inside of a turn count as they do there.
        finished: whether the last turn emitted its end token.
        asked: what each turn of the model was asked for; default: told from the user's words between the turns.

    Raises:
        TypeError: messages or contents of another shape.
        ValueError: an unknown role; not one entry of ``asked`` per turn of the model.
    """
    return parse_turns(model_turns(messages, grammar, asked), grammar, finished)


def model_turns(
    messages: Sequence[Mapping[str, Any]],
    grammar: str | Grammar = "paper",
    asked: Sequence[ActionKind | None] | None = None,
) -> list[Asked]:
    """The model's turns, each with what it was asked for."""
    if isinstance(messages, (str, bytes, Mapping)) or not isinstance(messages, Sequence):
        raise TypeError(f"messages are {type(messages).__name__}; expected a list of {{'role': …, 'content': …}}")
    turns: list[Asked] = []
    request: str | None = None  # what the user said since the model's last turn
    for i, message in enumerate(messages):
        role, text = _read(message, i)
        if role == "assistant":
            kind = None
            if asked is None and turns and request is not None:
                kind = asks_for(request, _last_kind(turns, grammar))
            turns.append((text, kind))
            request = None
        elif role == "user" and turns:
            request = text if request is None else f"{request}\n{text}"
    if asked is None:
        return turns
    if len(asked) != len(turns):
        raise ValueError(f"asked has {len(asked)} entries for {len(turns)} turns of the model; expected one each")
    return [(text, kind) for (text, _), kind in zip(turns, asked, strict=True)]


def _last_kind(turns: Sequence[Asked], grammar: str | Grammar) -> ActionKind:
    """What the model's last turn ended with."""
    text, kind = turns[-1]
    last = parse(text, grammar).scored[-1:]
    if kind is None or len(parse(text, grammar).scored) > 1:
        return last[0].kind if last else "solve"
    return kind


def _read(message: Mapping[str, Any], index: int) -> tuple[str, str]:
    if not isinstance(message, Mapping) or "role" not in message:
        raise TypeError(f"message {index} is {message!r:.80}; expected {{'role': …, 'content': …}}")
    role, content = message["role"], message.get("content")
    if role not in ROLES:
        raise ValueError(f"message {index} has role {role!r}; expected one of {', '.join(ROLES)}")
    parts = isinstance(content, Sequence) and all(isinstance(part, (str, Mapping)) for part in content)
    if content is not None and not parts:
        raise TypeError(f"message {index} has content of {type(content).__name__}; expected a text or a list of parts")
    return role, content_text(content)
