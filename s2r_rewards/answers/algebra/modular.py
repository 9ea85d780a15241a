"""Identity of rational functions, decided at random points of a prime field (Schwartz-Zippel).

Exact, fast and without overflow whatever the size of the coefficients: one wrong digit in a 24-digit
coefficient is seen, which no floating-point probe could.
"""

from __future__ import annotations

from fractions import Fraction

from ..read import tree
from ..read.tree import Node
from .arithmetic import Arithmetic, Undefined

PRIME = (1 << 61) - 1
_POINTS = (0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F)


class NotRational(Exception):
    """The expression is not a rational function with rational coefficients."""


def value_mod(node: Node, which: int) -> int:
    """The value of ``node`` modulo ``PRIME`` at point number ``which``; raises :class:`NotRational`."""
    try:
        return int(Residues(which).value(node))
    except Undefined:
        raise NotRational from None


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
            raise NotRational
        return self * pow(int(other), PRIME - 2, PRIME)


class Residues(Arithmetic):
    """Arithmetic modulo ``PRIME``; π and e count as variables, which no rational function tells from them."""

    def __init__(self, which: int) -> None:
        self.which = which

    def marked(self, node: tree.Marked) -> Residue:
        raise NotRational

    def number(self, value: Fraction) -> Residue:
        top = Residue(value.numerator % PRIME)
        return top if value.denominator == 1 else top / Residue(value.denominator % PRIME)

    def constant(self, name: str) -> Residue:
        if name not in ("pi", "e"):
            raise NotRational
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
            raise NotRational
        power = Residue(pow(int(base), int(size.value), PRIME))
        return power if size is exponent else Residue(1) / power
