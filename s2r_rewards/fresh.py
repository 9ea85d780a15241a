"""Frozen dataclasses made quickly, where a batch makes hundreds of thousands of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import MISSING, field, fields, make_dataclass
from operator import attrgetter
from typing import Any, TypeVar

T = TypeVar("T")


def maker(frozen: type[T]) -> Callable[..., T]:
    """What makes instances of a frozen dataclass with slots in less than half the time: it fills an open twin of the class,
    which then becomes one of the class itself. The fields come in order, defaults may be left out; ``__post_init__`` is
    not called.

    Raises:
        TypeError: a default that is made anew for each instance.
    """
    twin = _twin(frozen)

    def make(*values: Any) -> T:
        made = twin(*values)
        made.__class__ = frozen
        return made  # type: ignore[no-any-return]

    return make


def changer(frozen: type[T]) -> Callable[..., T]:
    """``dataclasses.replace`` of one class (with two fields or more), in the same way."""
    twin, values_of = _twin(frozen), attrgetter(*(one.name for one in fields(frozen)))  # type: ignore[arg-type]

    def change(one: T, **changes: Any) -> T:
        made = twin(*values_of(one))
        for name, value in changes.items():
            setattr(made, name, value)
        made.__class__ = frozen
        return made  # type: ignore[no-any-return]

    return change


def _twin(frozen: type) -> Any:
    told: list[tuple[str, Any, Any]] = []
    for one in fields(frozen):
        if one.default_factory is not MISSING:
            raise TypeError(f"{frozen.__name__}.{one.name} has a default_factory; expected plain defaults")
        told.append((one.name, one.type, field() if one.default is MISSING else field(default=one.default)))
    return make_dataclass(f"_Open{frozen.__name__}", told, slots=True)
