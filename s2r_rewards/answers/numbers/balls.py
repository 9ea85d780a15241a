r"""Real numbers as balls: a decimal and a bound of its error, so that "equal" and "different" are proven, not guessed.

Every operation widens the bound by its own rounding. What would vanish in a rounding (``\sqrt{x} + 10^{-100}``) asks
for more digits instead (:class:`MoreDigits`), so a term never gets lost unseen.
"""

from __future__ import annotations

from contextvars import ContextVar
from dataclasses import dataclass
from decimal import Context, Decimal, Inexact, getcontext, localcontext
from fractions import Fraction
from functools import cache
from math import floor

from .arithmetic import Undefined

ZERO, ONE, TWO = Decimal(0), Decimal(1), Decimal(2)
#: Digits behind the leading one that a term may lie below the sum that it stands in.
MARGIN = 22
_LARGEST = Decimal(2_000_000)
_TWICE = 150  # digits up to which twice as many are asked for
#: Digits of the largest whole number that is written out.
_LONGEST = 10_000


class MoreDigits(Exception):
    """Two values need this many digits to be told apart or added."""

    def __init__(self, digits: int) -> None:
        super().__init__(f"{digits} digits are needed")
        self.digits = digits


#: Whether a term may vanish into the error, which is enough to prove a difference.
VANISHING: ContextVar[bool] = ContextVar("vanishing", default=False)
#: More digits than anybody will compute: the value is out of range.
BEYOND = 10**9


class Hidden(MoreDigits):
    """The error of a value hides on which side of a jump, of zero or of the end of a domain it is."""

    def __init__(self) -> None:
        digits = getcontext().prec
        super().__init__(2 * digits if digits < _TWICE else BEYOND)


def _ask(digits: int) -> None:
    """Ask for so many digits, unless terms may vanish."""
    if not VANISHING.get():
        raise MoreDigits(digits)


def context(digits: int) -> Context:
    """The decimal context of a computation to so many digits."""
    return Context(prec=digits, Emax=10**7, Emin=-(10**7))


@dataclass(slots=True, eq=False)
class Ball:
    """All real numbers within ``error`` of ``value``."""

    value: Decimal
    error: Decimal = ZERO

    @property
    def is_zero(self) -> bool:
        """Whether nothing tells the number from zero."""
        return abs(self.value) <= self.error

    def __add__(self, other: Ball) -> Ball:
        self._beside(other)
        flags = getcontext().flags
        flags[Inexact] = False
        total = self.value + other.value
        return _rounded(total, self.error + other.error, flags[Inexact])

    def _beside(self, other: Ball) -> None:
        """Refuse to let one of two terms vanish in the other."""
        small, large = (self, other) if abs(self.value) < abs(other.value) else (other, self)
        if small.value and large.value:
            gap = large.value.adjusted() - small.value.adjusted()
            if gap > getcontext().prec - MARGIN and not small.is_zero and not large.is_zero:
                _ask(gap + MARGIN)
        noise, term = (self, other) if self.is_zero else (other, self)
        if noise.is_zero and not term.is_zero and abs(term.value) <= noise.error:
            _ask(getcontext().prec + noise.error.adjusted() - term.value.adjusted() + MARGIN)

    def __neg__(self) -> Ball:
        return Ball(self.value.copy_negate(), self.error)  # a minus sign would round

    def __sub__(self, other: Ball) -> Ball:
        return self + -other

    def __mul__(self, other: Ball) -> Ball:
        flags = getcontext().flags
        flags[Inexact] = False
        product = self.value * other.value
        inexact = flags[Inexact]
        error = abs(self.value) * other.error + abs(other.value) * self.error + self.error * other.error
        return _rounded(product, error, inexact)

    def __truediv__(self, other: Ball) -> Ball:
        if other.is_zero:
            if other.error:
                raise Hidden
            raise Undefined("division by zero")
        flags = getcontext().flags
        flags[Inexact] = False
        quotient = self.value / other.value
        inexact = flags[Inexact]
        error = (self.error + abs(quotient) * other.error) / (abs(other.value) - other.error)
        return _rounded(quotient, error, inexact)

    def agrees(self, other: Ball) -> bool:
        """Whether the two may be the same number."""
        return abs(self.value - other.value) <= self.error + other.error

    def __lt__(self, other: Ball) -> bool:
        """Whether the number is certainly smaller."""
        return self.value + self.error < other.value - other.error

    def __abs__(self) -> Ball:
        return Ball(self.value.copy_abs(), self.error)

    @property
    def whole(self) -> int | None:
        """The whole number that this is exactly."""
        if self.error or self.value.adjusted() > _LONGEST or self.value != self.value.to_integral_value():
            return None
        return int(self.value)

    def floor(self) -> Ball:
        """The largest whole number that is not larger.

        Raises:
            Hidden: the error hides it.
        """
        if self.value.adjusted() > getcontext().prec:  # no digit of it stands behind the point
            if self.error:
                raise Hidden
            return self
        if self.error > ONE:  # which may have millions of digits
            raise Hidden
        low, high = floor(self.value - self.error), floor(self.value + self.error)
        if low != high:
            if not VANISHING.get():
                raise Hidden
            return Ball(Decimal(low + high) / TWO, Decimal(high - low) / TWO)
        return Ball(Decimal(low))


