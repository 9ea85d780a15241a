"""The one walk that gives an expression a value, for every kind of number that it can be worth; modulo a prime here.

At random points of a prime field, identity of rational functions is decided (Schwartz-Zippel): exact, fast and without
overflow whatever the size of the coefficients. One wrong digit in a 24-digit coefficient is seen, which no
floating-point probe could.
"""

from __future__ import annotations

import operator
import os
from collections.abc import Callable
from fractions import Fraction
from functools import cache, reduce
from hashlib import blake2b
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
        tree.Function: lambda walk, node: walk.function(node.name, [walk.value(part) for part in node.arguments]),
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


class Residues(Arithmetic):
    """Whole numbers modulo a prime; π and e count as variables, which no rational function tells from them."""

    def __init__(self, seed: int, prime: int = PRIME) -> None:
        self.seed = seed
        self.prime = prime

    def value(self, node: Node) -> int:
        value: int = STEPS[type(node)](self, node) % self.prime
        return value

    def fold(self, combine: Callable[[int, int], int], nodes: tuple[Node, ...]) -> int:
        total = self.value(nodes[0])
        for node in nodes[1:]:
            total = combine(total, self.value(node)) % self.prime
        return total

    def quotient(self, top: int, below: int) -> int:
        if not below:
            raise Undefined("division by zero")
        return top * pow(below, -1, self.prime)

    def marked(self, node: tree.Marked) -> int:
        raise Undefined("a mark on a number")

    def number(self, value: Fraction) -> int:
        top, below = value.numerator, value.denominator
        return top if below == 1 else self.quotient(top, below % self.prime)

    def constant(self, name: str) -> int:
        if name not in ("pi", "e"):
            raise Undefined(name)
        return self.variable("const " + name)

    def variable(self, name: str) -> int:
        """A pseudo-random residue for a variable, from the seed; those of letters in a row have nothing in common."""
        text = f"{self.seed} {name}".encode(errors="backslashreplace")
        return int.from_bytes(blake2b(text, digest_size=8).digest(), "big")

    def power(self, base: int, exponent: Node) -> int:
        size = exponent.inner if isinstance(exponent, tree.Neg) else exponent
        if not isinstance(size, tree.Num) or size.value.denominator != 1 or size.value >= 10**6:
            raise Undefined("no whole power within bounds")
        power = pow(base, int(size.value), self.prime)
        return power if size is exponent else self.quotient(1, power)


@cache
def _secret() -> tuple[int, int]:
    """A seed and a prime of this process alone: what nobody knows, nobody can write a multiple of."""
    seed, candidate = (int.from_bytes(os.urandom(8), "big") >> 4 for _ in range(2))
    candidate |= 1 << 60 | 1
    while not is_prime(candidate):
        candidate += 2
    return seed, candidate


def is_prime(number: int) -> bool:
    """Whether a large odd number is a prime, as far as six tests can tell."""
    return all(pow(base, number - 1, number) == 1 for base in (2, 3, 5, 7, 11, 13))


def same_rational(first: Node, second: Node) -> bool | None:
    """Whether two expressions are the same rational function; None when one is none.

    A difference is found at a fixed point modulo a fixed prime; agreement is confirmed modulo a prime of this process.
    """
    if functions(first) or functions(second):
        return None
    try:
        fixed = Residues(_POINTS[0])
        if fixed.value(first) != fixed.value(second):
            return False
        secret = Residues(*_secret())
        return bool(secret.value(first) == secret.value(second))
    except Undefined:
        return None


def same_rational_ratio(first: Node, second: Node) -> bool | None:
    """Whether one rational function is a constant multiple of the other, and neither is zero; None as above."""
    try:
        for seed, prime in ((_POINTS[0], PRIME), _secret()):
            one, other = Residues(seed, prime), Residues(seed ^ _POINTS[1] >> 8, prime)
            a, b, c, d = one.value(first), one.value(second), other.value(first), other.value(second)
            if (a * d - c * b) % prime or not (a and b):
                return False
    except Undefined:
        return None
    return True
