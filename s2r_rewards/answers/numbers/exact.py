r"""Exact values of constants: sums of rational multiples of :math:`\sqrt{r}\,\pi^k\,i^j`.

Different basis elements (square-free r, k, j) are linearly independent over the rationals, so two exact
values are equal precisely when their coefficients are. Sizes are bounded *before* anything is evaluated, and the whole
cost of an expression is metered.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from functools import reduce
from math import ceil, comb, factorial, floor, gcd, isqrt

from ..read import tree
from ..read.tree import Node, facts, kinds_of
from .arithmetic import STEPS, Arithmetic, Undefined, whole_power, written_fraction

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
        return whole_power(Exact.of(1), self, exponent)

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
    """The root of a whole number that is one itself."""
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


BUDGET = 20_000_000
_PI: Key = (1, 1, 0)
_CONSTANTS = {"pi": Exact({_PI: Fraction(1)}), "i": Exact({(1, 0, 1): Fraction(1)})}
#: 4·sin²(k·π/12) up to π, for the angles where it is a whole number.
_SINES = {0: 0, 2: 1, 3: 2, 4: 3, 6: 4, 8: 3, 9: 2, 10: 1}


def exact_value(node: Node) -> Exact | None:
    """The exact value of a constant expression; None when it has none that can be held within bounds."""
    if (plain := _plain(node)) is not None:
        return Exact.of(plain)
    try:
        return ExactArithmetic().value(node)
    except Unheld:
        return None


def as_number(node: Node) -> Fraction | None:
    """The exact rational value of a constant expression, if it has one."""
    if (plain := _plain(node)) is not None:
        return plain
    try:
        return ExactArithmetic().value(node).rational
    except (Unheld, Undefined):
        return None


def _plain(node: Node) -> Fraction | None:
    """The value of a number or a fraction of two numbers, as most answers are, without a walk."""
    kind = type(node)
    if type(node) is tree.Neg:
        found = _plain(node.inner)
        return None if found is None else -found
    if (kind is tree.Product or kind is tree.Power) and not facts(node).kinds & ~_ONLY_NUMBERS:
        return _small_product(node)
    return written_fraction(node)


_ONLY_NUMBERS = kinds_of(tree.Num, tree.Neg, tree.Product, tree.Power)
_SMALL, _FEW = 2_000, 8  # bits of a power, factors


def _small_product(node: Node) -> Fraction | None:
    r"""The value of products and powers of a few small numbers: ``1.5 \times 10^{-9}``."""
    if type(node) is tree.Power:
        base, power = _plain(node.left), _plain(node.right)
        if base is None or power is None or power.denominator != 1 or not base:
            return None
        return base**power.numerator if abs(power) * bits(base) <= _SMALL else None
    if type(node) is not tree.Product:
        return _plain(node)
    if len(node.parts) > _FEW:
        return None
    value = Fraction(1)
    for part in node.parts:
        if (factor := _small_product(part)) is None or bits(factor) > _SMALL:
            return None
        value = value * factor
    return value


class ExactArithmetic(Arithmetic):
    """Exact arithmetic within a budget: about a third of a second for one expression, whatever its length."""

    def __init__(self) -> None:
        self.left = BUDGET

    def charge(self, value: Exact) -> Exact:
        """The value; a step costs the square of its number of machine words."""
        for part in value.values():
            self.left -= 1 + (bits(part) >> 6) ** 2
        if self.left <= 0:
            raise Unheld
        return value

    def value(self, node: Node) -> Exact:
        return self.charge(STEPS[type(node)](self, node))

    def fold(self, combine: Callable[[Exact, Exact], Exact], nodes: tuple[Node, ...]) -> Exact:
        return reduce(lambda total, value: self.charge(combine(total, value)), map(self.value, nodes))

    def number(self, value: Fraction) -> Exact:
        return Exact.of(value)

    def constant(self, name: str) -> Exact:
        if name not in _CONSTANTS:
            raise Unheld
        return _CONSTANTS[name]

    def variable(self, name: str) -> Exact:
        raise Unheld

    def power(self, base: Exact, exponent: Node) -> Exact:
        power = self.value(exponent).rational
        if power is None:
            raise Unheld
        return base.to_power(power)

    def function(self, name: str, values: list[Exact]) -> Exact:
        if name in ("sin", "cos", "tan"):
            return _trigonometric(name, values[0])
        match name, [value.rational for value in values]:
            case "sqrt", [Fraction() as x, *_]:
                return square_root(x)
            case "abs", [Fraction() as x, *_]:
                return Exact.of(abs(x))
            case (("floor" | "ceil"), [Fraction() as x, *_]):
                return Exact.of(floor(x) if name == "floor" else ceil(x))
            case "factorial", [Fraction() as x, *_] if x.denominator == 1 and 0 <= x <= 3_000:
                return Exact.of(factorial(int(x)))
            case "exp", [Fraction() as x, *_] if not x:
                return Exact.of(1)
            case "binom", [Fraction() as n, Fraction() as k] if n.denominator == k.denominator == 1:
                if 0 <= k <= n <= 3_000:
                    return Exact.of(comb(int(n), int(k)))
            case "log", [Fraction() as x, Fraction() as base]:
                return _logarithm(x, base)
        raise Unheld


def _trigonometric(name: str, angle: Exact) -> Exact:
    steps = angle.get(_PI, Fraction(0)) * 12
    if set(angle) - {_PI} or steps.denominator != 1:
        raise Unheld
    if name == "tan":
        return _sine(int(steps)) / _sine(int(steps) + 6)
    return _sine(int(steps) + (6 if name == "cos" else 0))


def _sine(twelfths: int) -> Exact:
    """The sine of a whole number of twelfths of π."""
    if twelfths % 12 not in _SINES:
        raise Unheld
    sine = square_root(Fraction(_SINES[twelfths % 12], 4))
    return sine if twelfths % 24 < 12 else -sine


def _logarithm(number: Fraction, base: Fraction) -> Exact:
    """A logarithm that is a whole number."""
    if number <= 0 or base <= 0:
        raise Undefined("the logarithm of a number that is not positive")
    if number == 1:
        return Exact()
    if base == 1 or bits(number) > 4_000:
        raise Unheld
    power, value = 0, Fraction(1)
    step = base if (number > 1) == (base > 1) else 1 / base
    while (value < number) == (number > 1) and value != number and power < 4_000:
        value *= step
        power += 1
    if value != number:
        raise Unheld
    return Exact.of(power if step == base else -power)
