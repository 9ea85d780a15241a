r"""Tier ``string``: two answers are equal when their canonical spelling is.

Caveat: only notation that can never carry meaning is removed (spacing, delimiters, ``\left``/``\right``,
styles, typographic Unicode, a final full stop), so that equal spelling is a proof.
"""

from __future__ import annotations

import re

_SPACING = re.compile(
    r"\\(?:[,;:!>]|(?:quad|qquad|thinspace|displaystyle|textstyle|limits|nolimits)(?![A-Za-z]))|~"
)
_SIZES = re.compile(r"\\(?:left|right|[bB]igg?[lrm]?)(?![A-Za-z])\s*\.?")
_WORDS = re.compile(r"\\[dtc]frac(?![A-Za-z])")
_SPACES = re.compile(r"\s+")
_UNICODE = str.maketrans(
    {
        "−": "-", "–": "-", "—": "-", "﹣": "-", "－": "-", "×": r"\times ", "·": r"\cdot ", "⋅": r"\cdot ",
        "∙": r"\cdot ", "÷": "/", "∕": "/", "≤": r"\le ", "≥": r"\ge ", "≠": r"\ne ", "∞": r"\infty ",
        "π": r"\pi ", "∪": r"\cup ", "∩": r"\cap ", "∅": r"\emptyset ", "°": r"^\circ ", "±": r"\pm ",
        "√": r"\sqrt ", "∈": r"\in ", "ℝ": r"\mathbb{R}", "’": "'", "′": "'", "“": '"', "”": '"',
        "\u00a0": " ", "\u2009": " ", "\u202f": " ", "\u200b": "", "，": ",", "（": "(", "）": ")", "：": ":",
    }
)  # fmt: skip


def strip_delimiters(text: str) -> str:
    r"""Remove surrounding ``$``, ``\(...\)``, ``\[...\]``, ``**`` and a final full stop."""
    text = text.strip()
    for _ in range(4):
        before = text
        if len(text) > 1 and text[-1] in ".;," and not text.endswith(".."):
            text = text[:-1].rstrip()
        for left, right in (("$$", "$$"), ("$", "$"), (r"\(", r"\)"), (r"\[", r"\]"), ("**", "**")):
            if (
                len(text) >= len(left) + len(right)
                and text.startswith(left)
                and text.endswith(right)
                and not text.endswith("\\$")
                and left not in text[len(left) : -len(right)]
            ):
                text = text[len(left) : -len(right)].strip()
                break
        if text == before:
            break
    return text


def canonical(text: str) -> str:
    """The canonical spelling of an answer: never longer than a small multiple of it, linear time."""
    text = strip_delimiters(text)
    if not text.isascii():
        text = text.translate(_UNICODE)
    if "\\" in text or "~" in text:
        text = _WORDS.sub(r"\\frac", _SIZES.sub("", _SPACING.sub(" ", text)))
        text = text.replace("{,}", ",").replace("\\leq ", "\\le ").replace("\\geq ", "\\ge ")
    return _SPACES.sub(" ", text).strip()
