"""The one walk that gives an expression a value, for every kind of number that it can be worth; modulo a prime here.

At a random point of a prime field, identity of rational functions is decided (Schwartz-Zippel): exact, fast and without
overflow whatever the size of the coefficients. One wrong digit in a 24-digit coefficient is seen, which no
floating-point probe could.
"""

from __future__ import annotations

import operator
import os
from collections.abc import Callable
from fractions import Fraction
from functools import cache, lru_cache, reduce
from hashlib import blake2b
from math import gcd, prod
from typing import Any, Protocol, TypeVar

from ..read import tree
from ..read.tree import Node, functions


class _Factor(Protocol):
    def __mul__(self: T, other: T, /) -> T: ...


T = TypeVar("T", bound=_Factor)


class Undefined(Exception):
    """The expression has no finite value (a division by zero, the logarithm of zero)."""


class Arithmetic:
    """How to compute with one kind of numbers, which bring ``+``, ``-``, ``*`` and ``/`` themselves.

    Any method may raise :class:`Undefined`, or whatever else ends the walk.
    """

    def value(self, node: Node) -> Any:
        """The value of an expression."""
        return STEPS[type(node)](self, node)

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

    def applied(self, node: tree.Function) -> Any:
        """A known function of expressions."""
        return self.function(node.name, [self.value(part) for part in node.arguments])

    def raised(self, node: tree.Power) -> Any:
        """A power, whatever its base."""
        return self.power(self.value(node.left), node.right)

    def power(self, base: Any, exponent: Node) -> Any:
        """A value to the power of an expression."""
        raise NotImplementedError

    def quotient(self, top: Any, below: Any) -> Any:
        """One value divided by another."""
        return top / below

    def function(self, name: str, values: list[Any]) -> Any:
        """A known function of one or more values."""
        raise Undefined(name)


class _Steps(dict[type, Callable[[Any, Any], Any]]):
    """What the walk does at each class of nodes; a table, because walks are what most time is spent on."""

    def __missing__(self, kind: type) -> Callable[[Any, Any], Any]:
        raise Undefined(_NO_VALUE.get(kind) or f"a {kind.__name__.lower()} has no value")


STEPS = _Steps(
    {
        tree.Num: lambda walk, node: walk.number(node.value),
        tree.Sym: lambda walk, node: walk.variable(node.name),
        tree.Const: lambda walk, node: walk.constant(node.name),
        tree.Product: lambda walk, node: walk.fold(operator.mul, node.parts),
        tree.Sum: lambda walk, node: walk.fold(operator.add, node.parts),
        tree.Neg: lambda walk, node: -walk.value(node.inner),
        tree.Quotient: lambda walk, node: walk.quotient(walk.value(node.left), walk.value(node.right)),
        tree.Power: lambda walk, node: walk.raised(node),
        tree.Function: lambda walk, node: walk.applied(node),
        **dict.fromkeys((tree.Percent, tree.Degree, tree.Unit), lambda walk, node: walk.marked(node)),
    }
)
_NO_VALUE: dict[type, str] = {tree.Call: "nobody knows the function", tree.SetOperation: "a union has no value"}


def whole_power(one: T, base: T, exponent: int) -> T:
    """A power with an exponent that is no less than zero, by squaring."""
    result, square = one, base
    while exponent:
        if exponent & 1:
            result = result * square
        exponent >>= 1
        if exponent:
            square = square * square
    return result


def written_fraction(node: Node) -> Fraction | None:
    """The exponent that is written as a number, if it is."""
    if type(node) is tree.Num:
        return node.value
    if type(node) is tree.Neg:
        found = written_fraction(node.inner)
        return None if found is None else -found
    if type(node) is tree.Quotient:
        top, below = node.left, node.right
        if type(top) is tree.Num and type(below) is tree.Num and below.value:
            return top.value / below.value
    return None


class Residues(Arithmetic):
    """Whole numbers modulo a prime; π and e count as variables, which no rational function tells from them."""

    def __init__(self, seed: int, prime: int) -> None:
        self.seed = seed
        self.prime = prime

    def value(self, node: Any) -> int:
        kind, prime = type(node), self.prime
        if kind is tree.Sym:
            return _letter(self.seed, node.name) % prime
        if kind is tree.Num:
            top, below = node.value.as_integer_ratio()
            return int(top if below == 1 else self.quotient(top, below)) % prime
        if kind is tree.Product:
            total = 1
            for part in node.parts:
                total = total * self.value(part) % prime
            return total
        if kind is tree.Sum:
            total = 0
            for part in node.parts:
                total += self.value(part)
            return total % prime
        value: int = self.raised(node) % prime if kind is tree.Power else STEPS[kind](self, node) % prime
        return value

    def quotient(self, top: int, below: int) -> int:
        if not below % self.prime:
            raise Undefined("division by zero")
        return top * pow(below, -1, self.prime)

    def marked(self, node: tree.Marked) -> int:
        raise Undefined("a mark on a number")

    def constant(self, name: str) -> int:
        if name not in ("pi", "e"):
            raise Undefined(name)
        return self.variable("const " + name)

    def variable(self, name: str) -> int:
        return _letter(self.seed, name)

    def power(self, base: int, exponent: Node) -> int:
        size = exponent.inner if type(exponent) is tree.Neg else exponent
        top, below = size.value.as_integer_ratio() if type(size) is tree.Num else (0, 0)
        if below != 1 or top >= 10**6:
            raise Undefined("no whole power within bounds")
        if (power := top if size is exponent else -top) >= 0:
            return pow(base, power, self.prime)
        return self.quotient(1, pow(base, -power, self.prime))


@lru_cache(512)
def _letter(seed: int, name: str) -> int:
    """A pseudo-random number for a variable, from the seed; those of letters in a row have nothing in common."""
    text = f"{seed} {name}".encode(errors="backslashreplace")
    return int.from_bytes(blake2b(text, digest_size=8).digest(), "big")


@cache
def secret() -> tuple[Residues, Residues]:
    """Two points modulo a prime of this process alone: what nobody knows, nobody can write a multiple of.

    The prime is one more than a multiple of four, so that -1 has a root.
    """
    seed, candidate = (int.from_bytes(os.urandom(8), "big") >> 4 for _ in range(2))
    candidate = (candidate | 1 << 60 | 3) - 2
    while not is_prime(candidate):
        candidate += 4
    return Residues(seed, candidate), Residues(seed ^ _OTHER, candidate)


_OTHER = 0xC2B2AE3D27D4EB4
_SMALL_FACTORS = prod(range(3, 200, 2))


def is_prime(number: int) -> bool:
    """Whether a large odd number, drawn at random, is a prime as far as three tests can tell."""
    return gcd(number, _SMALL_FACTORS) == 1 and all(pow(base, number - 1, number) == 1 for base in (2, 3, 5))


def same_rational(first: Node, second: Node) -> bool | None:
    """Whether two expressions are the same rational function; None when one is none."""
    if functions(first) or functions(second):
        return None
    try:
        return secret()[0].value(first) == secret()[0].value(second)
    except Undefined:
        return None


def same_rational_ratio(first: Node, second: Node) -> bool | None:
    """Whether one rational function is a constant multiple of the other, and neither is zero; None as above."""
    one, other = secret()
    try:
        a, b, c, d = one.value(first), one.value(second), other.value(first), other.value(second)
    except Undefined:
        return None
    return bool(a and b) and not (a * d - c * b) % one.prime
