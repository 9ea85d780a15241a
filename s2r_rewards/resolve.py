"""Names in configurations → objects: one of ours by name, or anybody's as ``package.module:object``."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import TypeVar

T = TypeVar("T")


def is_reference(text: object) -> bool:
    """Whether a configured value names an object outside of the library."""
    return isinstance(text, str) and ":" in text


def load_object(reference: str, what: str = "object") -> object:
    """The object behind ``package.module:object`` (``object`` may have dots).

    Only a person's own configuration comes here, never model output: importing a module runs it.

    Raises:
        ValueError: not of that form, no such module, or no such object in it.
    """
    module_name, _, path = reference.partition(":")
    if not module_name.strip() or not path.strip():
        raise ValueError(f"{what} {reference!r}: expected package.module:object")
    try:
        found: object = importlib.import_module(module_name)
    except ImportError as error:
        raise ValueError(
            f"{what} {reference!r}: cannot import {module_name!r} ({error}); "
            "install it, or put its folder on PYTHONPATH"
        ) from error
    for part in path.split("."):
        try:
            found = getattr(found, part)
        except AttributeError:
            there = ", ".join(name for name in vars(found) if not name.startswith("_")) or "nothing"
            raise ValueError(
                f"{what} {reference!r}: {module_name!r} has no {path!r}; expected one of {there[:300]}"
            ) from None
    return found


def named(name: str, known: Mapping[str, T], what: str) -> T | object:
    """``known[name]``, or the object that a reference names.

    Raises:
        ValueError: neither; the message says what exists.
    """
    if name in known:
        return known[name]
    if is_reference(name):
        return load_object(name, what)
    raise ValueError(
        f"unknown {what} {name!r}; expected one of {', '.join(sorted(known))}, or your own as package.module:object"
    )
