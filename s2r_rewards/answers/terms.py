r"""The expression level of the reader: sums, products, powers, functions, roots and fractions."""

from __future__ import annotations

from fractions import Fraction

from .cursor import Cursor, Node
from .lexer import Unreadable

_TURN: Node = ("div", ("const", "pi"), ("num", Fraction(180)))
_STARTS = frozenset(("num", "sym", "const", "fn", "cmd"))


class Terms(Cursor):
    """Reads expressions; brackets and matrices are read by the subclass."""

    def bracket(self) -> Node:
        raise NotImplementedError

    def matrix(self, name: str) -> Node:
        raise NotImplementedError

    def sum(self) -> Node:
        self.deeper()
        terms: list[Node] = []
        if self.kind == "op" and self.value in ("pm", "mp"):
            node: Node = (self.step(), ("num", Fraction(0)), self.product())
        else:
            node = self.product()
        while self.kind == "op" and self.value in ("+", "-", "pm", "mp"):
            op = self.step()
            right = self.product()
            if op in ("pm", "mp"):
                node = ("add", node, *terms) if terms else node
                node, terms = (op, node, right), []
            else:
                terms.append(("neg", right) if op == "-" else right)
        self.depth += 1
        return ("add", node, *terms) if terms else node

    def product(self) -> Node:
        factors = [self.unary()]
        while True:
            if self.kind == "op" and self.value in "*/":
                if self.step() == "/":
                    left = ("mul", *factors) if len(factors) > 1 else factors[0]
                    factors = [("div", left, self.unary())]
                else:
                    factors.append(self.unary())
            elif self.kind in _STARTS or self.kind == "open" or self.opens_bar():
                factors.append(self.implicit(factors))
            else:
                break
        return ("mul", *factors) if len(factors) > 1 else factors[0]

    def opens_bar(self) -> bool:
        return self.is_op("|") and self.bars == 0 and self.tokens[self.at + 1][0] in _STARTS

    def implicit(self, factors: list[Node]) -> Node:
        """A factor without a sign; numbers side by side are only read as mixed numbers."""
        before = factors[-1]
        negative = before[0] == "neg" and before[1][0] == "num"
        if negative:
            before = before[1]
        if self.kind == "num" and before[0] in ("num", "based"):
            raise Unreadable("two numbers side by side")
        if before[0] == "set" or (before[0] == "group" and len(before[3]) > 1):
            raise Unreadable("a product with a container")
        node = self.power()
        if node[0] in ("set", "matrix") or (node[0] == "group" and len(node[3]) > 1):
            raise Unreadable("a product with a container")
        percent = node[0] == "percent"
        part = node[1] if percent else node
        if before[0] == "num" and part[0] == "div" and part[1][0] == part[2][0] == "num":
            whole, top, below = before[1], part[1][1], part[2][1]
            if whole.denominator == top.denominator == below.denominator == 1 and 0 < top < below:
                factors.pop()
                mixed: Node = ("num", whole + top / below)
                mixed = ("neg", mixed) if negative else mixed
                return ("percent", mixed) if percent else mixed
        return node

    def unary(self) -> Node:
        sign = False
        while self.kind == "op" and self.value in ("-", "+", "money"):
            sign ^= self.step() == "-"
        node = self.power()
        return ("neg", node) if sign else node

    def power(self) -> Node:
        base = self.postfix(self.primary())
        if self.is_op("^"):
            self.step()
            if self.is_op("deg"):
                self.step()
                return ("degree", base)
            exponent = self.script()
            if exponent == ("degree",):
                return ("degree", base)
            if exponent[0] == "sym" and set(exponent[1]) == {"'"}:
                raise Unreadable("a derivative")
            return self.postfix(("pow", base, exponent))
        return base

    def script(self) -> Node:
        """What stands behind ``^``: a braced expression, or one (signed) factor; powers nest to the right."""
        self.deeper()
        if self.kind == "open" and self.value == "brace":
            if self.tokens[self.at + 1] == ("op", "deg"):
                self.step()
                self.step()
                self.expect("close", "brace")
                node: Node = ("degree",)
            else:
                node = self.primary()
                if self.is_op("^"):
                    self.step()
                    node = ("pow", node, self.script())
        else:
            node = self.unary()
        self.depth += 1
        return node

    def postfix(self, node: Node) -> Node:
        while self.kind == "op" and self.value in ("!", "%", "deg", "'"):
            op = self.step()
            if op == "!":
                node = ("fn", "factorial", node)
            elif op == "'":
                if node[0] != "sym":
                    raise Unreadable("a derivative")
                node = ("sym", node[1] + "'")
            else:
                node = ("percent" if op == "%" else "degree", node)
        return node

    def primary(self) -> Node:
        kind, value = self.kind, self.value
        if kind == "num":
            self.step()
            if self.is_op("_"):
                self.step()
                base = self.subscript()
                return ("based", value, base)
            return ("num", value)
        if kind == "sym":
            return self.symbol()
        if kind == "const":
            self.step()
            if self.is_op("_"):
                self.step()
                return ("sym", f"{value}_{self.subscript()}")
            return ("const", value)
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
        name = self.step()
        while self.is_op("'"):
            name += self.step()
        if self.is_op("_"):
            self.step()
            name += f"_{self.subscript()}"
        if self.kind == "open" and self.value == "(" and len(name) == 1:
            argument = self.bracket()
            return ("call", name, argument)
        return ("sym", name)

    def subscript(self) -> str:
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
        self.deeper()
        self.step()
        self.bars += 1
        inside = self.sum()
        self.expect("op", "|")
        self.bars -= 1
        self.depth += 1
        return ("fn", "abs", inside)

    def command(self, name: str) -> Node:
        if name in ("frac", "binom"):
            top, below = self.argument(), self.argument()
            return ("div", top, below) if name == "frac" else ("fn", "binom", top, below)
        index: Node | None = None
        if self.kind == "open" and self.value == "[":
            self.step()
            index = self.sum()
            self.expect("close", "]")
        radicand = self.postfix(self.primary())
        if index is None:
            return ("fn", "sqrt", radicand)
        return ("pow", radicand, ("div", ("num", Fraction(1)), index))

    def argument(self) -> Node:
        """An argument of ``\\frac``: a braced expression, or one symbol or digit."""
        if self.kind == "num" and self.value.denominator == 1 and self.value >= 10:
            digits = str(self.value)
            self.tokens[self.at] = ("num", Fraction(int(digits[1:])))
            self.value = self.tokens[self.at][1]
            return ("num", Fraction(int(digits[0])))
        if self.kind not in _STARTS and not (self.kind == "open" and self.value in ("brace", "(")):
            raise Unreadable("an argument is missing")
        return self.primary()

    def function(self, name: str) -> Node:
        base: Node | None = None
        power: Node | None = None
        for _ in range(2):
            if self.is_op("_") and base is None:
                self.step()
                base = self.primary() if self.kind in ("open", "num", "sym", "const") else None
            elif self.is_op("^") and power is None:
                self.step()
                power = self.script()
        if self.kind == "open" and self.value in ("(", "[", "brace"):
            inside = self.bracket()
            if inside[0] == "group" and len(inside[3]) > 1:
                arguments: tuple[Node, ...] = inside[3]
            elif inside[0] == "group":
                arguments = (inside[3][0],) if inside[3] else ()
            else:
                arguments = (inside,)
        else:
            arguments = (self.bare_argument(),)
        if not arguments:
            raise Unreadable("a function of nothing")
        arguments = tuple(("mul", a[1], _TURN) if a[0] == "degree" else a for a in arguments)
        if name == "log10" or name == "log":
            fallback: Node = ("num", Fraction(10)) if name == "log10" else ("const", "e")
            node: Node = (
                "fn",
                "log",
                arguments[0],
                base or (arguments[1] if len(arguments) == 2 else fallback),
            )
        elif base is not None:
            raise Unreadable("a subscript on a function")
        else:
            node = ("fn", name, *arguments)
        if power is None:
            return node
        if power == ("neg", ("num", Fraction(1))):
            return ("fn", "arc" + name, *arguments)
        return ("pow", node, power)

    def bare_argument(self) -> Node:
        """``\\sin 2x``: the factors up to the next sign or function."""
        self.deeper()
        factors = [self.unary()]
        while self.kind in ("num", "sym", "const", "cmd") or (self.is_op("/") and factors[-1][0] != "fn"):
            if self.is_op("/"):
                self.step()
                factors = [("div", ("mul", *factors) if len(factors) > 1 else factors[0], self.power())]
            else:
                factors.append(self.implicit(factors))
        self.depth += 1
        return ("mul", *factors) if len(factors) > 1 else factors[0]
