"""The one walk that gives an expression a value, for every kind of number that it can be worth; modulo a prime here.

At random points of a prime field, identity of rational functions is decided (Schwartz-Zippel): exact, fast and without
overflow whatever the size of the coefficients. One wrong digit in a 24-digit coefficient is seen, which no
floating-point probe could.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from fractions import Fraction
from functools import reduce
from typing import Any

from ..read import tree
from ..read.tree import Node


class Undefined(Exception):
    """The expression has no finite value (a division by zero, the logarithm of zero)."""


class Arithmetic:
    """How to compute with one kind of numbers, which bring ``+``, ``-``, ``*`` and ``/`` themselves.

    Any method may raise :class:`Undefined`, or whatever else ends the walk.
    """

    def value(self, node: Node) -> Any:
        """The value of an expression."""
        match node:
            case tree.Num(value):
                return self.number(value)
            case tree.Sym(name):
                return self.variable(name)
            case tree.Product(factors):
                return self.fold(operator.mul, factors)
            case tree.Sum(terms):
                return self.fold(operator.add, terms)
            case tree.Neg(inner):
                return -self.value(inner)
            case tree.Quotient(top, below):
                return self.value(top) / self.value(below)
            case tree.Power(base, exponent):
                return self.power(self.value(base), exponent)
            case tree.Function(name, arguments):
                return self.function(name, [self.value(argument) for argument in arguments])
            case tree.Const(name):
                return self.constant(name)
            case tree.Call(name, argument):
                return self.variable(name) * self.value(argument)
            case tree.Percent() | tree.Degree() | tree.Unit():
                return self.marked(node)
            case tree.SetOperation():
                raise Undefined("a union has no value")
            case tree.Based() | tree.PlusMinus() | tree.Relation() | tree.Ratio():
                raise Undefined(f"a {type(node).__name__.lower()} has no value")
            case tree.Group() | tree.Set() | tree.List() | tree.Matrix():
                raise Undefined(f"a {type(node).__name__.lower()} has no value")
            case _:
                tree.unreachable(node)

    def fold(self, combine: Callable[[Any, Any], Any], nodes: tuple[Node, ...]) -> Any:
        """The sum or the product of several nodes."""
        return reduce(combine, map(self.value, nodes))

    def marked(self, node: tree.Marked) -> Any:
        """A hundredth of what has a percent sign; units and degree signs are passed over."""
        inner = self.value(node.inner)
        return inner / self.number(Fraction(100)) if isinstance(node, tree.Percent) else inner

    def number(self, value: Fraction) -> Any:
        """A rational number."""
        raise NotImplementedError

    def constant(self, name: str) -> Any:
        """``pi``, ``e``, ``i`` and their like."""
        raise Undefined(name)

    def variable(self, name: str) -> Any:
        """A variable, or the unknown function of a call."""
        raise Undefined(name)

    def power(self, base: Any, exponent: Node) -> Any:
        """A value to the power of an expression."""
        raise NotImplementedError

    def function(self, name: str, values: list[Any]) -> Any:
        """A known function of one or more values."""
        raise Undefined(name)


PRIME = (1 << 61) - 1
_POINTS = (0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F)


def value_mod(node: Node, which: int) -> int:
    """The value of ``node`` modulo ``PRIME`` at point ``which``; :class:`Undefined` for what is no rational function."""
    return int(Residues(which).value(node))


class Residue(int):
    """A number modulo ``PRIME``."""

    def __add__(self, other: int) -> Residue:
        return Residue(int.__add__(self, other) % PRIME)

    def __neg__(self) -> Residue:
        return Residue(int.__neg__(self) % PRIME)

    def __mul__(self, other: int) -> Residue:
        return Residue(int.__mul__(self, other) % PRIME)

    def __truediv__(self, other: int) -> Residue:
        if not other:
            raise Undefined("division by zero")
        return self * pow(int(other), PRIME - 2, PRIME)


class Residues(Arithmetic):
    """Arithmetic modulo ``PRIME``; π and e count as variables, which no rational function tells from them."""

    def __init__(self, which: int) -> None:
        self.which = which

    def marked(self, node: tree.Marked) -> Residue:
        raise Undefined("a mark on a number")

    def number(self, value: Fraction) -> Residue:
        top = Residue(value.numerator % PRIME)
        return top if value.denominator == 1 else top / Residue(value.denominator % PRIME)

    def constant(self, name: str) -> Residue:
        if name not in ("pi", "e"):
            raise Undefined(name)
        return self.variable("const " + name)

    def variable(self, name: str) -> Residue:
        """A fixed pseudo-random residue for a variable; the same in every process."""
        value = _POINTS[self.which]
        for character in name:
            value = (value ^ ord(character)) * 0x100000001B3 % PRIME
        return Residue(value * value % PRIME)

    def power(self, base: Residue, exponent: Node) -> Residue:
        size = exponent.inner if isinstance(exponent, tree.Neg) else exponent
        if not isinstance(size, tree.Num) or size.value.denominator != 1 or size.value >= 10**6:
            raise Undefined("no whole power within bounds")
        power = Residue(pow(int(base), int(size.value), PRIME))
        return power if size is exponent else Residue(1) / power
