r"""Exact values at a point with rational coordinates, for the points at which a floor jumps or a denominator is zero."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from fractions import Fraction
from typing import Any, Literal

from ..read.tree import Node
from .arithmetic import Undefined, written_fraction
from .exact import Exact, ExactArithmetic, Unheld

_DIGITS = 400  # of a coordinate


class ExactPoint(ExactArithmetic):
    """Exact arithmetic over the reals with a rational number for every variable."""

    def __init__(self, variables: Mapping[str, Fraction]) -> None:
        super().__init__()
        self.variables = variables

    def variable(self, name: str) -> Exact:
        return Exact.of(self.variables[name])

    def power(self, base: Exact, exponent: Node) -> Exact:
        ratio, known = written_fraction(exponent), base.rational
        if ratio is not None and ratio.denominator > 1 and known is not None and known < 0:
            if ratio.denominator % 2 == 0:
                raise Undefined("an even root of a negative number")
            positive = Exact.of(-known).to_power(ratio)
            return -positive if ratio.numerator % 2 else positive
        return super().power(base, exponent)

    def function(self, name: str, values: list[Exact]) -> Exact:
        known = [value.rational for value in values]
        match name, known:
            case "sqrt", [Fraction() as x] if x < 0:
                raise Undefined("the square root of a negative number")
            case (("max" | "min"), [Fraction(), *_]) if None not in known:
                chosen = (max if name == "max" else min)(value for value in known if value is not None)
                return Exact.of(chosen)
            case "sign", [Fraction() as x]:
                return Exact.of((x > 0) - (x < 0))
            case "ln", [Fraction() as x]:
                if x <= 0:
                    raise Undefined("the logarithm of a number that is not positive")
                if x == 1:
                    return Exact.of(0)
            case (("arctan" | "arcsin" | "tanh" | "sinh" | "arcsinh" | "arctanh"), [Fraction() as x]) if not x:
                return Exact.of(0)
            case "cosh", [Fraction() as x] if not x:
                return Exact.of(1)
        return super().function(name, values)


def compared(first: Node, second: Node, point: Mapping[str, Any]) -> Literal["agree", "differ", "one", "none"] | None:
    """How two expressions compare at a point, exactly; None where a value cannot be held."""
    if not all(isinstance(value, Decimal) and len(value.as_tuple().digits) <= _DIGITS for value in point.values()):
        return None
    values: list[Exact | None] = []
    for node in (first, second):
        try:
            values.append(ExactPoint({name: Fraction(value) for name, value in point.items()}).value(node))
        except (Undefined, ZeroDivisionError):
            values.append(None)
        except (Unheld, ArithmeticError, ValueError):
            return None
    if None in values:
        return "none" if values[0] is values[1] else "one"
    return "agree" if values[0] == values[1] else "differ"
