r"""Exact values of constants: sums of rational multiples of :math:`\sqrt{r}\,\pi^k\,i^j`.

Different basis elements (square-free r, k, j) are linearly independent over the rationals, so two exact
values are equal precisely when their coefficients are. Sizes are bounded *before* anything is evaluated.
"""

from __future__ import annotations

from fractions import Fraction
from math import gcd, isqrt

from .arithmetic import Undefined

Key = tuple[int, int, int]  # square-free radicand, power of pi, power of i (0 or 1)
ONE: Key = (1, 0, 0)
MAX_BITS = 60_000
MAX_TERMS = 24


class Unheld(Exception):
    """There is no such exact value, or none within bounds of size and work."""


class Exact(dict[Key, Fraction]):
    """The coefficient of every basis element that occurs; never changed once it is made."""

    @classmethod
    def of(cls, value: Fraction | int) -> Exact:
        """A rational number."""
        return cls({ONE: value if isinstance(value, Fraction) else Fraction(value)} if value else {})

    @property
    def rational(self) -> Fraction | None:
        """The value as a fraction, or None when it is not rational."""
        if not self:
            return Fraction(0)
        return self[ONE] if len(self) == 1 and ONE in self else None

    def __add__(self, other: Exact) -> Exact:
        total = Exact(self)
        for key, value in other.items():
            total[key] = total[key] + value if key in total else value
            if not total[key]:
                del total[key]
        return total

    def __neg__(self) -> Exact:
        return Exact({key: -part for key, part in self.items()})

    def __mul__(self, other: Exact) -> Exact:
        if len(self) * len(other) > MAX_TERMS * MAX_TERMS:
            raise Unheld
        total: dict[Key, Fraction] = {}
        for (r1, k1, i1), a in self.items():
            for (r2, k2, i2), b in other.items():
                common = gcd(r1, r2)
                value = a * b if common == 1 else a * b * common
                value = -value if i1 and i2 else value
                key = ((r1 // common) * (r2 // common), k1 + k2, i1 ^ i2)
                total[key] = total[key] + value if key in total else value
                if bits(total[key]) > MAX_BITS:
                    raise Unheld
        return Exact({key: part for key, part in total.items() if part})

    def __truediv__(self, other: Exact) -> Exact:
        """For a divisor of one term, or of two and more by conjugating square roots and i away."""
        if not other:
            raise Undefined("division by zero")
        result, value = Exact.of(1), other
        for _ in range(6):
            if len(value) == 1:
                (((radicand, power, imaginary), part),) = value.items()
                inverse = 1 / (part * radicand)
                return self * (result * Exact({(radicand, -power, imaginary): -inverse if imaginary else inverse}))
            if len({key[1] for key in value}) > 1:
                raise Unheld
            pivot = next((key for key in value if key[2]), None) or max(value)
            prime = 0 if pivot[2] else _a_prime(pivot[0])
            conjugate = Exact(
                (key, -part if (key[2] if prime == 0 else key[0] % prime == 0) else part) for key, part in value.items()
            )
            value, result = value * conjugate, result * conjugate
            if not value:
                raise Unheld
        raise Unheld

    def to_integer(self, exponent: int) -> Exact:
        """The power with a whole exponent of either sign."""
        if exponent < 0:
            return (Exact.of(1) / self).to_integer(-exponent)
        size = max((bits(part) for part in self.values()), default=1)
        if exponent * size > MAX_BITS or (len(self) > 1 and exponent > 64):
            raise Unheld
        if (single := self.rational) is not None:
            return Exact.of(single**exponent)
        result, square = Exact.of(1), self
        while exponent:
            if exponent & 1:
                result = result * square
            exponent >>= 1
            if exponent:
                square = square * square
        return result

    def to_power(self, exponent: Fraction) -> Exact:
        """The power with a rational exponent: a whole one, or one whose root is exact or a square root."""
        if not self:
            if exponent <= 0:
                raise Undefined("a power of zero")
            return self
        if exponent.denominator == 1:
            return self.to_integer(exponent.numerator)
        base = self.rational
        if base is None:
            raise Unheld
        if exponent.denominator == 2:
            return square_root(base).to_integer(exponent.numerator)
        if base < 0 or exponent.denominator > 64 or bits(base) > 4_000:
            raise Unheld
        top, below = (_root(part, exponent.denominator) for part in (base.numerator, base.denominator))
        return Exact.of(Fraction(top, below)).to_integer(exponent.numerator)


def bits(value: Fraction) -> int:
    """The size of a fraction."""
    return max(value.numerator.bit_length(), value.denominator.bit_length())


def _a_prime(number: int) -> int:
    return next((candidate for candidate in range(2, 1000) if number % candidate == 0), number)


def square_root(value: Fraction) -> Exact:
    """The principal square root of a rational number."""
    if not value:
        return Exact()
    if bits(value) > 400:
        raise Unheld
    outside, inside = _square_part(abs(value.numerator) * value.denominator)
    return Exact({(inside, 0, int(value < 0)): Fraction(outside, value.denominator)})


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
