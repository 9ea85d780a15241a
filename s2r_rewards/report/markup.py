"""HTML by construction: text is escaped unless it already is markup, so model output can never become a tag."""

from __future__ import annotations

import html
import json
from collections.abc import Iterable
from typing import Any

SHAPES = {"line", "rect", "circle", "polyline"}


class Html(str):
    """A string that already is markup."""

    __slots__ = ()


def escape(value: Any) -> Html:
    """Markup stays, anything else is turned into text."""
    return value if isinstance(value, Html) else _encodable(html.escape(str(value)))


def join(parts: Iterable[Any], separator: str = "") -> Html:
    """Concatenate parts, each escaped unless it is markup."""
    return Html(separator.join(escape(part) for part in parts))


def el(name: str, *children: Any, **attributes: Any) -> Html:
    """An element; `class_` and `aria_label` become class and aria-label."""
    named = ((key.rstrip("_").replace("_", "-"), escape(value)) for key, value in attributes.items())
    start = "".join([name, *(f' {key}="{value}"' for key, value in named)])
    if name in SHAPES and not children:
        return Html(f"<{start}/>")
    return Html(f"<{start}>{join(children)}</{name}>")


def json_block(data: Any) -> Html:
    """JSON that is safe inside a <script type="application/json"> element: no `<`, `>`, `&` or line separators."""
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return _encodable(text)


def _encodable(text: str) -> Html:
    """A lone surrogate (half a broken character of a byte-level model) cannot be UTF-8 and is shown as \\udXXX."""
    return Html(text.encode("utf-8", "backslashreplace").decode("utf-8"))
