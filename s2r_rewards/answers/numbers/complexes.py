"""The value of an expression as a pair of balls: principal values, where the reals are left or ``i`` is written."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction

from ..read import tree
from ..read.tree import Node
from . import balls, reals
from .arithmetic import Arithmetic, Undefined, whole_power
from .balls import ONE, TWO, ZERO, Ball

_ZERO, _ONE, _TWO = Ball(ZERO), Ball(ONE), Ball(TWO)


@dataclass(frozen=True, slots=True)
class Pair:
    """A complex number: its real and its imaginary part."""

    real: Ball
    imaginary: Ball = _ZERO

    def __add__(self, other: Pair) -> Pair:
        return Pair(self.real + other.real, self.imaginary + other.imaginary)

    def __neg__(self) -> Pair:
        return Pair(-self.real, -self.imaginary)

    def __sub__(self, other: Pair) -> Pair:
        return self + -other

    def __mul__(self, other: Pair) -> Pair:
        return Pair(
            self.real * other.real - self.imaginary * other.imaginary,
            self.real * other.imaginary + self.imaginary * other.real,
        )

    def __truediv__(self, other: Pair) -> Pair:
        size = other.real * other.real + other.imaginary * other.imaginary
        top = self * Pair(other.real, -other.imaginary)
        return Pair(top.real / size, top.imaginary / size)

    def agrees(self, other: Pair) -> bool:
        """Whether the two may be the same number."""
        return self.real.agrees(other.real) and self.imaginary.agrees(other.imaginary)

    @property
    def is_real(self) -> bool:
        """Whether nothing tells the imaginary part from zero."""
        return self.imaginary.is_zero

    @property
    def is_zero(self) -> bool:
        """Whether nothing tells the number from zero."""
        return self.real.is_zero and self.imaginary.is_zero


I = Pair(_ZERO, _ONE)  # noqa: E741


def _size(z: Pair) -> Ball:
    return balls.sqrt(z.real * z.real + z.imaginary * z.imaginary)


def _angle(z: Pair) -> Ball:
    """The principal argument."""
    x, y = z.real, z.imaginary
    if abs(y.value) > abs(x.value):
        quarter = balls.pi() / (_TWO if y.value > 0 else -_TWO)
        return quarter - balls.arctan(x / y)
    angle = balls.arctan(y / x)
    if x.value > 0:
        return angle
    if y.is_zero and y.error:
        raise Undefined("on a branch cut")
    return angle + (balls.pi() if y.value >= 0 else -balls.pi())


def exp(z: Pair) -> Pair:
    """e to the power of z."""
    size = balls.exp(z.real)
    return Pair(size * balls.cos(z.imaginary), size * balls.sin(z.imaginary))


def ln(z: Pair) -> Pair:
    """The principal logarithm."""
    return Pair(balls.ln(_size(z)), _angle(z))


def sqrt(z: Pair) -> Pair:
    """The principal square root."""
    if z.is_real and not z.imaginary.error:
        if z.real.value >= 0:
            return Pair(balls.sqrt(z.real))
        return Pair(_ZERO, balls.sqrt(-z.real))
    return exp(ln(z) / Pair(_TWO))


def sin(z: Pair) -> Pair:
    turned = exp(I * z)
    return (turned - Pair(_ONE) / turned) / Pair(_ZERO, _TWO)


def cos(z: Pair) -> Pair:
    turned = exp(I * z)
    return (turned + Pair(_ONE) / turned) / Pair(_TWO)


class Complexes(Arithmetic):
    """Pairs of balls with a value for every variable."""

    def __init__(self, variables: Mapping[str, Pair]) -> None:
        self.variables = variables
        self.reals = reals.Reals({})

    def raised(self, node: tree.Power) -> Pair:
        if type(node.left) is tree.Const and node.left.name == "e":
            return exp(self.value(node.right))
        return self.power(self.value(node.left), node.right)

    def number(self, value: Fraction) -> Pair:
        return Pair(self.reals.number(value))

    def constant(self, name: str) -> Pair:
        return I if name == "i" else Pair(self.reals.constant(name))

    def variable(self, name: str) -> Pair:
        return self.variables[name]

    def power(self, base: Pair, exponent: Node) -> Pair:
        power: Pair = self.value(exponent)
        if power.is_real and (whole := power.real.whole) is not None:
            return self._whole_power(base, whole)
        if isinstance(exponent, tree.Quotient) and power.is_real and base.is_real and base.real.value > 0:
            return Pair(balls.exp(power.real * balls.ln(base.real)))
        if base.is_zero:
            raise Undefined("a power of zero")
        return exp(power * ln(base))

    def _whole_power(self, base: Pair, exponent: int) -> Pair:
        if base.is_real and not base.imaginary.error:
            return Pair(balls.whole_power(base.real, exponent))
        if abs(exponent) > 1_000_000:
            raise Undefined("an exponent out of range")
        if exponent < 0:
            return Pair(_ONE) / self._whole_power(base, -exponent)
        return whole_power(Pair(_ONE), base, exponent)

    def function(self, name: str, values: list[Pair]) -> Pair:
        if name in _FUNCTIONS and len(values) == 1:
            return _FUNCTIONS[name](values[0])
        if all(value.is_real for value in values):
            return Pair(self.reals.function(name, [value.real for value in values]))
        raise Undefined(f"{name} of a complex number")


_FUNCTIONS: dict[str, Callable[[Pair], Pair]] = {
    "sin": sin, "cos": cos, "tan": lambda z: sin(z) / cos(z), "cot": lambda z: cos(z) / sin(z),
    "exp": exp, "ln": ln, "sqrt": sqrt, "abs": lambda z: Pair(_size(z)), "det": lambda z: z,
    "sinh": lambda z: (exp(z) - exp(-z)) / Pair(_TWO), "cosh": lambda z: (exp(z) + exp(-z)) / Pair(_TWO),
    "Re": lambda z: Pair(z.real), "Im": lambda z: Pair(z.imaginary), "arg": lambda z: Pair(_angle(z)),
    "conj": lambda z: Pair(z.real, -z.imaginary),
}  # fmt: skip
