r"""Exact values of constants: sums of rational multiples of :math:`\sqrt{r}\,\pi^k\,i^j`.

Different basis elements (square-free r, k, j) are linearly independent over the rationals, so two exact
values are equal precisely when their coefficients are. Sizes are bounded *before* anything is evaluated.
"""

from __future__ import annotations

from fractions import Fraction
from math import isqrt

Key = tuple[int, int, int]  # square-free radicand, power of pi, power of i (0 or 1)
Exact = dict[Key, Fraction]

ONE: Key = (1, 0, 0)
MAX_BITS = 60_000
MAX_TERMS = 24


class Undefined(Exception):
    """The expression has no finite value (a division by zero, the logarithm of zero)."""


def rational(value: Fraction | int) -> Exact:
    return {ONE: Fraction(value)} if value else {}


def as_rational(value: Exact) -> Fraction | None:
    """The value as a fraction, or None when it is not rational."""
    if not value:
        return Fraction(0)
    return value[ONE] if len(value) == 1 and ONE in value else None


def add(left: Exact, right: Exact) -> Exact:
    total = dict(left)
    for key, value in right.items():
        total[key] = total.get(key, Fraction(0)) + value
        if not total[key]:
            del total[key]
    return total


def scale(value: Exact, factor: Fraction) -> Exact:
    return {key: part * factor for key, part in value.items()} if factor else {}


def multiply(left: Exact, right: Exact) -> Exact | None:
    if len(left) * len(right) > MAX_TERMS * MAX_TERMS:
        return None
    total: Exact = {}
    for (r1, k1, i1), a in left.items():
        for (r2, k2, i2), b in right.items():
            common = _gcd(r1, r2)
            value = a * b * common
            if i1 and i2:
                value = -value
            key = ((r1 // common) * (r2 // common), k1 + k2, i1 ^ i2)
            total[key] = total.get(key, Fraction(0)) + value
            if bits(total[key]) > MAX_BITS:
                return None
    return {key: part for key, part in total.items() if part}


def _gcd(a: int, b: int) -> int:
    while b:
        a, b = b, a % b
    return a


def bits(value: Fraction) -> int:
    return max(value.numerator.bit_length(), value.denominator.bit_length())


def invert(value: Exact) -> Exact | None:
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
            return None
        pivot = next((key for key in value if key[2]), None) or max(value)
        prime = 0 if pivot[2] else _a_prime(pivot[0])
        conjugate = {
            key: -part if (key[2] if prime == 0 else key[0] % prime == 0) else part
            for key, part in value.items()
        }
        product, scaled = multiply(value, conjugate), multiply(result, conjugate)
        if product is None or scaled is None or not product:
            return None
        value, result = product, scaled
    return None


def _a_prime(number: int) -> int:
    for candidate in range(2, 1000):
        if number % candidate == 0:
            return candidate
    return number


def square_root(value: Fraction) -> Exact | None:
    """The principal square root of a rational number."""
    if not value:
        return {}
    if bits(value) > 400:
        return None
    number = abs(value.numerator) * value.denominator
    outside, inside = _square_part(number)
    if inside < 0:
        return None
    return {(inside, 0, 1 if value < 0 else 0): Fraction(outside, value.denominator)}


def _square_part(number: int) -> tuple[int, int]:
    """``number = outside² · inside`` with ``inside`` square-free, or inside = -1 when that is too hard."""
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
        return 1, -1
    return outside, inside * number


def integer_power(base: Exact, exponent: int) -> Exact | None:
    if exponent < 0:
        inverse = invert(base)
        return None if inverse is None else integer_power(inverse, -exponent)
    size = max((bits(part) for part in base.values()), default=1)
    if exponent * size > MAX_BITS or (len(base) > 1 and exponent > 64):
        return None
    single = as_rational(base)
    if single is not None:
        return rational(single**exponent)
    result: Exact | None = rational(1)
    square: Exact | None = base
    while exponent and result is not None and square is not None:
        if exponent & 1:
            result = multiply(result, square)
        exponent >>= 1
        if exponent:
            square = multiply(square, square)
    return result if square is not None else None


def rational_power(base: Fraction, exponent: Fraction) -> Exact | None:
    """``base ** (p/q)`` where the root is exact or a square root."""
    if exponent.denominator == 2:
        root = square_root(base)
        return None if root is None else integer_power(root, exponent.numerator)
    if base < 0 or exponent.denominator > 64 or bits(base) > 4_000:
        return None
    if not base:
        return {}
    top, below = _root(base.numerator, exponent.denominator), _root(base.denominator, exponent.denominator)
    if top is None or below is None:
        return None
    return integer_power(rational(Fraction(top, below)), exponent.numerator)


def _root(number: int, degree: int) -> int | None:
    low, high = 0, 1 << (number.bit_length() // degree + 1)
    while low < high:
        middle = (low + high) // 2
        if middle**degree < number:
            low = middle + 1
        else:
            high = middle
    return low if low**degree == number else None
