r"""Read an answer into a tree of :mod:`.tree`: recursive descent over the LaTeX that answers are written in.

Nothing is evaluated here; depth and length are bounded, and whatever is not understood raises ``Unreadable``.
"""

from fractions import Fraction
from typing import Any

from . import tree
from .lexer import Unreadable, tokenize
from .matrices import worked_out
from .terms import Terms
from .tree import Node
from .units import is_unit
from .vocabulary import HEDGES, SCALES


def read(text: str, max_depth: int = 60, max_items: int = 2_000, grouped: bool = True) -> Node:
    """The tree of ``text``; raises :class:`Unreadable`."""
    tokens = tokenize(text, grouped)
    if len(tokens) == 1 and tokens[0][0] == "num" and max_depth > 1:
        return tokens[0][1]  # type: ignore[no-any-return]
    reader = Reader(tokens, max_depth, max_items)
    node = reader.items(top=True)
    if "\\begin" in text and "cases" not in text:
        node = worked_out(node)
    if reader.kind != "end of text":
        raise Unreadable(f"unexpected {reader.value!r}")
    tree.keep_facts(node)  # who compares trees begins with them
    return node


_EVERYTHING = (tree.Const("reals"), tree.Sym("mathbbC"))
#: Kinds of tokens that end a statement.
_ENDS = frozenset(("sep", "close", "end of text"))
#: Brackets around a single value that mean nothing.
_AROUND = ("bracebrace", "()")
_ARTICLES = frozenset(map(tree.Sym, ("a", "A", "I")))
_CONDITIONAL = frozenset(("if", "when", "for", "where", "otherwise", "otherwise.", "else"))