def _rounded(value: Decimal, error: Decimal, inexact: bool) -> Ball:
    """The ball of a value that was rounded if ``inexact``."""
    if inexact:
        return Ball(value, error * (ONE + ONE / 1000) + abs(value).scaleb(2 - getcontext().prec))
    return Ball(value, error)


def rational(value: Fraction) -> Ball:
    """A fraction as a ball."""
    return Ball(Decimal(value.numerator)) / Ball(Decimal(value.denominator))


def sign(ball: Ball) -> int:
    """1, 0 (exactly zero) or -1.

    Raises:
        Hidden: the error hides it.
    """
    if ball.is_zero:
        if ball.error:
            raise Hidden
        return 0
    return 1 if ball.value > 0 else -1


def _monotone(value: Decimal, slope_times_error: Decimal) -> Ball:
    return _rounded(value, slope_times_error, True)


def exp(x: Ball) -> Ball:
    """e to the power of x."""
    if abs(x.value) > _LARGEST:
        raise MoreDigits(BEYOND)
    if not x.value and not x.error:
        return Ball(ONE)
    _visible(x)
    if x.error > ONE:
        raise MoreDigits(BEYOND)
    value = x.value.exp()
    return _monotone(value, TWO * value * x.error)


def _visible(x: Ball) -> None:
    """Ask for the digits that ``1 + x`` needs."""
    if x.value and not x.is_zero and -x.value.adjusted() > getcontext().prec - MARGIN:
        _ask(-x.value.adjusted() + MARGIN)


def ln(x: Ball) -> Ball:
    """The natural logarithm of a positive number."""
    if x.value - x.error <= 0:
        if x.value + x.error > 0 and x.error:
            raise Hidden
        raise Undefined("the logarithm of a number that is not positive")
    return _monotone(x.value.ln(), x.error / (x.value - x.error))


def sqrt(x: Ball) -> Ball:
    """The square root of a number that is not negative."""
    if x.value < 0 and not x.is_zero:
        raise Undefined("the square root of a negative number")
    if x.is_zero:
        return Ball(ZERO, x.error.sqrt())
    flags = getcontext().flags
    flags[Inexact] = False
    root = x.value.sqrt()
    inexact = flags[Inexact]
    return _rounded(root, x.error / root, inexact)


@cache
def _pi(digits: int) -> Decimal:
    """π to so many digits, by Machin's formula."""
    with localcontext(context(digits + 10)):
        return 4 * (4 * _inverse_tangent(5) - _inverse_tangent(239))


