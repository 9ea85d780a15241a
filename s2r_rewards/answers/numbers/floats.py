"""Numeric values of expressions in double precision, guarded: overflow and poles raise ``Undefined``."""

import cmath
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from fractions import Fraction
from typing import Any, Literal

from ..read import tree
from ..read.tree import Node, constants
from .arithmetic import STEPS, Arithmetic, Undefined, written_fraction

_CONSTANTS = {"pi": math.pi, "e": math.e, "i": 1j}
_ONE_ARGUMENT: dict[str, Callable[[Any], complex]] = {
    "sin": cmath.sin, "cos": cmath.cos, "tan": cmath.tan, "sinh": cmath.sinh, "cosh": cmath.cosh,
    "tanh": cmath.tanh, "arcsin": cmath.asin, "arccos": cmath.acos, "arctan": cmath.atan,
    "arcsinh": cmath.asinh, "arccosh": cmath.acosh, "arctanh": cmath.atanh, "exp": cmath.exp, "ln": cmath.log,
    "sqrt": cmath.sqrt, "abs": abs, "det": lambda z: z,
    "cot": lambda z: 1 / cmath.tan(z), "sec": lambda z: 1 / cmath.cos(z), "csc": lambda z: 1 / cmath.sin(z),
    "coth": lambda z: 1 / cmath.tanh(z), "arccot": lambda z: cmath.atan(1 / z),
    "floor": lambda z: math.floor(_real(z)), "ceil": lambda z: math.ceil(_real(z)),
    "factorial": lambda z: _gamma(z), "Re": lambda z: complex(z).real, "Im": lambda z: complex(z).imag,
}  # fmt: skip
_LARGEST_CHOICE = 1_000  # of which arrangements are counted
_OF_WHOLE: dict[str, Callable[[int, int], int]] = {
    "binom": math.comb, "permutations": math.perm, "gcd": math.gcd, "lcm": math.lcm,
}  # fmt: skip


def _real(value: complex) -> float:
    if abs(complex(value).imag) > 1e-9:
        raise Undefined("a real number is needed")
    return complex(value).real


def _of_whole(name: str, first: float, second: float) -> float:
    """A function of whole numbers; a large binomial, or one of fractions, by gamma functions."""
    if not abs(first) + abs(second) < 1e15:
        raise Undefined(f"{name} out of range")
    n, k = round(first), round(second)
    whole, large = abs(first - n) + abs(second - k) < 1e-9, n > _LARGEST_CHOICE
    if name == "binom" and (large or not whole):
        return _gamma(first) / (_gamma(second) * _gamma(first - second))
    if not whole or (name in ("binom", "permutations") and (large or n < 0 or k < 0)):
        raise Undefined(f"{name} of such numbers")
    return float(_OF_WHOLE[name](n, k))


def _gamma(value: complex) -> float:
    try:
        return math.gamma(_real(value) + 1)
    except (ValueError, OverflowError):
        raise Undefined("a factorial out of range") from None


def number(node: Node, variables: Mapping[str, complex]) -> complex:
    """The value of ``node``; raises :class:`Undefined` where it has none within range."""
    try:
        value: complex = Floats(variables).value(node)
    except (OverflowError, ZeroDivisionError, ValueError):
        raise Undefined("out of range") from None
    if not (abs(value) < 1e150):
        raise Undefined("out of range")
    return value


_JUMP = 1e-8  # a floor closer to a jump may be rounded over it


class Watched(Exception):
    """A value left the range, or the reals, in which double precision can be trusted."""


#: No multiple of them that anybody writes is close to a whole number.
_PLAIN_VALUES = (0.3137515, 0.4338211, 2.3761927)


Look = Literal["different", "alike", "unseen"]


def looks(first: Node, second: Node, names: Sequence[str]) -> Iterator[Look]:
    """What two functions are at two points with plain values; cheap looks before the proof. Only a difference is one."""
    for start in (_PLAIN_VALUES[0], _PLAIN_VALUES[2]):
        arithmetic = _Watched(first, second, names, start)
        try:
            off = abs(arithmetic.value(first) - arithmetic.value(second))
            yield "different" if off > 1e-4 * arithmetic.largest else "alike"
        except (Watched, Undefined, ArithmeticError, ValueError):
            yield "unseen"


