r"""What an expression is made of: numbers, names, brackets, roots, fractions and functions with their arguments."""

from collections.abc import Sequence
from fractions import Fraction

from . import tree
from .cursor import LETTERS, Cursor
from .lexer import Unreadable
from .tree import Node
from .vocabulary import FUNCTION_LETTERS

_ONE = tree.Num(Fraction(1))
#: One degree in radians.
TURN = tree.Quotient(tree.Const("pi"), tree.Num(Fraction(180)))
#: Kinds of tokens that an expression without brackets begins with.
STARTS = frozenset(("num", "sym", "const", "fn", "cmd"))
_OF_SETS = frozenset(("max", "min", "gcd", "lcm"))


class Atoms(Cursor):
    """Reads what stands between two signs."""

    def primary(self) -> Node:
        """A number, a name, a bracket, a command, a function, a matrix or an absolute value."""
        kind, value = self.kind, self.value
        if kind == "num":
            self.step()
            base = self.below() if self.kind == "op" else None
            return value if base is None else tree.Based(value.value, base)
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
        if self.kind == "op":
            while self.is_op("'"):
                name += self.step()
            if (index := self.below()) is not None:
                name += f"_{index}"
        if self.kind == "open" and self.value == "(" and self._is_applied(name):
            return tree.Call(name, self.bracket())
        return LETTERS.get(name) or tree.Sym(name)

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
            return self.spelled()
        self.step()
        parts = []
        while not (self.kind == "close" and self.value == "brace"):
            if self.kind in ("end of text", "open", "begin", "close"):
                raise Unreadable("an odd subscript")
            parts.append(self.spelled())
        self.step()
        return "".join(parts)

    def spelled(self) -> str:
        """The token at hand as text."""
        value = self.step()
        return str(value.value if isinstance(value, tree.Num) else value)

    def bars_group(self) -> Node:
        """An absolute value."""
        self.deeper(2)
        self.step()
        self.bars += 1
        inside = self.sum()
        self.expect("op", "|")
        self.bars -= 1
        self.depth += 2
        return tree.Function("abs", (inside,))

    def command(self, name: str) -> Node:
        """``frac``, ``binom`` or ``sqrt`` with its arguments."""
        if name in ("frac", "binom"):
            top, below = self.argument(), self.argument()
            return tree.Quotient(top, below) if name == "frac" else tree.Function("binom", (top, below))
        index: Node | None = None
        if self.kind == "open" and self.value == "[":
            self.step()
            self.deeper()
            index = self.sum()
            self.depth += 1
            self.expect("close", "]")
        radicand = self.primary()
        return tree.Function("sqrt", (radicand,)) if index is None else tree.Power(radicand, tree.Quotient(_ONE, index))

    def argument(self) -> Node:
        """An argument of ``\\frac``: a braced expression, or one symbol or digit."""
        kind = self.kind
        if kind == "open" and (self.value == "brace" or self.value == "("):
            return self.bracket()
        if kind == "num" and (value := self.value.value).denominator == 1 and value >= 10:
            digits = str(value)
            self.value = tree.Num(Fraction(int(digits[1:])))
            self.tokens[self.at] = ("num", self.value)
            return tree.Num(Fraction(int(digits[0])))
        if kind not in STARTS:
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
        elif name in _OF_SETS and self.kind == "open" and self.value == "{":
            inside = self.bracket()
            if not isinstance(inside, tree.Set):
                raise Unreadable("a function of a set by its condition")
            arguments = inside.items
        else:
            arguments = (self.bare_argument(),)
        if not arguments:
            raise Unreadable("a function of nothing")
        arguments = tuple(tree.Product((a.inner, TURN)) if isinstance(a, tree.Degree) else a for a in arguments)
        if name == "cis":
            node: Node = tree.Power(tree.Const("e"), tree.Product((tree.Const("i"), *arguments)))
        elif name in ("log10", "log"):
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
                factors = [tree.Quotient(product_of(factors), self.power())]
            else:
                factors.append(self.implicit(factors))
        self.depth += 1
        return product_of(factors)


def product_of(factors: Sequence[Node]) -> Node:
    """The product of several factors, or the only one."""
    return tree.Product(tuple(factors)) if len(factors) > 1 else factors[0]