def _inverse_tangent(n: int) -> Decimal:
    """The arctangent of 1/n."""
    power = total = ONE / n
    k = 1
    while power.adjusted() > -getcontext().prec:
        power = -power / (n * n)
        k += 2
        total += power / k
    return total


def pi() -> Ball:
    """π."""
    return _monotone(+_pi(getcontext().prec), ZERO)


def _reduced(x: Ball) -> Ball:
    """An angle within [-π, π]; the digits that its size costs go into the error."""
    if abs(x.value) <= 3:
        return x
    if abs(x.value) > _LARGEST:
        raise MoreDigits(BEYOND)
    circle = pi() + pi()
    turns = (x.value / circle.value).to_integral_value()
    return x - circle * Ball(turns)


def sin(x: Ball) -> Ball:
    """The sine: the Taylor series after two divisions of the angle by three."""
    if not x.value and not x.error:
        return Ball(ZERO)
    angle = _reduced(x)
    value = angle.value / 9
    term = total = value
    square, n, last = value * value, 1, -getcontext().prec + min(0, value.adjusted())
    while term.adjusted() > last and term:
        term = -term * square / ((2 * n) * (2 * n + 1))
        total += term
        n += 1
    for _ in range(2):
        total = 3 * total - 4 * total * total * total
    return _monotone(total, angle.error + abs(total).scaleb(4 - getcontext().prec))


def cos(x: Ball) -> Ball:
    """The cosine, by the sine of the half."""
    if x.value and not x.is_zero and -2 * x.value.adjusted() > getcontext().prec - MARGIN:
        _ask(-2 * x.value.adjusted() + MARGIN)
    half = sin(_reduced(x) / Ball(TWO))
    return Ball(ONE) - Ball(TWO) * half * half


def arctan(x: Ball) -> Ball:
    """The Taylor series, after halving the angle six times."""
    if not x.value and not x.error:
        return Ball(ZERO)
    value = x.value
    if abs(value) > 1:  # π/2 - arctan(1/x)
        quarter = pi() / Ball(TWO if value > 0 else -TWO)
        return quarter - arctan(Ball(ONE) / x)
    for _ in range(6):
        value = value / (1 + (1 + value * value).sqrt())
    term = total = value
    square, n, last = value * value, 1, -getcontext().prec + min(0, value.adjusted())
    while term.adjusted() > last and term:
        term = -term * square
        total += term / (2 * n + 1)
        n += 1
    total *= 64
    return _monotone(total, x.error + abs(total).scaleb(4 - getcontext().prec))


def arcsin(x: Ball) -> Ball:
    """The inverse of the sine on [-1, 1]."""
    if abs(x.value) == ONE and not x.error:
        return pi() / Ball(TWO * x.value)
    if abs(x.value) + x.error >= ONE:
        if abs(x.value) - x.error <= ONE:
            raise Hidden
        raise Undefined("no arcsine")
    return arctan(x / sqrt(Ball(ONE) - x * x))


def whole_power(base: Ball, exponent: int) -> Ball:
    """A power with a whole exponent."""
    if abs(exponent) > 1_000_000:
        raise MoreDigits(BEYOND)
    if exponent < 0:
        return Ball(ONE) / whole_power(base, -exponent)
    if not exponent:
        return Ball(ONE)
    if base.is_zero:
        if base.error:
            return Ball(ZERO, base.error**exponent)
        return base
    if abs(base.value.adjusted() * exponent) > 4_000_000:
        raise MoreDigits(BEYOND)
    flags = getcontext().flags
    flags[Inexact] = False
    value = base.value**exponent
    inexact = flags[Inexact]
    relative = base.error / (abs(base.value) - base.error)
    if relative * exponent > ONE / 2:
        raise MoreDigits(BEYOND)
    return _rounded(value, abs(value) * relative * exponent * TWO, inexact)
