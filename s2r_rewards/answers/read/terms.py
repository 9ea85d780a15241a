r"""The expression level of the reader: sums, products, powers, functions, roots and fractions."""

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

from . import tree
from .lexer import Unreadable
from .tree import Node
from .vocabulary import FUNCTION_LETTERS, Token

_ONE = tree.Num(Fraction(1))
#: One degree in radians.
TURN = tree.Quotient(tree.Const("pi"), tree.Num(Fraction(180)))
_STARTS = frozenset(("num", "sym", "const", "fn", "cmd"))


#: Signs of money, and the words that they stand for.
MONEY = {"money": "dollar", "euro": "euro", "sterling": "sterling"}
POSTFIXES = frozenset(("!", "%", "deg", "'", *MONEY))
_END: Token = ("end of text", "")


class Terms:
    """Reads expressions from tokens, with bounded depth; brackets and matrices are read by the subclass.

    The token at hand is ``(kind, value)``; ``step`` moves on.
    """

    def __init__(self, tokens: list[Token], max_depth: int, max_items: int) -> None:
        self.tokens = [*tokens, _END]
        self.at = 0
        self.kind, self.value = self.tokens[0]
        self.depth = max_depth
        self.max_items = max_items
        self.bars = 0
        #: Names that stand somewhere without a bracket behind them.
        self.alone = {
            token[1]
            for token, after in zip(self.tokens, self.tokens[1:], strict=False)
            if token[0] == "sym" and after != ("open", "(") and after not in (("op", "'"), ("op", "_"))
        }

    def step(self) -> Any:
        value = self.value
        self.at += 1
        self.kind, self.value = self.tokens[self.at] if self.at < len(self.tokens) else _END
        return value

    def is_op(self, value: str) -> bool:
        return self.kind == "op" and self.value == value

    def is_sym(self, name: str) -> bool:
        return bool(self.kind == "sym" and self.value == name)

    def skip(self, op: str) -> bool:
        """Whether an operator is at hand; it is stepped over."""
        found = self.is_op(op)
        if found:
            self.step()
        return found

    def expect(self, kind: str, value: str) -> None:
        if self.kind != kind or self.value != value:
            raise Unreadable(f"expected {value!r}, found {self.value!r}")
        self.step()

    def deeper(self) -> None:
        self.depth -= 1
        if self.depth < 0:
            raise Unreadable("nested too deeply")

    def bracket(self) -> Node:
        raise NotImplementedError

    def matrix(self, name: str) -> Node:
        raise NotImplementedError

    def sum(self) -> Node:
        """Products joined by signs; a ± splits the sum into what stands before it and the product behind it."""
        self.deeper()
        terms: list[Node] = []
        node = tree.Num(Fraction(0)) if self.is_op("pm") or self.is_op("mp") else self.product()
        while self.kind == "op" and self.value in ("+", "-", "pm", "mp"):
            op = self.step()
            right = self.product()
            if op in ("pm", "mp"):
                node = tree.Sum((node, *terms)) if terms else node
                node, terms = tree.PlusMinus(node, right, op == "pm"), []
            else:
                terms.append(tree.Neg(right) if op == "-" else right)
        self.depth += 1
        return tree.Sum((node, *terms)) if terms else node

    def product(self) -> Node:
        """Factors with and without signs between them; ``a b / c d`` divides by ``c`` alone."""
        factors = [self.unary()]
        while True:
            if self.kind == "op" and self.value in "*/":
                if self.tokens[self.at + 1][0] == "word":  # 5 · m: a unit
                    return _product(factors)
                if self.step() == "/":
                    factors = [tree.Quotient(_product(factors), self.unary())]
                else:
                    factors.append(self.unary())
            elif self.kind in _STARTS or self.kind == "open" or self.opens_bar():
                factors.append(self.implicit(factors))
            else:
                return _product(factors)

    def opens_bar(self) -> bool:
        """Whether a bar begins an absolute value that is a factor."""
        return self.is_op("|") and self.bars == 0 and self.tokens[self.at + 1][0] in _STARTS

    def implicit(self, factors: list[Node]) -> Node:
        """A factor without a sign; numbers side by side are only read as mixed numbers."""
        before = factors[-1]
        negative = isinstance(before, tree.Neg) and isinstance(before.inner, tree.Num)
        if isinstance(before, tree.Neg) and negative:
            before = before.inner
        if self.kind == "num" and isinstance(before, tree.Num | tree.Based):
            raise Unreadable("two numbers side by side")
        if _several(before):
            raise Unreadable("a product with a container")
        node = self.power()
        if _several(node) or isinstance(node, tree.Matrix):
            raise Unreadable("a product with a container")
        part = node.inner if isinstance(node, tree.Percent) else node
        match before, part:
            case tree.Num(whole), tree.Quotient(tree.Num(top), tree.Num(below)) if (
                whole.denominator == top.denominator == below.denominator == 1 and 0 < top < below
            ):
                factors.pop()
                mixed: Node = tree.Num(whole + top / below)
                mixed = tree.Neg(mixed) if negative else mixed
                return mixed if part is node else tree.Percent(mixed)
        return node

    def unary(self) -> Node:
        """A power behind any number of signs."""
        sign, money = False, ""
        while self.kind == "op" and (self.value in ("-", "+") or self.value in MONEY):
            operator = self.step()
            money = MONEY.get(operator, money)
            sign ^= operator == "-"
        node = self.power()
        node = tree.Unit(node, money) if money else node
        return tree.Neg(node) if sign else node

    def power(self) -> Node:
        """A primary with what is attached to it; ``^\\circ`` is a degree."""
        base = self.postfix(self.primary())
        if not self.skip("^"):
            return base
        exponent = None if self.skip("deg") else self.script()
        return tree.Degree(base) if exponent is None else self.postfix(tree.Power(base, exponent))

    def script(self) -> Node | None:
        r"""Behind ``^``: a braced expression, or one (signed) factor; powers nest to the right. None: ``{\circ}``."""
        self.deeper()
        node: Node | None = None
        if not (self.kind == "open" and self.value == "brace"):
            node = self.unary()
        elif self.tokens[self.at + 1] == ("op", "deg"):
            self.step()
            self.step()
            self.expect("close", "brace")
        else:
            node = self.primary()
            if self.skip("^"):
                node = tree.Power(node, self.exponent())
        self.depth += 1
        return node

    def exponent(self) -> Node:
        """A script that is no degree sign."""
        node = self.script()
        if node is None:
            raise Unreadable("a degree sign in a power")
        return node

    def postfix(self, node: Node) -> Node:
        """Factorials, percent and degree signs and primes behind a value."""
        while self.kind == "op" and self.value in POSTFIXES:
            op = self.step()
            if op == "!":
                node = tree.Function("factorial", (node,))
            elif op == "'":
                if not isinstance(node, tree.Sym):
                    raise Unreadable("a derivative")
                node = tree.Sym(node.name + "'")
            elif op in MONEY:
                node = tree.Unit(node, MONEY[op])
            else:
                node = tree.Percent(node) if op == "%" else tree.Degree(node)
        return node

    def primary(self) -> Node:
        """A number, a name, a bracket, a command, a function, a matrix or an absolute value."""
        kind, value = self.kind, self.value
        if kind == "num":
            self.step()
            return tree.Based(value, base) if (base := self.below()) is not None else tree.Num(value)
        if kind == "sym":
            return self.symbol()
        if kind == "const":
            self.step()
            return tree.Sym(f"{value}_{index}") if (index := self.below()) is not None else tree.Const(value)
        if kind == "open":
            return self.bracket()
        if kind == "cmd":
            return self.command(self.step())
        if kind == "fn":
            return self.function(self.step())
        if kind == "begin":
            return self.matrix(self.step())
        if kind == "op" and value == "|":
            return self.bars_group()
        raise Unreadable(f"unexpected {value!r}")

    def symbol(self) -> Node:
        """A name with primes and a subscript; one letter before a parenthesis may be a function."""
        name = self.step()
        while self.is_op("'"):
            name += self.step()
        if (index := self.below()) is not None:
            name += f"_{index}"
        if self.kind == "open" and self.value == "(" and self._is_applied(name):
            return tree.Call(name, self.bracket())
        return tree.Sym(name)

    def _is_applied(self, name: str) -> bool:
        """Whether the bracket at hand holds the argument of a function rather than a factor.

        A number or several arguments make one of any letter, one symbol of a letter that stands nowhere alone, and any
        argument of such a letter that usually names functions.
        """
        inside = self.tokens[self.at + 1 : self.at + 4]
        if inside[:1] == [("op", "-")]:
            inside = self.tokens[self.at + 2 : self.at + 5]
        closed = inside[1:2] == [("close", ")")]
        if closed and inside[0][0] == "num":
            return True
        if len(inside) > 1 and inside[1] == ("sep", ",") and inside[0][0] in ("num", "sym"):
            return True
        if name in self.alone:
            return False
        letter = name.rstrip("'").partition("_")[0]
        return (closed and inside[0][0] in ("sym", "const")) or "'" in name or letter in FUNCTION_LETTERS

    def below(self) -> str | None:
        """The subscript that follows, as text; None when there is none."""
        if not self.skip("_"):
            return None
        if not (self.kind == "open" and self.value == "brace"):
            if self.kind not in ("num", "sym", "const", "word"):
                raise Unreadable("an odd subscript")
            return str(self.step())
        self.step()
        parts = []
        while not (self.kind == "close" and self.value == "brace"):
            if self.kind in ("end of text", "open", "begin", "close"):
                raise Unreadable("an odd subscript")
            parts.append(str(self.step()))
        self.step()
        return "".join(parts)

    def bars_group(self) -> Node:
        """An absolute value."""
        self.deeper()
        self.step()
        self.bars += 1
        inside = self.sum()
        self.expect("op", "|")
        self.bars -= 1
        self.depth += 1
        return tree.Function("abs", (inside,))

    def command(self, name: str) -> Node:
        """``frac``, ``binom`` or ``sqrt`` with its arguments."""
        if name in ("frac", "binom"):
            top, below = self.argument(), self.argument()
            return tree.Quotient(top, below) if name == "frac" else tree.Function("binom", (top, below))
        index: Node | None = None
        if self.kind == "open" and self.value == "[":
            self.step()
            index = self.sum()
            self.expect("close", "]")
        radicand = self.primary()
        return tree.Function("sqrt", (radicand,)) if index is None else tree.Power(radicand, tree.Quotient(_ONE, index))

    def argument(self) -> Node:
        """An argument of ``\\frac``: a braced expression, or one symbol or digit."""
        if self.kind == "num" and self.value.denominator == 1 and self.value >= 10:
            digits = str(self.value)
            self.value = Fraction(int(digits[1:]))
            self.tokens[self.at] = ("num", self.value)
            return tree.Num(Fraction(int(digits[0])))
        if self.kind not in _STARTS and not (self.kind == "open" and self.value in ("brace", "(")):
            raise Unreadable("an argument is missing")
        return self.primary()

    def function(self, name: str) -> Node:
        """A known function: its base and power, then its arguments in brackets or the factors that follow."""
        base: Node | None = None
        power: Node | None = None
        for _ in range(2):
            if base is None and self.skip("_"):
                base = self.primary() if self.kind in ("open", "num", "sym", "const") else None
            elif power is None and self.skip("^"):
                power = self.exponent()
        if self.kind == "open" and self.value in ("(", "[", "brace"):
            inside = self.bracket()
            arguments = inside.items if isinstance(inside, tree.Group) else (inside,)
        else:
            arguments = (self.bare_argument(),)
        if not arguments:
            raise Unreadable("a function of nothing")
        arguments = tuple(tree.Product((a.inner, TURN)) if isinstance(a, tree.Degree) else a for a in arguments)
        if name in ("log10", "log"):
            usual: Node = tree.Num(Fraction(10)) if name == "log10" else tree.Const("e")
            base = base or (arguments[1] if len(arguments) == 2 else usual)
            node = tree.Function("log", (arguments[0], base))
        elif base is not None:
            raise Unreadable("a subscript on a function")
        else:
            node = tree.Function(name, arguments)
        if power is None:
            return node
        return tree.Function("arc" + name, arguments) if power == tree.Neg(_ONE) else tree.Power(node, power)

    def bare_argument(self) -> Node:
        """``\\sin 2x``: the factors up to the next sign or function."""
        self.deeper()
        factors = [self.unary()]
        while self.kind in ("num", "sym", "const", "cmd") or (
            self.is_op("/") and not isinstance(factors[-1], tree.Function)
        ):
            if self.skip("/"):
                factors = [tree.Quotient(_product(factors), self.power())]
            else:
                factors.append(self.implicit(factors))
        self.depth += 1
        return _product(factors)


def _product(factors: Sequence[Node]) -> Node:
    return tree.Product(tuple(factors)) if len(factors) > 1 else factors[0]


def _several(node: Node) -> bool:
    """Whether a node holds several values, so that nothing can be multiplied by it."""
    return isinstance(node, tree.Set) or (isinstance(node, tree.Group) and len(node.items) > 1)
