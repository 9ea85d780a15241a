"""What was read lately: a gold answer meets many answers, and answers repeat.

Only short texts are kept, so that no answer can fill the memory.
"""

from collections.abc import Callable
from functools import lru_cache, update_wrapper
from typing import Any, TypeVar, cast

F = TypeVar("F", bound=Callable[..., Any])
#: Results that one function keeps, and the longest text that it keeps one of: 4,096 trees of such texts take some 30 MiB.
SIZE, LONGEST = 4_096, 120


def kept(function: F) -> F:
    """Decorate a pure function of a text and of what can be hashed; all by position."""
    known = lru_cache(SIZE)(function)

    def call(text: str, *more: Any) -> Any:
        return known(text, *more) if len(text) <= LONGEST else function(text, *more)

    return cast(F, update_wrapper(call, function))
