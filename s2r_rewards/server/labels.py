"""The response out of what OpenRLHF hands over, which is the prompt and the response in one text."""

from __future__ import annotations

#: A shorter overlap of a prompt's end with a query's beginning may be chance.
MIN_OVERLAP = 16


def response_of(query: str, prompt: str) -> str | None:
    """The response in ``query`` = decode(prompt + response); None where the prompt cannot be found.

    A prompt that was too long is cut at its left before generation, so its longest end that opens the query
    counts too. Decoding may also normalise the prompt's beginning: then its end is searched for.
    """
    if query.startswith(prompt):
        return query[len(prompt) :]
    overlap = _overlap(prompt, query)
    if overlap >= MIN_OVERLAP:
        return query[overlap:]
    tail = prompt[-max(MIN_OVERLAP, min(4 * MIN_OVERLAP, len(prompt) // 2)) :]
    if len(tail) < MIN_OVERLAP:
        return None
    at = query.find(
        tail, max(0, len(prompt) - len(tail) - MIN_OVERLAP)
    )  # not an earlier turn that ends alike
    at = query.find(tail) if at < 0 else at
    return query[at + len(tail) :] if at >= 0 else None


def _overlap(text: str, start: str) -> int:
    """Length of the longest end of ``text`` that ``start`` begins with, in linear time (Knuth–Morris–Pratt)."""
    start = start[: len(text)]
    if not start:
        return 0
    border = [0] * len(start)
    length = 0
    for i in range(1, len(start)):
        while length and start[i] != start[length]:
            length = border[length - 1]
        length += start[i] == start[length]
        border[i] = length
    length = 0
    for character in text:
        while length and (length == len(start) or character != start[length]):
            length = border[length - 1]
        length += character == start[length]
    return length
