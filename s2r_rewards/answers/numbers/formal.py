r"""Equal by form: identities that hold whatever the functions in them are, found in one walk.

Every function of an argument is a number that nobody can foresee, the same for the same argument; only of powers it is
known that :math:`a^{u+v} = a^u a^v`, and of sines and their like what they are by powers of e. So :math:`e^{-2t}/15` is
:math:`\frac{1}{15}e^{-2t}` and :math:`e^{-(s+1)}` is :math:`e^{-s}e^{-1}` without a value of either. Values are
residues modulo a prime of this process, exponents residues modulo a prime divisor of the first one less one (Martin
1971; Gonnet 1984). Caveat: what differs by form may still be equal, and nothing is said of where the two have values.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from fractions import Fraction
from functools import cache
from hashlib import blake2b
from typing import NamedTuple

from ..read import tree
from ..read.tree import Node
from .arithmetic import Residues, Undefined, is_prime, secret


class _Fields(NamedTuple):
    """A prime for exponents, one for values (a multiple of the first, plus one), and who generates the powers."""

    exponents: int
    values: int
    generator: int
    seed: int


@cache
def _fields() -> _Fields:
    known, factor = secret()[0], 4
    while not is_prime(factor * known.prime + 1):
        factor += 4
    values = factor * known.prime + 1
    start = int.from_bytes(os.urandom(8), "big")
    return _Fields(known.prime, values, pow(start | 2, factor, values), known.seed)


@cache
def _imaginary(prime: int) -> int:
    """A root of -1."""
    return next(
        root for base in range(2, 999) if (root := pow(base, (prime - 1) // 4, prime)) * root % prime == prime - 1
    )


class Forms(Residues):
    """Values in one field; ``exponents`` has those of exponents, without it powers are functions like any other."""

    def __init__(self, seed: int, prime: int, exponents: Forms | None = None) -> None:
        super().__init__(seed, prime)
        self.exponents = exponents
        self.known: dict[int, int] = {}  # powers by their exponents: most occur on both sides

    def constant(self, name: str) -> int:
        if name == "i":
            return _imaginary(self.prime)
        return self.exponential(tree.Num(Fraction(1))) if name == "e" else super().constant(name)

    def exponential(self, exponent: Node) -> int:
        """e to the power of an expression."""
        if self.exponents is None:
            return self.function("exp", [self.value(exponent)])
        return self.grown(self.exponents.value(exponent), self.exponents.prime)

    def grown(self, exponent: int, period: int) -> int:
        """The generator of powers to an exponent, which counts modulo ``period``."""
        exponent %= period
        if (found := self.known.get(exponent)) is None:
            opposite = self.known.get(period - exponent)
            found = (
                pow(_fields().generator, exponent, self.prime) if opposite is None else pow(opposite, -1, self.prime)
            )
            self.known[exponent] = found
        return found

    def raised(self, node: tree.Power) -> int:
        base, exponent = node.left, node.right
        if type(base) is tree.Const and base.name == "e":
            return self.exponential(exponent)
        try:
            return self.power(self.value(base), exponent)
        except Undefined:
            if self.exponents is None:
                return self.function("power", [self.value(base), self.value(exponent)])
            power = self.exponents.value(exponent) * self.exponents.function("ln", [self.exponents.value(base)])
            return self.grown(power, self.exponents.prime)

    def applied(self, node: tree.Function) -> int:
        if self.exponents is None or node.name not in _BY_POWERS:
            return self.function(node.name, [self.value(part) for part in node.arguments])
        of_real, terms = _BY_POWERS[node.name]
        exponent = self.exponents.value(node.arguments[0]) * (1 if of_real else _imaginary(self.exponents.prime))
        up, down = (self.grown(power, self.exponents.prime) for power in (exponent, -exponent))
        return self.quotient(*terms(up, down, _imaginary(self.prime)))

    def function(self, name: str, values: list[int]) -> int:
        text = f"{self.seed} {name} {values}".encode()
        return int.from_bytes(blake2b(text, digest_size=8).digest(), "big") % self.prime


#: What functions are by Euler's formulas, as two terms of a quotient of :math:`e^x` (or, where False, :math:`e^{ix}`),
#: its inverse and i.
_BY_POWERS: dict[str, tuple[bool, Callable[[int, int, int], tuple[int, int]]]] = {
    "exp": (True, lambda up, down, i: (up, 1)),
    "sinh": (True, lambda up, down, i: (up - down, 2)), "cosh": (True, lambda up, down, i: (up + down, 2)),
    "tanh": (True, lambda up, down, i: (up - down, up + down)),
    "coth": (True, lambda up, down, i: (up + down, up - down)),
    "sin": (False, lambda up, down, i: (up - down, 2 * i)), "cos": (False, lambda up, down, i: (up + down, 2)),
    "tan": (False, lambda up, down, i: (up - down, i * (up + down))),
    "cot": (False, lambda up, down, i: (i * (up + down), up - down)),
    "sec": (False, lambda up, down, i: (2, up + down)), "csc": (False, lambda up, down, i: (2 * i, up - down)),
}  # fmt: skip


def same_form(first: Node, second: Node) -> bool:
    """Whether two expressions are equal whatever their functions are; False says nothing."""
    fields = _fields()
    walk = Forms(fields.seed, fields.values, Forms(fields.seed, fields.exponents))
    try:
        return walk.value(first) == walk.value(second)
    except Undefined:
        return False
