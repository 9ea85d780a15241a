r"""Exact values of constants: sums of rational multiples of :math:`\sqrt{r}\,\pi^k\,i^j`.

Different basis elements (square-free r, k, j) are linearly independent over the rationals, so two exact
values are equal precisely when their coefficients are. Sizes are bounded *before* anything is evaluated.
"""

from __future__ import annotations

from fractions import Fraction
from math import gcd, isqrt

from .arithmetic import Undefined

Key = tuple[int, int, int]  # square-free radicand, power of pi, power of i (0 or 1)
Exact = dict[Key, Fraction]

ONE: Key = (1, 0, 0)
MAX_BITS = 60_000
MAX_TERMS = 24


class Unheld(Exception):
    """There is no such exact value, or none within bounds of size and work."""


def rational(value: Fraction | int) -> Exact:
    """The exact form of a rational number."""
    return {ONE: Fraction(value)} if value else {}


def as_rational(value: Exact) -> Fraction | None:
    """The value as a fraction, or None when it is not rational."""
    if not value:
        return Fraction(0)
    return value[ONE] if len(value) == 1 and ONE in value else None


def add(left: Exact, right: Exact) -> Exact:
    """left + right."""
    total = dict(left)
    for key, value in right.items():
        total[key] = total.get(key, Fraction(0)) + value
        if not total[key]:
            del total[key]
    return total


def scale(value: Exact, factor: Fraction) -> Exact:
    """value · factor."""
    return {key: part * factor for key, part in value.items()} if factor else {}


def multiply(left: Exact, right: Exact) -> Exact:
    """left · right."""
    if len(left) * len(right) > MAX_TERMS * MAX_TERMS:
        raise Unheld
    total: Exact = {}
    for (r1, k1, i1), a in left.items():
        for (r2, k2, i2), b in right.items():
            common = gcd(r1, r2)
            value = a * b * common
            if i1 and i2:
                value = -value
            key = ((r1 // common) * (r2 // common), k1 + k2, i1 ^ i2)
            total[key] = total.get(key, Fraction(0)) + value
            if bits(total[key]) > MAX_BITS:
                raise Unheld
    return {key: part for key, part in total.items() if part}


def bits(value: Fraction) -> int:
    """The size of a fraction."""
    return max(value.numerator.bit_length(), value.denominator.bit_length())


def invert(value: Exact) -> Exact:
    """1 / value for one term, or for two and more terms by conjugating square roots and i away."""
    if not value:
        raise Undefined("division by zero")
    result: Exact = rational(1)
    for _ in range(6):
        if len(value) == 1:
            (((radicand, power, imaginary), part),) = value.items()
            inverse = 1 / (part * radicand)
            single = {(radicand, -power, imaginary): -inverse if imaginary else inverse}
            return multiply(result, single)
        if len({key[1] for key in value}) > 1:
            raise Unheld
        pivot = next((key for key in value if key[2]), None) or max(value)
        prime = 0 if pivot[2] else _a_prime(pivot[0])
        conjugate = {
            key: -part if (key[2] if prime == 0 else key[0] % prime == 0) else part
            for key, part in value.items()
        }
        value, result = multiply(value, conjugate), multiply(result, conjugate)
        if not value:
            raise Unheld
    raise Unheld


def _a_prime(number: int) -> int:
    return next((candidate for candidate in range(2, 1000) if number % candidate == 0), number)


def square_root(value: Fraction) -> Exact:
    """The principal square root of a rational number."""
    if not value:
        return {}
    if bits(value) > 400:
        raise Unheld
    outside, inside = _square_part(abs(value.numerator) * value.denominator)
    return {(inside, 0, 1 if value < 0 else 0): Fraction(outside, value.denominator)}


def _square_part(number: int) -> tuple[int, int]:
    """``number = outside² · inside`` with ``inside`` square-free."""
    outside, inside, divisor = 1, 1, 2
    while divisor * divisor <= number and divisor < 3_000:
        count = 0
        while number % divisor == 0:
            number //= divisor
            count += 1
        outside *= divisor ** (count // 2)
        inside *= divisor ** (count % 2)
        divisor += 1 if divisor == 2 else 2
    root = isqrt(number)
    if root * root == number:
        return outside * root, inside
    if number > 3_000**3:  # could still hide the square of a large prime
        raise Unheld
    return outside, inside * number


def integer_power(base: Exact, exponent: int) -> Exact:
    """``base ** exponent`` for a whole exponent of either sign."""
    if exponent < 0:
        return integer_power(invert(base), -exponent)
    size = max((bits(part) for part in base.values()), default=1)
    if exponent * size > MAX_BITS or (len(base) > 1 and exponent > 64):
        raise Unheld
    single = as_rational(base)
    if single is not None:
        return rational(single**exponent)
    result = rational(1)
    while exponent:
        if exponent & 1:
            result = multiply(result, base)
        exponent >>= 1
        if exponent:
            base = multiply(base, base)
    return result


def rational_power(base: Fraction, exponent: Fraction) -> Exact:
    """``base ** (p/q)`` where the root is exact or a square root."""
    if exponent.denominator == 2:
        return integer_power(square_root(base), exponent.numerator)
    if base < 0 or exponent.denominator > 64 or bits(base) > 4_000:
        raise Unheld
    if not base:
        return {}
    top, below = (_root(part, exponent.denominator) for part in (base.numerator, base.denominator))
    return integer_power(rational(Fraction(top, below)), exponent.numerator)


def _root(number: int, degree: int) -> int:
    low, high = 0, 1 << (number.bit_length() // degree + 1)
    while low < high:
        middle = (low + high) // 2
        if middle**degree < number:
            low = middle + 1
        else:
            high = middle
    if low**degree != number:
        raise Unheld
    return low