def clearly_differ(first: Node, second: Node, names: Sequence[str]) -> bool:
    """Whether two functions differ plainly at one of two points with plain values."""
    return "different" in looks(first, second, names)


def clearly_no_multiple(first: Node, second: Node, names: Sequence[str]) -> bool:
    """Whether two functions have plainly different ratios at two points; a cheap look before the proof."""
    one, other = (_Watched(first, second, names, start) for start in _PLAIN_VALUES[:2])
    try:
        a, b, c, d = one.value(first), one.value(second), other.value(first), other.value(second)
    except (Watched, Undefined, ArithmeticError, ValueError):
        return False
    return abs(a * d - b * c) > 1e-4 * one.largest * other.largest


class Floats(Arithmetic):
    """Double precision with a value for every variable; ``watched`` gives up where a value is large, tiny or not real."""

    watched = False
    largest = 1.0
    real = True

    def __init__(self, variables: Mapping[str, complex]) -> None:
        self.variables = variables

    def value(self, node: Any) -> complex:
        kind = type(node)
        value: complex
        if kind is tree.Sym:
            value = self.variables[node.name]
        elif kind is tree.Num:
            top, below = node.value.as_integer_ratio()
            value = top / below
        elif kind is tree.Product:
            value = self.value(node.parts[0])
            for part in node.parts[1:]:
                value *= self.value(part)
        elif kind is tree.Sum:
            value = self.value(node.parts[0])
            for part in node.parts[1:]:
                value += self.value(part)
        else:
            value = STEPS[kind](self, node)
        if not self.watched:
            return value
        size = abs(value)
        if size > self.largest:
            if size > 1e5:
                raise Watched
            self.largest = size
        elif size < 1e-5 and size:
            raise Watched
        if type(value) is complex and value.imag and self.real:
            raise Watched
        return value

    def number(self, value: Fraction) -> complex:
        top, below = value.as_integer_ratio()
        return top / below

    def constant(self, name: str) -> complex:
        if name not in _CONSTANTS:
            raise Undefined(name)
        return _CONSTANTS[name]

    def variable(self, name: str) -> complex:
        return self.variables[name]

    def power(self, base: complex, exponent: Node) -> complex:
        power: complex = self.value(exponent)
        if abs(power) > 1e6:
            raise Undefined("an exponent out of range")
        if base == 0 and complex(power).real <= 0:
            raise Undefined("a power of zero")
        if type(base) is complex and not base.imag:
            base = base.real
        if not isinstance(base, complex) and base < 0:
            ratio = written_fraction(exponent)
            if ratio is not None and ratio.denominator % 2 and ratio.denominator > 1:  # an odd root is real
                return ((-base) ** power) * (-1 if ratio.numerator % 2 else 1)
            base = complex(base)
        return base**power

    def function(self, name: str, values: list[complex]) -> complex:
        if name == "log":
            return cmath.log(values[0]) / cmath.log(values[1])
        if name in _OF_WHOLE and len(values) == 2:
            return _of_whole(name, _real(values[0]), _real(values[1]))
        if name in ("max", "min"):
            return (max if name == "max" else min)(_real(value) for value in values)
        if len(values) == 1 and name in _ONE_ARGUMENT:
            if name in ("ln", "arccot") and values[0] == 0:
                raise Undefined("the logarithm of zero")
            return _ONE_ARGUMENT[name](values[0])
        raise Undefined(f"{name} of {len(values)} arguments")


class _Watched(Floats):
    """Double precision that gives up where a value is large, tiny or, unless i is written, not real."""

    watched = True

    def __init__(self, first: Node, second: Node, names: Sequence[str], start: float) -> None:
        super().__init__({name: start + 0.5 * (k * 0.618 % 1) for k, name in enumerate(names)})
        self.real = "i" not in constants(first) and "i" not in constants(second)

    def function(self, name: str, values: list[complex]) -> complex:
        if name in ("floor", "ceil") and abs(values[0] - round(_real(values[0]))) < _JUMP:
            raise Watched
        return Floats.function(self, name, values)
