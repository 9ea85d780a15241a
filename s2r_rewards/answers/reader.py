r"""Read an answer into a small tree: a recursive-descent reader of the LaTeX that answers are written in.

Nodes are tuples whose first item names the kind:

expressions  ``("num", Fraction)``, ``("sym", name)``, ``("const", "pi"|"e"|"i"|"inf"|…)``, ``("add", a, b,
…)``,              ``("mul", a, b, …)``, ``("div", a, b)``, ``("neg", a)``, ``("pow", a, b)``, ``("fn",
name, arg, …)``,              ``("pm", a, b)``, ``("mp", a, b)``, ``("call", name, arg)`` (also a product)
statements   ``("rel", (expr, …), (op, …))``, ``("ratio", a, b, …)``, ``("union"|"cap"|"setminus", a, b)``,
``("unit", expr, text)``, ``("percent", expr)``, ``("degree", expr)``, ``("based", digits, base)``
containers   ``("group", open, close, items)``, ``("set", items)``, ``("list", items, "," | "and" | "or")``,
``("matrix", rows)``

Nothing is evaluated here; depth and length are bounded, and whatever is not understood raises ``Unreadable``.
"""

from __future__ import annotations

from .cursor import Node
from .lexer import Unreadable, tokenize
from .terms import Terms

__all__ = ["Node", "read"]


def read(text: str, max_depth: int = 60, max_items: int = 2_000, grouped: bool = True) -> Node:
    """The tree of ``text``; raises :class:`Unreadable`."""
    reader = Reader(tokenize(text, grouped), max_depth, max_items)
    node = reader.items(top=True)
    if reader.kind != "end of text":
        raise Unreadable(f"unexpected {reader.value!r}")
    return node


class Reader(Terms):
    """Reads lists, statements, brackets and matrices."""

    def items(self, top: bool = False) -> Node:
        """Statements separated by commas, semicolons or words; one statement stands for itself.

        Where both occur, semicolons separate rows of commas: ``[9, 0; 0, 9]``, ``p=5, q=2; p=7, q=2``.
        """
        self.deeper()
        found: list[Node] = [self.statement()]
        separators: list[str] = []
        while self.kind == "sep":
            separator = self.step()
            if self.kind == "sep" and separator in ",;" and self.value in ("and", "or"):
                separator = self.step()
            if self.kind in ("end of text", "close"):
                if top and separator in ",;":
                    break
                raise Unreadable("a separator at the end")
            separators.append(separator)
            found.append(self.statement())
            if len(found) > self.max_items:
                raise Unreadable("too many items")
        self.depth += 1
        if not separators:
            return found[0]
        if "," in separators and ";" in separators:
            return ("list", _rows(found, separators, "()" if top else "[]"), ",")
        joined = next((word for word in ("or", "and") if word in separators), ",")
        return ("list", tuple(found), joined)

    def statement(self) -> Node:
        """Expressions joined by relations."""
        sides = [self.side()] if self.kind != "rel" else []
        if not sides:
            raise Unreadable("a relation without a left side")
        ops = []
        while self.kind == "rel":
            ops.append(self.step())
            sides.append(self.side())
        return ("rel", tuple(sides), tuple(ops)) if ops else sides[0]

    def side(self) -> Node:
        """Unions and differences of sets, ratios, and a unit behind a value."""
        node = self.ratio()
        while self.kind == "op" and self.value in ("cup", "cap", "setminus"):
            kind = {"cup": "union"}.get(self.value, self.value)
            self.step()
            node = (kind, node, self.ratio())
        if self.kind == "word":
            node = self.unit(node)
        return node

    def ratio(self) -> Node:
        parts = [self.sum()]
        while self.is_op(":"):
            self.step()
            parts.append(self.sum())
        return ("ratio", *parts) if len(parts) > 1 else parts[0]

    def bracket(self) -> Node:
        self.deeper()
        left = self.step()
        bars, self.bars = self.bars, int(left == "{")  # a bar in a set stands before its condition
        if self.kind == "close":
            right = self.step()
            if left == "{" and right in "{}":
                node: Node = ("const", "empty")
            elif left in "([":
                node = ("group", left, right, ())
            else:
                raise Unreadable("an empty group")
        else:
            inside = self.items()
            condition: Node | None = None
            if self.is_op("|") and left == "{":
                self.step()
                condition = self.items()
            if self.kind != "close":
                raise Unreadable(f"an open {left!r}")
            right = self.step()
            node = self.close_bracket(left, right, inside, condition)
        self.bars = bars
        self.depth += 1
        return node

    def close_bracket(self, left: str, right: str, inside: Node, condition: Node | None) -> Node:
        listed = inside[1] if inside[0] == "list" else (inside,)
        if left in ("{", "brace"):
            if right not in ("brace", "}"):
                raise Unreadable("brackets that do not match")
            if left == "brace" and inside[0] != "list":
                return inside
            if condition is not None:
                return condition
            if len(listed) == 1 and listed[0][0] == "ratio" and listed[0][-1][0] == "rel":
                return listed[0][-1]
            if len(listed) == 1 and listed[0][0] == "rel" and listed[0][1][0][0] == "ratio":
                sides = listed[0][1]
                return ("rel", (sides[0][2], *sides[1:]), listed[0][2])
            if len(listed) == 1 and listed[0][0] == "rel" and listed[0][1][1][0] == "ratio":
                sides, ops = listed[0][1], listed[0][2]  # {x in R : x > 3}
                return ("rel", (sides[1][2], *sides[2:]), ops[1:])
            return ("set", listed)
        if left in ("floor", "ceil"):
            if right != left or inside[0] == "list":
                raise Unreadable("brackets that do not match")
            return ("fn", left, inside)
        if right not in (")", "]"):
            raise Unreadable("brackets that do not match")
        if len(listed) == 1:
            if listed[0][0] in ("matrix",) or (left == "(" and right == ")"):
                return listed[0]
            if left == "[" and right == "]":
                return ("group", left, right, listed)
            raise Unreadable("brackets that do not match")
        return ("group", left, right, listed)

    def matrix(self, name: str) -> Node:
        if name.rstrip("*") not in ("pmatrix", "bmatrix", "matrix", "array", "smallmatrix", "Bmatrix"):
            raise Unreadable(f"environment {name}")
        rows: list[tuple[Node, ...]] = []
        cells: list[Node] = []
        while True:
            if self.kind == "end":
                break
            cells.append(self.statement())
            if self.is_op("&"):
                self.step()
            elif self.is_op("newline"):
                self.step()
                rows.append(tuple(cells))
                cells = []
            elif self.kind != "end":
                raise Unreadable(f"unexpected {self.value!r} in a matrix")
        if self.step() != name:
            raise Unreadable("environments that do not match")
        if cells:
            rows.append(tuple(cells))
        if not rows or len({len(row) for row in rows}) != 1:
            raise Unreadable("a ragged matrix")
        return ("matrix", tuple(rows))


def _rows(items: list[Node], separators: list[str], brackets: str) -> tuple[Node, ...]:
    rows: list[list[Node]] = [[items[0]]]
    for separator, item in zip(separators, items[1:], strict=True):
        if separator == ";":
            rows.append([item])
        else:
            rows[-1].append(item)
    return tuple(("group", brackets[0], brackets[1], tuple(row)) for row in rows)
