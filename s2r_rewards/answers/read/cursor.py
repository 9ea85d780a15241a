"""A walk over tokens, with bounded depth; what the parts of the reader ask each other for."""

from functools import cached_property
from string import ascii_letters
from typing import Any

from . import tree
from .lexer import Unreadable
from .tree import Node
from .vocabulary import Token

#: Most variables, made once.
LETTERS = {letter: tree.Sym(letter) for letter in ascii_letters}
_END: Token = ("end of text", "")
#: What a reader that looks ahead finds behind the last token.
_BEHIND = (_END, _END, _END)


class Cursor:
    """Stands at a token of a list that becomes its own; expressions, brackets and matrices are read by the subclasses.

    The token at hand is ``(kind, value)``; ``step`` moves on.
    """

    def __init__(self, tokens: list[Token], max_depth: int, max_items: int) -> None:
        self.tokens = tokens
        tokens += _BEHIND
        self.at = 0
        self.kind, self.value = self.tokens[0]
        self.depth = max_depth
        self.max_items = max_items
        self.bars = 0

    @cached_property
    def alone(self) -> set[str]:
        """Names that stand somewhere without a bracket behind them."""
        return {
            token[1]
            for token, after in zip(self.tokens, self.tokens[1:], strict=False)
            if token[0] == "sym" and after != ("open", "(") and after not in (("op", "'"), ("op", "_"))
        }

    def step(self) -> Any:
        value = self.value
        self.at = at = self.at + 1
        try:
            self.kind, self.value = self.tokens[at]
        except IndexError:  # nobody asks what comes behind the end twice
            self.kind, self.value = _END
        return value

    def leaf(self, kind: str, length: int = 1) -> Node:
        """The number or the name at hand, as it stands; what is next is ``length`` tokens on."""
        value = self.value
        node: Node = value if kind == "num" else LETTERS.get(value) or tree.Sym(value)
        self.at = at = self.at + length
        self.kind, self.value = self.tokens[at]
        return node

    def is_op(self, value: str) -> bool:
        return self.kind == "op" and self.value == value

    def is_sym(self, name: str) -> bool:
        return bool(self.kind == "sym" and self.value == name)

    def skip(self, op: str) -> bool:
        """Whether an operator is at hand; it is stepped over."""
        if self.kind != "op" or self.value != op:
            return False
        self.step()
        return True

    def expect(self, kind: str, value: str) -> None:
        if self.kind != kind or self.value != value:
            raise Unreadable(f"expected {value!r}, found {self.value!r}")
        self.step()

    def deeper(self, by: int = 1) -> None:
        self.depth = depth = self.depth - by
        if depth < 0:
            raise Unreadable("nested too deeply")

    def bracket(self) -> Node:
        raise NotImplementedError

    def matrix(self, name: str) -> Node:
        raise NotImplementedError

    def sum(self) -> Node:
        raise NotImplementedError

    def unary(self) -> Node:
        raise NotImplementedError

    def power(self) -> Node:
        raise NotImplementedError

    def exponent(self) -> Node:
        raise NotImplementedError

    def implicit(self, factors: list[Node]) -> Node:
        raise NotImplementedError
