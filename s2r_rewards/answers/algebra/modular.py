"""Identity of rational functions, decided at random points of a prime field (Schwartz-Zippel).

Exact, fast and without overflow whatever the size of the coefficients: one wrong digit in a 24-digit
coefficient is seen, which no floating-point probe could.
"""

from __future__ import annotations

from fractions import Fraction

from ..read.nodes import Marked, Neg, Node, Num
from .arithmetic import Arithmetic, Undefined

PRIME = (1 << 61) - 1
_POINTS = (0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F)


class NotRational(Exception):
    """The expression is not a rational function with rational coefficients."""


def value_mod(node: Node, which: int) -> int:
    """The value of ``node`` modulo ``PRIME`` at point number ``which``; raises :class:`NotRational`."""
    try:
        return Residues(which).value(node)
    except Undefined:
        raise NotRational from None


def inverse(value: int) -> int:
    """1 / value modulo ``PRIME``."""
    if value % PRIME == 0:
        raise NotRational
    return pow(value, PRIME - 2, PRIME)


class Residues(Arithmetic[int]):
    """Numbers modulo ``PRIME``; π and e count as variables, which no rational function tells from them."""

    def __init__(self, which: int) -> None:
        self.which = which

    def marked(self, node: Marked) -> int:
        raise NotRational

    def number(self, value: Fraction) -> int:
        if value.denominator == 1:
            return value.numerator % PRIME
        return value.numerator * inverse(value.denominator) % PRIME

    def constant(self, name: str) -> int:
        if name not in ("pi", "e"):
            raise NotRational
        return self.variable("const " + name)

    def variable(self, name: str) -> int:
        """A fixed pseudo-random residue for a variable; the same in every process."""
        value = _POINTS[self.which]
        for character in name:
            value = (value ^ ord(character)) * 0x100000001B3 % PRIME
        return value * value % PRIME

    def add(self, values: list[int]) -> int:
        return sum(values) % PRIME

    def multiply(self, values: list[int]) -> int:
        product = 1
        for value in values:
            product = product * value % PRIME
        return product

    def negate(self, value: int) -> int:
        return -value % PRIME

    def divide(self, top: int, below: int) -> int:
        return top * inverse(below) % PRIME

    def power(self, base: int, exponent: Node) -> int:
        match exponent:
            case Num(value) if value.denominator == 1 and value < 10**6:
                return pow(base, int(value), PRIME)
            case Neg(Num(value)) if value.denominator == 1 and value < 10**6:
                return inverse(pow(base, int(value), PRIME))
        raise NotRational

    def function(self, name: str, values: list[int]) -> int:
        raise NotRational
