r"""What chooses the formula of an expression: the signs of what stands in an absolute value, below a line, under a root …"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

from ..numbers.arithmetic import written_fraction
from ..read import tree
from ..read.tree import Node, descendants, variables

_STEEP = Fraction(20)
#: Functions that may change their formula where a sine in them turns back.
_TURNED = frozenset(("floor", "ceil", "max", "min", "sqrt", "abs", "sign", "arcsin", "arccos", "arctanh"))


@dataclass(frozen=True, slots=True)
class Critical:
    """An expression whose sign, or whose whole part, chooses the formula."""

    node: Node
    steps: bool = False


def criticals(node: Node) -> Iterator[Critical]:
    """All expressions that choose the formula of another, or are zero where an exponential is neither flat nor gone."""
    for part in descendants(node):
        match part:
            case tree.Power(tree.Const("e"), exponent):
                yield Critical(exponent)
            case tree.Quotient(_, below):
                yield Critical(below)
            case tree.Power(base, exponent):
                ratio = written_fraction(exponent)
                if (ratio is None or ratio < 0 or ratio.denominator > 1) and not isinstance(base, tree.Const):
                    yield Critical(base)
                if ratio is not None and ratio.denominator % 2 == 0:
                    yield from map(Critical, _factors(base))
            case tree.Function(name, arguments):
                yield from _of_function(name, arguments)


def _of_function(name: str, arguments: tuple[Node, ...]) -> Iterator[Critical]:
    inner = arguments[0]
    if name in _TURNED:
        for one in arguments[:5]:
            yield from _turns(one)
    match name:
        case "floor" | "ceil":
            yield Critical(inner, True)
        case "max" | "min":
            for k, one in enumerate(arguments[:5]):
                yield from (Critical(tree.Sum((one, tree.Neg(other)))) for other in arguments[k + 1 : 5])
        case "tan" | "sec":
            yield Critical(tree.Function("cos", (inner,)))
        case "cot" | "csc":
            yield Critical(tree.Function("sin", (inner,)))
        case "arcsin" | "arccos" | "arctanh":
            yield from (Critical(tree.Sum((inner, tree.Num(Fraction(end))))) for end in (1, -1))
        case "arccosh":
            yield Critical(tree.Sum((inner, tree.Num(Fraction(-1)))))
        case "sqrt":
            yield Critical(inner)
            yield from map(Critical, _factors(inner))
        case "abs" | "sign" | "ln" | "log" | "coth" | "arccot" | "exp" | "tanh" | "sinh" | "cosh":
            yield Critical(inner)


def _turns(node: Node) -> Iterator[Critical]:
    """Where a sine or a cosine turns back: a step or a maximum may be passed there alone, and arcsin(sin x) is no longer x."""
    for part in descendants(node):
        match part:
            case tree.Function("sin" | "cos" as name, (inner,)):
                yield Critical(tree.Function("cos" if name == "sin" else "sin", (inner,)))


def _factors(node: Node) -> list[Node]:
    """The bases of powers and the factors below a root, whose signs are lost in it."""
    found: list[Node] = []
    for part in descendants(node):
        if isinstance(part, tree.Power) and written_fraction(part.right) is not None:
            found.append(part.left)
        if isinstance(part, tree.Product):
            found += part.parts
    return found


def steep_arguments(node: Node, tiny: bool = True) -> Iterator[Node]:
    """Arguments of exponential functions in which a large number, or a ``tiny`` one, is written."""
    for part in descendants(node):
        match part:
            case tree.Function("tanh" | "coth" | "exp" | "sinh" | "cosh", (inner,)) | tree.Power(
                tree.Const("e"), inner
            ) if variables(inner):
                sizes = (abs(n.value) for n in descendants(inner) if isinstance(n, tree.Num))
                if any(size >= _STEEP or (tiny and 0 < size <= 1 / _STEEP) for size in sizes):
                    yield inner
