r"""Exact values of constants: sums of rational multiples of :math:`\sqrt{r}\,\pi^k\,i^j`.

Different basis elements (square-free r, k, j) are linearly independent over the rationals, so two exact
values are equal precisely when their coefficients are. Sizes are bounded *before* anything is evaluated.
"""

from __future__ import annotations

from fractions import Fraction
from math import comb, factorial, isqrt

from .reader import Node

Key = tuple[int, int, int]  # square-free radicand, power of pi, power of i (0 or 1)
Exact = dict[Key, Fraction]

ONE: Key = (1, 0, 0)
MAX_BITS = 60_000
MAX_TERMS = 24
_ANGLES = {  # sin(k·π/12) for the angles with one-square-root values
    0: ("0", 1), 2: ("1/2", 1), 3: ("1/2", 2), 4: ("1/2", 3), 6: ("1", 1), 8: ("1/2", 3), 9: ("1/2", 2),
    10: ("1/2", 1),
    12: ("0", 1), 14: ("-1/2", 1), 15: ("-1/2", 2), 16: ("-1/2", 3), 18: ("-1", 1), 20: ("-1/2", 3),
    21: ("-1/2", 2), 22: ("-1/2", 1),
}  # fmt: skip


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
            if _bits(total[key]) > MAX_BITS:
                return None
    return {key: part for key, part in total.items() if part}


def _gcd(a: int, b: int) -> int:
    while b:
        a, b = b, a % b
    return a


def _bits(value: Fraction) -> int:
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
    if _bits(value) > 400:
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
    size = max((_bits(part) for part in base.values()), default=1)
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
    if base < 0 or exponent.denominator > 64 or _bits(base) > 4_000:
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


def exact_value(node: Node, sign: int = 1) -> Exact | None:
    """The exact value of a constant expression; None when it has none that this module can hold."""
    kind = node[0]
    if kind == "num":
        return rational(node[1])
    if kind == "const":
        return {"pi": {(1, 1, 0): Fraction(1)}, "i": {(1, 0, 1): Fraction(1)}}.get(node[1])
    if kind in ("add", "mul"):
        total = exact_value(node[1])
        for child in node[2:]:
            value = exact_value(child)
            if total is None or value is None:
                return None
            total = add(total, value) if kind == "add" else multiply(total, value)
        return total
    if kind == "neg":
        value = exact_value(node[1])
        return None if value is None else scale(value, Fraction(-1))
    if kind in ("percent", "degree", "unit"):
        value = exact_value(node[1])
        return scale(value, Fraction(1, 100)) if value is not None and kind == "percent" else value
    if kind in ("div", "pow"):
        left, right = exact_value(node[1]), exact_value(node[2])
        if left is None or right is None:
            return None
        if kind == "div":
            inverse = invert(right)
            return None if inverse is None else multiply(left, inverse)
        return _power(left, right)
    if kind == "fn":
        return _function(node)
    return None


def _power(base: Exact, exponent: Exact) -> Exact | None:
    power = as_rational(exponent)
    if power is None:
        return None
    if not base:
        if power <= 0:
            raise Undefined("a power of zero")
        return {}
    if power.denominator == 1:
        return integer_power(base, power.numerator)
    whole = as_rational(base)
    return None if whole is None else rational_power(whole, power)


def _function(node: Node) -> Exact | None:
    name, values = node[1], [exact_value(child) for child in node[2:]]
    if any(value is None for value in values):
        return None
    first = values[0] or {}
    number = as_rational(first)
    if name == "sqrt":
        return None if number is None else square_root(number)
    if name in ("sin", "cos", "tan"):
        return _trigonometric(name, first)
    if number is None:
        return None
    if name == "abs":
        return rational(abs(number))
    if name in ("floor", "ceil"):
        return rational(number.__floor__() if name == "floor" else number.__ceil__())
    if name == "factorial" and number.denominator == 1 and 0 <= number <= 3_000:
        return rational(factorial(int(number)))
    if name == "exp" and not number:
        return rational(1)
    if len(values) == 2:
        second = as_rational(values[1] or {})
        if name == "binom" and second is not None and number.denominator == second.denominator == 1:
            if 0 <= second <= number <= 10_000:
                return rational(comb(int(number), int(second)))
        elif name == "log" and second is not None:
            return _logarithm(number, second)
    return None


def _trigonometric(name: str, angle: Exact) -> Exact | None:
    if angle and set(angle) != {(1, 1, 0)}:
        return None
    steps = angle.get((1, 1, 0), Fraction(0)) * 12
    if steps.denominator != 1:
        return None
    sine, cosine = _ANGLES.get(int(steps) % 24), _ANGLES.get((int(steps) + 6) % 24)
    wanted = {"sin": [sine], "cos": [cosine], "tan": [sine, cosine]}[name]
    parts = [None if x is None else ({(x[1], 0, 0): Fraction(x[0])} if x[0] != "0" else {}) for x in wanted]
    if parts[0] is None or parts[-1] is None:
        return None
    if name != "tan":
        return parts[0]
    inverse = invert(parts[1] or {})
    return None if inverse is None else multiply(parts[0], inverse)


def _logarithm(number: Fraction, base: Fraction) -> Exact | None:
    """A logarithm that is a whole number."""
    if number <= 0 or base <= 0:
        raise Undefined("the logarithm of a number that is not positive")
    if number == 1:
        return {}
    if base == 1 or _bits(number) > 4_000:
        return None
    power, value = 0, Fraction(1)
    step = base if (number > 1) == (base > 1) else 1 / base
    while (value < number) == (number > 1) and value != number and power < 4_000:
        value *= step
        power += 1
    return rational(power if step == base else -power) if value == number else None
