"""Chat messages as servers, trainers and files write them, as plain texts."""

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
    return "".join(message_text(m) for m in messages if m["role"] == "assistant")


def message_text(message: Mapping[str, Any]) -> str:
    """The text of one message, with its thinking."""
    return with_thinking(content_text(message.get("content")), thinking_of(message)) or ""


def content_text(content: Any) -> str:
    """What stands in a message's ``content``: a text, or a list of parts of which those count that are text."""
    if isinstance(content, (list, tuple)):
        texts = (part.get("text") if isinstance(part, Mapping) else part for part in content)
        return "".join(text for text in texts if isinstance(text, str))
    return content if isinstance(content, str) else ""


def thinking_of(record: Mapping[str, Any]) -> Any:
    """What a server or a file keeps apart as thinking, under either of its names."""
    return record.get("reasoning_content") or record.get("reasoning")


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
