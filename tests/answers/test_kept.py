"""What was read lately is not read again, and only short texts are kept."""

from __future__ import annotations

import pytest

from s2r_rewards.answers import CheckPolicy, check
from s2r_rewards.answers.kept import LONGEST, SIZE, kept


@pytest.fixture
def reader():
    """A kept function and the texts that it was really called with."""
    seen: list[str] = []

    @kept
    def length(text: str, times: int) -> int:
        seen.append(text)
        return len(text) * times

    return length, seen


def test_a_text_is_read_once(reader):
    length, seen = reader
    assert [length("abc", 2), length("abc", 2), length("abc", 3)] == [6, 6, 9]
    assert seen == ["abc", "abc"]


def test_long_texts_are_not_kept(reader):
    length, seen = reader
    text = "x" * (LONGEST + 1)
    assert length(text, 1) == length(text, 1) == LONGEST + 1
    assert seen == [text, text]


def test_no_more_than_so_many_are_kept(reader):
    length, seen = reader
    for number in range(SIZE + 1):
        length(str(number), 1)
    length("0", 1)  # the oldest was dropped
    length(str(SIZE), 1)
    assert len(seen) == SIZE + 2


def test_limits_of_reading_belong_to_what_is_kept():
    """A text that one policy reads is too deep for the next one, in either order."""
    deep, shallow = CheckPolicy(symbolic="never"), CheckPolicy(symbolic="never", max_depth=2)
    for policy, equal in ((deep, True), (shallow, False), (deep, True)):
        assert bool(check("7", "((((3+4))))", policy)) == equal
