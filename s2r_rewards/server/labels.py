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
    if overlap:
        return query[overlap:]
    tail = prompt[-max(MIN_OVERLAP, min(4 * MIN_OVERLAP, len(prompt) // 2)) :]
    if len(tail) < MIN_OVERLAP:
        return None
    at = query.find(tail, max(0, len(prompt) - len(tail) - MIN_OVERLAP))  # not an earlier turn that ends alike
    at = query.find(tail) if at < 0 else at
    return query[at + len(tail) :] if at >= 0 else None


def _overlap(text: str, start: str) -> int:
    """Length of the longest end of ``text`` that ``start`` begins with, if it is MIN_OVERLAP at least; else 0."""
    opening = start[:MIN_OVERLAP]
    at = text.find(opening) if len(opening) == MIN_OVERLAP else -1
    while at >= 0:
        if start.startswith(text[at:]):
            return len(text) - at
        at = text.find(opening, at + 1)
    return 0
