"""What was read lately: a gold answer meets many answers, and answers repeat.

Only short texts are kept, so that no answer can fill the memory.
"""

from collections.abc import Callable
from functools import lru_cache, update_wrapper
from typing import Concatenate, ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")
#: Results that one function keeps, and the longest text that it keeps one of: 4,096 trees of such texts take some 30 MiB.
SIZE, LONGEST = 4_096, 120


def kept(function: Callable[Concatenate[str, P], T]) -> Callable[Concatenate[str, P], T]:
    """Decorate a pure function of a text and of what can be hashed."""
    known: Callable[..., T] = lru_cache(SIZE)(function)

    def call(text: str, /, *args: P.args, **kwargs: P.kwargs) -> T:
        return known(text, *args, **kwargs) if len(text) <= LONGEST else function(text, *args, **kwargs)

    return update_wrapper(call, function)