class Reader(Terms):
    """Reads lists, statements, units, brackets and matrices."""

    def items(self, top: bool = False) -> Node:
        """Statements separated by commas, semicolons or words; one statement stands for itself.

        Where both occur, semicolons separate rows of commas: ``[9, 0; 0, 9]``, ``p=5, q=2; p=7, q=2``.
        """
        self.deeper(2)
        first = self.statement()
        if self.kind != "sep":
            self.depth += 2
            return first
        found: list[Node] = [first]
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
        self.depth += 2
        if not separators:
            return found[0]
        if (unequal := _none_of(found)) is not None:
            return tree.List(unequal, "and")
        if {"and", "or"} == set(separators):
            return _alternatives(found, separators)
        if "," in separators and ";" in separators:
            return tree.List(_rows(found, separators, "()" if top else "[]"))
        if top and set(separators) in ({",", "or"}, {",", "and"}) and (cases := _cases(found, separators)):
            return tree.List(cases)
        return tree.List(tuple(found), next((word for word in ("or", "and") if word in separators), ","))

    def statement(self) -> Node:
        """Expressions joined by relations."""
        kind = self.kind
        if (kind == "num" or kind == "sym") and self.tokens[self.at + 1][0] in _ENDS:
            return self.leaf(kind)
        if kind == "rel":
            raise Unreadable("a relation without a left side")
        node = self.sum()
        if self.kind in _ENDS:
            return node
        sides, ops = [self.side(node)], []
        while self.kind == "rel":
            ops.append(self.step())
            node = self.sum()
            sides.append(node if self.kind in _ENDS else self.side(node))
        return tree.Relation(tuple(sides), tuple(ops)) if ops else sides[0]

    def side(self, node: Node) -> Node:
        """Unions and differences of sets, ratios, and a unit behind a value, all of which begin with ``node``."""
        if self.kind == "rel":
            return node
        node = self.ratio(node)
        while self.kind == "op" and self.value in ("cup", "cap", "setminus"):
            node = tree.SetOperation(self.step(), node, self.ratio(self.sum()))
        if self.kind == "word" or (self.kind == "op" and self.value in "*/" and self.tokens[self.at + 1][0] == "word"):
            node = self.unit(node)
        return node

    def ratio(self, first: Node) -> Node:
        """Sums with colons between them, behind the first of them."""
        if self.kind != "op" or self.value != ":":
            return first
        parts = [first]
        while self.skip(":"):
            parts.append(self.sum())
        return tree.Ratio(tuple(parts))

    def unit(self, node: Node) -> Node:
        """The unit behind a value: known words of measure, with powers and quotients, but no prose."""
        words: list[str] = []
        if self.kind == "op" and self.step() == "/":
            words.append("/")
        while True:
            if self.kind == "word":
                word = self.step()
                parts = word.lower().replace("-", " ").replace(".", " ").split()
                if parts and parts[0] in SCALES and not words:
                    node = tree.Product((node, tree.Num(Fraction(SCALES[parts.pop(0)]))))
                    word = " ".join(parts)
                if not is_unit(word) and not all(
                    part not in HEDGES and all(c.isalpha() or c in "/^*'$" for c in part) for part in parts
                ):
                    raise Unreadable(f"not a unit: {word!r}")
                if node in _ARTICLES and not is_unit(word):
                    raise Unreadable("an article")  # a circle is no number of circles
                words.append(word)
            elif (
                (words and self.kind == "op" and self.value in "/*^")
                or (words and words[-1] in "/*" and self.kind == "sym")
                or (words and words[-1] == "/" and self.kind == "open" and self.value == "(")
                or ("(" in words and (self.kind == "sym" or (self.kind == "close" and self.value == ")")))
            ):
                words.append(self.step())
            elif self.is_sym("mu") or self.is_sym("Omega"):
                words.append("µ" if self.step() == "mu" else "ohm")
            elif words and words[-1] == "^" and (self.kind == "num" or self.value == "brace"):
                words.append(str(self.braced_number()))
            else:
                break
        if sum(len(w.split()) for w in words if not is_unit(w)) > 5 or len(words) > 20:
            raise Unreadable("prose")
        text = " ".join(w for w in words if w).replace("µ ", "µ")
        return tree.Unit(node, text) if text else node

    def braced_number(self) -> Any:
        """The power of a unit."""
        if self.kind == "num":
            return self.step().value
        self.step()
        sign = "-" if self.skip("-") else ""
        if self.kind != "num":
            raise Unreadable("a power of a unit")
        number = self.step().value
        self.expect("close", "brace")
        return f"{sign}{number}"

    def bracket(self) -> Node:
        """What stands in brackets of any kind, empty ones and ``{x | condition}`` included."""
        end, sign = self.tokens[self.at + 2]
        if end == "close" and self.value + sign in _AROUND and self.depth >= 3:
            kind, value = self.tokens[self.at + 1]
            if kind == "num" or kind == "sym":
                self.value = value
                return self.leaf(kind, 3)
        self.deeper()
        left = self.step()
        bars, self.bars = self.bars, int(left == "{")  # a bar in a set stands before its condition
        if self.kind == "close":
            right = self.step()
            if left == "{" and right in "{}":
                node: Node = tree.Const("empty")
            elif left in "([":
                node = tree.Group(left, right, ())
            else:
                raise Unreadable("an empty group")
        else:
            inside = self.items()
            condition: Node | None = None
            if left == "{" and self.skip("|"):
                condition = self.items()
            if self.kind != "close":
                raise Unreadable(f"an open {left!r}")
            right = self.step()
            if left + right in _AROUND and type(inside) is not tree.List:
                node = inside
            else:
                node = self.close_bracket(left, right, inside, condition)
        self.bars = bars
        self.depth += 1
        return node

    def close_bracket(self, left: str, right: str, inside: Node, condition: Node | None) -> Node:
        """The node that a pair of brackets makes of what stands inside them."""
        listed = inside.items if isinstance(inside, tree.List) else (inside,)
        if left in ("{", "brace"):
            if right not in ("brace", "}"):
                raise Unreadable("brackets that do not match")
            if left == "brace" and not isinstance(inside, tree.List):
                return inside
            if condition is not None and not isinstance(inside, tree.Sym | tree.Relation | tree.Call):
                return tree.Group("{", "}", (inside, condition))  # {3k | k in Z}
            if condition is not None:
                return _within(inside, condition)
            return _stated(listed) or tree.Set(listed)
        if left in ("floor", "ceil"):
            if right != left or isinstance(inside, tree.List):
                raise Unreadable("brackets that do not match")
            return tree.Function(left, (inside,))
        if right not in (")", "]"):
            raise Unreadable("brackets that do not match")
        if len(listed) == 1:
            if isinstance(listed[0], tree.Matrix) or (left == "(" and right == ")"):
                return listed[0]
            if left != "[" or right != "]":
                raise Unreadable("brackets that do not match")
        return tree.Group(left, right, listed)

    def cases(self) -> Node:
        """Rows of a value and its condition, or of statements that hold together."""
        self.deeper()
        rows: list[list[Node]] = [[]]
        while self.kind != "end":
            while self.kind == "sep" or (self.kind == "word" and self.value.lower().split()[0] in _CONDITIONAL):
                if self.step().lower().startswith("otherwise"):
                    rows[-1].append(tree.Sym("otherwise"))
            if self.skip("&"):
                continue
            if self.skip("newline"):
                rows.append([])
            elif self.kind != "end":
                rows[-1].append(self.statement())
        self.step()
        self.depth += 1
        rows = [row for row in rows if row]
        if {len(row) for row in rows} == {1}:
            return tree.List(tuple(row[0] for row in rows)) if len(rows) > 1 else rows[0][0]
        if {len(row) for row in rows} != {2}:
            raise Unreadable("odd cases")
        return tree.Set(tuple(tree.Group("{", "", tuple(row)) for row in rows))

    def matrix(self, name: str) -> Node:
        """The rows of a matrix environment, all of the same length."""
        if name == "cases":
            return self.cases()
        if name.rstrip("*") not in ("pmatrix", "bmatrix", "matrix", "array", "smallmatrix", "Bmatrix", "vmatrix"):
            raise Unreadable(f"environment {name}")
        self.deeper()
        rows: list[list[Node]] = [[]]
        while self.kind != "end":
            rows[-1].append(self.statement())
            if self.skip("&"):
                continue
            if self.skip("newline"):
                rows.append([])
            elif self.kind != "end":
                raise Unreadable(f"unexpected {self.value!r} in a matrix")
        if self.step() != name:
            raise Unreadable("environments that do not match")
        self.depth += 1
        if not rows[-1]:
            rows.pop()
        if len({len(row) for row in rows}) != 1:
            raise Unreadable("a ragged matrix")
        matrix = tree.Matrix(tuple(map(tuple, rows)))
        return tree.Function("det", (matrix,)) if name == "vmatrix" else matrix


