"""A cursor over tokens with bounded depth, and the reading of units; the base of the reader."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from . import tree
from .lexer import Unreadable
from .tree import Node
from .vocabulary import HEDGES, SCALES, Token

_END: Token = ("end of text", "")


class Cursor:
    """The token at hand is ``(kind, value)``; ``step`` moves on."""

    def __init__(self, tokens: list[Token], max_depth: int, max_items: int) -> None:
        self.tokens = tokens
        self.tokens.append(_END)
        self.at = 0
        self.kind, self.value = tokens[0]
        self.depth = max_depth
        self.max_items = max_items
        self.bars = 0

    def step(self) -> Any:
        value = self.value
        self.at += 1
        self.kind, self.value = self.tokens[self.at] if self.at < len(self.tokens) else _END
        return value

    def is_op(self, value: str) -> bool:
        return self.kind == "op" and self.value == value

    def expect(self, kind: str, value: str) -> None:
        if self.kind != kind or self.value != value:
            raise Unreadable(f"expected {value!r}, found {self.value!r}")
        self.step()

    def deeper(self) -> None:
        self.depth -= 1
        if self.depth < 0:
            raise Unreadable("nested too deeply")

    def unit(self, node: Node) -> Node:
        """The unit behind a value: known words of measure, with powers and quotients, but no prose."""
        words: list[str] = []
        while True:
            if self.kind == "word":
                word = self.step()
                parts = word.lower().replace("-", " ").replace(".", " ").split()
                if parts and parts[0] in SCALES and not words:
                    node = tree.Product((node, tree.Num(Fraction(SCALES[parts.pop(0)]))))
                    word = " ".join(parts)
                if any(p in HEDGES or any(c.isdigit() for c in p) or not _unit_letters(p) for p in parts):
                    raise Unreadable(f"not a unit: {word!r}")
                words.append(word)
            elif (words and self.kind == "op" and self.value in "/*^") or (
                words and words[-1] in "/*" and self.kind == "sym"
            ):
                words.append(self.step())
            elif words and words[-1] == "^" and (self.kind == "num" or self.value == "brace"):
                words.append(str(self.braced_number()))
            else:
                break
        if sum(len(w.split()) for w in words) > 5:
            raise Unreadable("prose")
        text = " ".join(w for w in words if w)
        return tree.Unit(node, text) if text else node

    def braced_number(self) -> Any:
        if self.kind == "num":
            return self.step()
        self.step()
        sign = ""
        if self.is_op("-"):
            sign = self.step()
        if self.kind != "num":
            raise Unreadable("a power of a unit")
        number = self.step()
        self.expect("close", "brace")
        return f"{sign}{number}"


def _unit_letters(part: str) -> bool:
    """Whether a word may be (part of) a unit."""
    return all(c.isalpha() or c in "/^*'$" for c in part)
