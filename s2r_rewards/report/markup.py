"""HTML by construction: text is escaped unless it already is markup, so model output can never become a tag."""

from __future__ import annotations

import html
import json
from collections.abc import Iterable
from typing import Any

VOID = {"meta", "br", "input", "line", "rect", "circle", "polyline", "path"}


class Html(str):
    """A string that already is markup."""

    __slots__ = ()


def escape(value: Any) -> Html:
    """Markup stays, anything else is turned into text; None is nothing.

    A lone surrogate (half a broken character of a byte-level model) cannot be UTF-8 and is shown as \\udXXX.
    """
    if isinstance(value, Html):
        return value
    text = "" if value is None else html.escape(str(value), quote=True)
    return Html(text.encode("utf-8", "backslashreplace").decode("utf-8"))


def join(parts: Iterable[Any], separator: str = "") -> Html:
    """Concatenate parts, each escaped unless it is markup."""
    return Html(separator.join(escape(part) for part in parts))


def el(name: str, *children: Any, **attributes: Any) -> Html:
    """An element; `class_` and `aria_label` become class and aria-label, None and False attributes are left out."""
    rendered = "".join(_attribute(key, value) for key, value in attributes.items())
    if name in VOID and not children:
        return Html(f"<{name}{rendered}>" if name in ("meta", "br", "input") else f"<{name}{rendered}/>")
    return Html(f"<{name}{rendered}>{join(children)}</{name}>")


def _attribute(key: str, value: Any) -> str:
    if value is None or value is False:
        return ""
    name = key.rstrip("_").replace("_", "-")
    return f" {name}" if value is True else f' {name}="{escape(value)}"'


def json_block(data: Any) -> Html:
    """JSON that is safe inside a <script type="application/json"> element: no `<`, `>`, `&` or line separators."""
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return Html(text.encode("utf-8", "backslashreplace").decode("utf-8"))