def _rows(items: list[Node], separators: list[str], brackets: str) -> tuple[tree.Group, ...]:
    rows: list[list[Node]] = [[items[0]]]
    for separator, item in zip(separators, items[1:], strict=True):
        if separator == ";":
            rows.append([])
        rows[-1].append(item)
    return tuple(tree.Group(brackets[0], brackets[1], tuple(row)) for row in rows)


def _cases(items: list[Node], separators: list[str]) -> tuple[Node, ...] | None:
    """``x = 1, y = 2 or x = 3, y = 4`` as two solutions: each run of commas has values for the same names."""
    rows = _rows(items, [";" if separator != "," else "," for separator in separators], "()")
    names = [
        [item.sides[0] if type(item) is tree.Relation and item.ops == ("=",) else None for item in row.items]
        for row in rows
    ]
    same = all(None not in row and len(set(row)) == len(row) > 1 and set(row) == set(names[0]) for row in names)
    return rows if same else None


def _none_of(items: list[Node]) -> tuple[Node, ...] | None:
    r"""``x \ne 1, 2`` as ``x \ne 1, x \ne 2``."""
    match items[0]:
        case tree.Relation((name, _), ("!=",)) if not any(isinstance(item, tree.Relation) for item in items[1:]):
            return (items[0], *(tree.Relation((name, item), ("!=",)) for item in items[1:]))
    return None


def _alternatives(items: list[Node], separators: list[str]) -> Node:
    """``a or b and c`` as ``a or (b and c)``."""
    runs: list[list[Node]] = [[items[0]]]
    for separator, item in zip(separators, items[1:], strict=True):
        if separator == "or":
            runs.append([])
        runs[-1].append(item)
    return tree.List(tuple(run[0] if len(run) == 1 else tree.List(tuple(run), "and") for run in runs), "or")


def _stated(listed: tuple[Node, ...]) -> Node | None:
    r"""The condition in ``{x : x > 3}`` or ``{x \in R : x > 3}``, whose colon was read as a ratio; else None."""
    match listed:
        case (tree.Relation((tree.Ratio((first, member)), *sides), ops),) if not isinstance(
            first, tree.Sym | tree.Call
        ):
            return tree.Group("{", "}", (first, tree.Relation((member, *sides), ops)))
        case (tree.Ratio((*_, tree.Relation() as condition)),):
            return condition
        case (tree.Relation((tree.Ratio((_, first, *_)), *sides), ops),):
            return tree.Relation((first, *sides), ops)
        case (tree.Relation((name, tree.Ratio((member, first, *_)), *sides), ops),) if sides:
            return _within(tree.Relation((name, member), ops[:1]), tree.Relation((first, *sides), ops[1:]))
    return None


def _within(inside: Node, condition: Node) -> Node:
    r"""The condition of ``{x \in Z | x > 3}``, with the set that the letter is from unless that is all numbers."""
    match inside:
        case tree.Relation((_, source), ("in",)) if source not in _EVERYTHING:
            return tree.List((condition, inside), "and")
    return condition
