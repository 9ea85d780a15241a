"""Chat messages as servers and trainers write them, as the texts that a rollout holds."""

from collections.abc import Mapping, Sequence
from typing import Any, TypeGuard


def with_thinking(content: str | None, thinking: Any) -> str | None:
    """What a model said, its thinking in front as ``<think>…</think>`` where a server keeps that apart.

    None where there is neither.
    """
    if not isinstance(thinking, str) or not thinking.strip():
        return content
    return f"<think>\n{thinking.strip()}\n</think>\n\n{content or ''}"


def is_messages(value: Any) -> TypeGuard[Sequence[Mapping[str, Any]]]:
    """Whether it is a conversation: a list of ``{"role": …, "content": …}``."""
    return (
        bool(value) and isinstance(value, (list, tuple)) and all(isinstance(m, Mapping) and "role" in m for m in value)
    )


def prompt_text(messages: Sequence[Mapping[str, Any]]) -> str:
    """The question of a conversation: its only user message, or everything but the system prompt, turn by turn."""
    turns = [m for m in messages if m["role"] not in ("system", "developer")]
    if len(turns) == 1:
        return message_text(turns[0])
    return "\n\n".join(f"{m['role']}: {message_text(m)}" for m in turns)


def response_text(messages: Sequence[Mapping[str, Any]]) -> str:
    """What the model says in a completion: the text of its assistant messages, one after the other."""
    return "\n\n".join(message_text(m) for m in messages if m["role"] == "assistant")


def message_text(message: Mapping[str, Any]) -> str:
    """The text of one message, with its thinking; of parts, those that are text."""
    content = message.get("content")
    if isinstance(content, (list, tuple)):
        content = "".join(
            part["text"] for part in content if isinstance(part, Mapping) and isinstance(part.get("text"), str)
        )
    return with_thinking(content, message.get("reasoning_content") or message.get("reasoning")) or ""


def as_turns(messages: Sequence[Mapping[str, Any]]) -> list[dict[str, str]] | None:
    """A completion in several turns as ``{"role", "content"}`` of plain text; None where the user says nothing in it."""
    turns = [{"role": str(m["role"]), "content": message_text(m)} for m in messages]
    roles = [turn["role"] for turn in turns]
    first = roles.index("assistant") if "assistant" in roles else len(roles)
    return turns[first:] if "user" in roles[first:] and "assistant" in roles[first:] else None


def user_turns(turns: Sequence[Mapping[str, str]]) -> list[tuple[int, str]]:
    """(offset, text) of what the user says between the model's turns; offsets count in the model's text."""
    found, at = [], 0
    for turn in turns:
        if turn["role"] == "assistant":
            at += len(turn["content"])
        else:
            found.append((at, turn["content"]))
    return found
