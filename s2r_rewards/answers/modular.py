"""Identity of rational functions, decided at random points of a prime field (Schwartz-Zippel).

Exact, fast and without overflow whatever the size of the coefficients: one wrong digit in a 24-digit
coefficient is seen, which no floating-point probe could.
"""

from __future__ import annotations

from .reader import Node

PRIME = (1 << 61) - 1
_POINTS = (0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F)


class NotRational(Exception):
    """The expression is not a rational function with rational coefficients."""


def point(name: str, which: int) -> int:
    """A fixed pseudo-random residue for a variable; the same in every process."""
    value = _POINTS[which]
    for character in name:
        value = (value ^ ord(character)) * 0x100000001B3 % PRIME
    return value * value % PRIME


def value_mod(node: Node, which: int) -> int:
    """The value of ``node`` modulo ``PRIME`` at point number ``which``; raises :class:`NotRational`."""
    kind = node[0]
    if kind == "num":
        number = node[1]
        if number.denominator == 1:
            return number.numerator % PRIME
        return number.numerator * _inverse(number.denominator) % PRIME
    if kind == "sym":
        return point(node[1], which)
    if kind in ("const",) and node[1] in ("pi", "e"):
        return point("const " + node[1], which)
    if kind == "add":
        return sum(value_mod(child, which) for child in node[1:]) % PRIME
    if kind == "mul":
        product = 1
        for child in node[1:]:
            product = product * value_mod(child, which) % PRIME
        return product
    if kind == "neg":
        return -value_mod(node[1], which) % PRIME
    if kind == "div":
        return value_mod(node[1], which) * _inverse(value_mod(node[2], which)) % PRIME
    if kind == "pow":
        exponent = node[2]
        negative = exponent[0] == "neg"
        exponent = exponent[1] if negative else exponent
        if exponent[0] == "num" and exponent[1].denominator == 1 and exponent[1] < 10**6:
            power = pow(value_mod(node[1], which), int(exponent[1]), PRIME)
            return _inverse(power) if negative else power
        raise NotRational
    if kind == "call":
        return point(node[1], which) * value_mod(node[2], which) % PRIME
    raise NotRational


def _inverse(value: int) -> int:
    if value % PRIME == 0:
        raise NotRational
    return pow(value, PRIME - 2, PRIME)
