r"""The expression level of the reader: sums, products and powers."""

from fractions import Fraction
from math import prod

from . import tree
from .atoms import STARTS, Atoms, product_of
from .lexer import Unreadable
from .tree import Node

#: Signs of money, and the words that they stand for.
MONEY = {"money": "dollar", "euro": "euro", "sterling": "sterling"}
_ZERO, _ONE, _TWO = (tree.Num(Fraction(number)) for number in range(3))
#: Kinds of tokens that end a product.
_BEHIND = frozenset(("close", "sep", "rel", "end of text", "end", "word"))
#: Signs that end what stands before them.
_BETWEEN = frozenset("+-*/")
_SIGNS = frozenset("+-")
_DIGITS, _CONTAINERS = frozenset((tree.Num, tree.Based)), frozenset((tree.Set, tree.Group))
_NUMBERS = (tree.Num, tree.Quotient, tree.Sum, tree.Product, tree.Neg)
_LARGEST = 300
POSTFIXES = frozenset(("!", "%", "deg", "'", *MONEY))


class Terms(Atoms):
    """Reads expressions."""

    def sum(self) -> Node:
        """Products joined by signs; a ± splits the sum into what stands before it and the product behind it."""
        node = _ZERO if self.kind == "op" and self.value in ("pm", "mp") else self.product()
        if self.kind != "op":
            return node
        terms: list[Node] = []
        while self.kind == "op" and self.value in ("+", "-", "pm", "mp"):
            op = self.step()
            right = self.product()
            if op in ("pm", "mp"):
                node = tree.Sum((node, *terms)) if terms else node
                node, terms = tree.PlusMinus(node, right, op == "pm"), []
            else:
                terms.append(tree.Neg(right) if op == "-" else right)
        return tree.Sum((node, *terms)) if terms else node

    def product(self) -> Node:
        """Factors with and without signs between them; ``a b / c d`` divides by ``c`` alone."""
        node = self.power() if self.kind != "op" else self.unary()
        kind = self.kind
        if kind in _BEHIND or (kind == "op" and self.value in _SIGNS):
            return node
        factors = [node]
        while (kind := self.kind) not in _BEHIND:
            if kind == "op":
                if self.value in "*/":
                    if self.tokens[self.at + 1][0] == "word":  # 5 · m: a unit
                        break
                    if self.step() == "/":
                        factors = [tree.Quotient(product_of(factors), self.unary())]
                    else:
                        factors.append(self.unary())
                elif self.value == "|" and self.opens_bar():
                    factors.append(self.implicit(factors))
                else:
                    break
            elif kind in STARTS or kind == "open" or kind == "begin":
                factors.append(self.implicit(factors))
            else:
                break
        return tree.Product(tuple(factors)) if len(factors) > 1 else factors[0]

    def opens_bar(self) -> bool:
        """Whether the bar at hand begins an absolute value that is a factor."""
        return self.bars == 0 and self.tokens[self.at + 1][0] in STARTS

    def implicit(self, factors: list[Node]) -> Node:
        """A factor without a sign; numbers side by side are only read as mixed numbers."""
        before = factors[-1]
        negative = type(before) is tree.Neg and type(before.inner) is tree.Num
        if type(before) is tree.Neg and negative:
            before = before.inner
        if self.kind == "num" and type(before) in _DIGITS:
            raise Unreadable("two numbers side by side")
        bracketed = self.kind == "open" and self.value != "brace"
        node = self.power()
        if (type(before) in _CONTAINERS or type(node) in _CONTAINERS) and (_several(before) or _several(node)):
            raise Unreadable("a product with a container")
        if bracketed or type(before) is not tree.Num:
            return node
        part = node.inner if isinstance(node, tree.Percent) else node
        match before, part:
            case tree.Num(whole), tree.Quotient(tree.Num(top), tree.Num(below)) if (
                whole.denominator == top.denominator == below.denominator == 1 and top > 0 < below
            ):
                if top >= below:  # a sum or a product?
                    raise Unreadable("a mixed number whose fraction is no part of one")
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
        kind = self.kind
        if kind == "num" or kind == "sym":
            after, sign = self.tokens[self.at + 1]
            if sign in _BETWEEN if after == "op" else kind == "num" or after != "open":  # nothing is attached to it
                return self.leaf(kind)
            base = self.leaf(kind) if sign == "^" and after == "op" else self.primary()
        else:
            base = self.primary()
        if self.kind != "op":
            return base
        if self.value in POSTFIXES:
            base = self.postfix(base)
        if not self.skip("^"):
            return base
        exponent = None if self.skip("deg") else self.script()
        if exponent is None:
            return tree.Degree(base)
        node = tree.Power(base, exponent)
        return self.postfix(node) if self.kind == "op" else node

    def script(self) -> Node | None:
        r"""Behind ``^``: a braced expression, or one (signed) factor; powers nest to the right. None: ``{\circ}``."""
        self.deeper()
        node: Node | None = None
        if not (self.kind == "open" and self.value == "brace"):
            node = self.power() if self.kind != "op" else self.unary()
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
                twice = self.skip("!")
                node = _double_factorial(node) if twice else tree.Function("factorial", (node,))
            elif op == "'":
                if not isinstance(node, tree.Sym):
                    raise Unreadable("a derivative")
                node = tree.Sym(node.name + "'")
            elif op in MONEY:
                node = tree.Unit(node, MONEY[op])
            elif op == "deg" and not isinstance(node, _NUMBERS):
                raise Unreadable("a composition")  # f ∘ g
            else:
                node = tree.Percent(node) if op == "%" else tree.Degree(node)
        return node


def _double_factorial(node: Node) -> Node:
    r"""``7!!`` as 105, ``(2n)!!`` as :math:`2^n n!`, ``(2n-1)!!`` as :math:`(2n)!/(2^n n!)`; ``n!!`` has no such formula."""
    if isinstance(node, tree.Num):
        if node.value.denominator == 1 and 0 <= node.value <= _LARGEST:
            return tree.Num(Fraction(prod(range(int(node.value), 0, -2))))
    elif (halves := _halves(node)) is not None:
        half, odd = halves
        product = tree.Product((tree.Power(_TWO, half), tree.Function("factorial", (half,))))
        return tree.Quotient(tree.Function("factorial", (tree.Sum((node, _ONE)),)), product) if odd else product
    raise Unreadable("a double factorial")


def _halves(node: Node) -> tuple[Node, bool] | None:
    """Half of an even whole number, or of the one above an odd one, and which of them it is; None for neither."""
    match node:
        case tree.Product((tree.Num(number), *rest)) if number.denominator == 1 and not number % 2 and rest:
            return product_of((tree.Num(number / 2), *rest)), False
        case tree.Sum((first, tree.Neg(tree.Num(number)))):
            return _halves(tree.Sum((first, tree.Num(-number))))
        case tree.Sum((first, tree.Num(number))) if number.denominator == 1:
            if (halved := _halves(first)) is not None and not halved[1]:
                odd = bool(number % 2)
                return tree.Sum((halved[0], tree.Num((number + odd) / 2))), odd
    return None


def _several(node: Node) -> bool:
    """Whether a node holds several values, so that nothing can be multiplied by it."""
    return isinstance(node, tree.Set) or (isinstance(node, tree.Group) and len(node.items) > 1)
