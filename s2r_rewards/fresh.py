"""Frozen dataclasses made quickly, where a batch makes hundreds of thousands of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import MISSING, field, fields, make_dataclass
from typing import Any, TypeVar

T = TypeVar("T")


def maker(frozen: type[T]) -> Callable[..., T]:
    """What makes instances of a frozen dataclass with slots in less than half the time: it fills an open twin of the class,
    which then becomes one of the class itself. The fields come in order, defaults may be left out; ``__post_init__`` is
    not called.

    Raises:
        TypeError: a default that is made anew for each instance.
    """
    told: list[tuple[str, Any, Any]] = []
    for one in fields(frozen):  # type: ignore[arg-type]
        if one.default_factory is not MISSING:
            raise TypeError(f"{frozen.__name__}.{one.name} has a default_factory; expected plain defaults")
        told.append((one.name, one.type, field() if one.default is MISSING else field(default=one.default)))
    twin: Any = make_dataclass(f"_Open{frozen.__name__}", told, slots=True)

    def make(*values: Any) -> T:
        made = twin(*values)
        made.__class__ = frozen
        return made  # type: ignore[no-any-return]

    return make
