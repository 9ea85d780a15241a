"""The one walk that gives an expression a value, for every kind of number that it can be worth; modulo a prime here.

At random points of a prime field, identity of rational functions is decided (Schwartz-Zippel): exact, fast and without
overflow whatever the size of the coefficients. One wrong digit in a 24-digit coefficient is seen, which no
floating-point probe could.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from fractions import Fraction
from functools import cache, reduce
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
            case tree.Call(name):
                raise Undefined(f"nobody knows the function {name}")
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


def written_fraction(node: Node) -> Fraction | None:
    """The exponent that is written as a number, if it is."""
    match node:
        case tree.Num(value):
            return value
        case tree.Neg(inner):
            found = written_fraction(inner)
            return None if found is None else -found
        case tree.Quotient(tree.Num(top), tree.Num(below)) if below:
            return top / below
    return None


PRIME = (1 << 61) - 1
_POINTS = (0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F)


class Residue(int):
    """A number modulo ``prime``."""

    prime = PRIME

    def __add__(self, other: int) -> Residue:
        return type(self)(int.__add__(self, other) % self.prime)

    def __neg__(self) -> Residue:
        return type(self)(int.__neg__(self) % self.prime)

    def __mul__(self, other: int) -> Residue:
        return type(self)(int.__mul__(self, other) % self.prime)

    def __truediv__(self, other: int) -> Residue:
        if not other:
            raise Undefined("division by zero")
        return self * pow(int(other), self.prime - 2, self.prime)


class Residues(Arithmetic):
    """Arithmetic modulo a prime; π and e count as variables, which no rational function tells from them."""

    def __init__(self, seed: int, kind: type[Residue] = Residue) -> None:
        self.seed = seed
        self.kind = kind

    def marked(self, node: tree.Marked) -> Residue:
        raise Undefined("a mark on a number")

    def number(self, value: Fraction) -> Residue:
        prime = self.kind.prime
        top = self.kind(value.numerator % prime)
        return top if value.denominator == 1 else top / self.kind(value.denominator % prime)

    def constant(self, name: str) -> Residue:
        if name not in ("pi", "e"):
            raise Undefined(name)
        return self.variable("const " + name)

    def variable(self, name: str) -> Residue:
        """A pseudo-random residue for a variable, from the seed."""
        value, prime = self.seed, self.kind.prime
        for character in name:
            value = (value ^ ord(character)) * 0x100000001B3 % prime
        return self.kind(value * value % prime)

    def power(self, base: Residue, exponent: Node) -> Residue:
        size = exponent.inner if isinstance(exponent, tree.Neg) else exponent
        if not isinstance(size, tree.Num) or size.value.denominator != 1 or size.value >= 10**6:
            raise Undefined("no whole power within bounds")
        power = self.kind(pow(int(base), int(size.value), self.kind.prime))
        return power if size is exponent else self.kind(1) / power


@cache
def _secret() -> tuple[type[Residue], int]:
    """A prime and a seed of this process alone: what nobody knows, nobody can write a multiple of."""
    import secrets

    candidate = secrets.randbits(60) | 1 << 60 | 1
    while not all(pow(base, candidate - 1, candidate) == 1 for base in (2, 3, 5, 7, 11, 13)):
        candidate += 2
    return type("SecretResidue", (Residue,), {"prime": candidate}), secrets.randbits(60)


def same_rational(first: Node, second: Node) -> bool | None:
    """Whether two expressions are the same rational function; None when one is none.

    A difference is found at a fixed point modulo a fixed prime; agreement is confirmed modulo a prime of this process.
    """
    try:
        fixed = Residues(_POINTS[0])
        if fixed.value(first) != fixed.value(second):
            return False
        kind, seed = _secret()
        secret = Residues(seed, kind)
        return bool(secret.value(first) == secret.value(second))
    except Undefined:
        return None


def same_rational_ratio(first: Node, second: Node) -> bool | None:
    """Whether one rational function is a constant multiple of the other, and neither is zero; None as above."""
    try:
        for kind, seed in ((Residue, _POINTS[0]), _secret()):
            one, other = Residues(seed, kind), Residues(seed ^ _POINTS[1] >> 8, kind)
            a, b, c, d = one.value(first), one.value(second), other.value(first), other.value(second)
            if a * d != c * b or not (a and b):
                return False
    except Undefined:
        return None
    return True
