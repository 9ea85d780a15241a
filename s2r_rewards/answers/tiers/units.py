"""Values with units: ``5 km`` is ``5000 m``, ``90°`` is ``π/2 rad``, ``5 m`` is no ``5 cm`` and ``$5`` no ``5%``.

Units that are spelled alike compare without help; others are converted exactly by pint, which is loaded then. What a unit
on one side only means is the policy's choice. Caveat: ``5 students`` and ``5 people`` are equal: only the question knows
what was counted.
"""

from __future__ import annotations

import re
from fractions import Fraction
from functools import cache, lru_cache
from typing import Any, NamedTuple

from ..numbers.exact import as_number
from ..read import tree
from ..read.atoms import TURN
from ..read.tree import Node
from ..read.units import Unit, read_unit, unit_name
from ..read.vocabulary import WORDS

_PINT_NAMES = {"celsius": "degC", "fahrenheit": "degF"}
_MONEY = ("dollar = [money_of_usa]", "cent = dollar / 100", "euro = [money_of_europe]", "sterling = [money_of_britain]",
          "rupee = [money_of_india]", "yuan = [money_of_china]", "yen = [money_of_japan]")  # fmt: skip
#: What a temperature is in kelvin: factor and offset.
_KELVIN = {
    "kelvin": (Fraction(1), Fraction(0)), "K": (Fraction(1), Fraction(0)), "celsius": (Fraction(1), Fraction("273.15")),
    "fahrenheit": (Fraction(5, 9), Fraction("459.67") * Fraction(5, 9)),
}  # fmt: skip
DEGREE: Unit = (("degree", 1),)
_RADIAN: Unit = (("radian", 1),)
_THERMAL: dict[Unit, Unit] = {
    (("celsius", 1), ("degree", 1)): (("celsius", 1),), (("degree", 1), ("fahrenheit", 1)): (("fahrenheit", 1),),
    (("C", 1), ("degree", 1)): (("celsius", 1),), (("F", 1), ("degree", 1)): (("fahrenheit", 1),),
}  # fmt: skip
#: Everyday units in metres, grams and seconds, exact by definition: they are converted without loading pint (0.2 s).
_EVERYDAY: dict[str, tuple[str, int, Fraction]] = {
    name: (kind, power, Fraction(size))
    for kind, power, sizes in (
        ("length", 1, "m 1 km 1000 cm 1/100 mm 1/1000 inch 0.0254 foot 0.3048 yard 0.9144 mile 1609.344"),
        ("length", 3, "liter 1/1000 ml 1/1000000"),
        ("mass", 1, "g 1 kg 1000 mg 1/1000 pound 453.59237 ounce 28.349523125"),
        ("time", 1, "second 1 minute 60 hour 3600 day 86400 week 604800"),
        ("money of the USA", 1, "dollar 1 cent 1/100"),
    )
    for name, size in zip(sizes.split()[::2], sizes.split()[1::2], strict=True)
}
_AMOUNT = re.compile(r"(\d{1,12}(?:\.\d{1,12})?)\s?([A-Za-z]+)\.?")
_AMOUNTS = re.compile(r"\d[\d.]*\s?[A-Za-z]+\.?(?: (?:and )?\d[\d.]*\s?[A-Za-z]+\.?)+")
_FEET = re.compile(r"(\d{1,12})\s?'\s?(\d{1,12}(?:\.\d{1,12})?)\s?(?:\"|'')")
#: Words as :func:`read_unit` gives them: without an s at the end.
_OPPOSITES = {frozenset(pair.split()) for pair in WORDS["opposites"]}
_STYLED = re.compile(r"\\(?:text|mathrm)\s*\{([^{}]*)\}|\\[ ,]")


class Quantity(NamedTuple):
    """A value in a unit."""

    value: Node
    unit: Unit


def quantity(core: Node, text: str, degree: bool) -> Quantity:
    """A value with what was written behind it."""
    unit = read_unit(text)
    if not text and isinstance(core, tree.Product | tree.Quotient) and (found := _of_letters(core)):
        core, unit = found
        degree = degree or isinstance(core, tree.Degree)
        core = core.inner if isinstance(core, tree.Degree) else core
    if degree:
        unit = tuple(sorted((*unit, *DEGREE)))
    return Quantity(core, _THERMAL.get(unit, unit))


def _of_letters(node: Node) -> Quantity | None:
    """``5 m`` or ``5 m/s^2`` written with letters that can be units."""
    match node:
        case tree.Product((value, *rest)) if as_number(value) is not None:
            parts = [_letter(part, 1) for part in rest]
        case tree.Quotient(tree.Product() as top, below) if (found := _of_letters(top)) is not None:
            value, above = found
            factors = below.parts if isinstance(below, tree.Product) else (below,)
            parts = [*above, *(_letter(part, -1) for part in factors)]
        case _:
            return None
    known = [part for part in parts if part is not None]
    return Quantity(value, tuple(sorted(known))) if len(known) == len(parts) else None


def _letter(node: Node, sign: int) -> tuple[str, int] | None:
    match node:
        case tree.Sym("Omega"):
            return ("ohm", sign)
        case tree.Sym(name) if (unit := unit_name(name)) is not None:
            return (unit, sign)
        case tree.Power(inner, tree.Num(Fraction(denominator=1) as power)) if (
            found := _letter(inner, sign)
        ) is not None:
            return (found[0], sign * int(power))
    return None


def in_one_unit(text: str) -> str | None:
    """``5 hours 30 minutes`` as ``330`` minutes; None for what is no amount in several units of one kind.

    Each unit is a part of the one before, and fewer of it are said than make up one of those.
    """
    if not text[:1].isdigit() or text[-1].isdigit() or len(text) > 80:
        return None
    plain = " ".join(_STYLED.sub(lambda m: f" {m[1] or ''} ", text).split())
    if "'" in plain:
        plain = _FEET.sub(r"\1 ft \2 in", plain)
    if not _AMOUNTS.fullmatch(plain):
        return None
    total, last = Fraction(0), None
    for number, word in _AMOUNT.findall(plain):
        unit = read_unit(word)
        if len(unit) != 1 or not is_known(unit):
            return None
        if last is not None:
            factor = conversion(last, unit)
            if factor is None or factor <= Fraction(number):
                return None
            total *= factor
        total, last = total + Fraction(number), unit
    return rf"{total} \text{{ {word}}}"


def is_known(unit: Unit) -> bool:
    """Whether every name in a unit is one of a unit."""
    return all(name[0] != "?" for name, _ in unit)


def in_unit_of(first: Quantity, second: Quantity) -> tuple[Node, Node] | None:
    """Both values in the same unit, None when their units cannot be compared."""
    if first.unit == second.unit:
        return first.value, second.value
    known = is_known(first.unit), is_known(second.unit)
    if not all(known):  # what was counted is a matter of words; a unit is not, nor is what says the opposite
        apart = (any(known) and first.unit and second.unit) or _are_opposite(first.unit, second.unit)
        return None if apart or _measured_apart(first.unit, second.unit) else (first.value, second.value)
    if {first.unit, second.unit} == {DEGREE, _RADIAN}:
        return _radians(first), _radians(second)
    one, other = _kelvin(first), _kelvin(second)
    if one is not None and other is not None:
        return one, other
    plain = all(len(unit) == 1 and unit[0][1] == 1 for unit in (first.unit, second.unit))
    if plain and first.value == second.value:  # 5 hours, 5 minutes: pint need not be loaded
        return None
    if (factor := conversion(first.unit, second.unit)) is None:
        return None
    return tree.Product((first.value, tree.Num(factor))), second.value


def _measured_apart(first: Unit, second: Unit) -> bool:
    """Whether other things are counted in other units: ``km south`` and ``apples``, but not ``apples per day`` and ``apples``."""
    known, counted = (
        [{part for part in unit if (part[0][0] == "?") is unknown} for unit in (first, second)]
        for unknown in (False, True)
    )
    return known[0] != known[1] and counted[0].isdisjoint(counted[1])


def _are_opposite(first: Unit, second: Unit) -> bool:
    words = [[name.removeprefix("?") for name, _ in unit] for unit in (first, second)]
    return any({one, other} in _OPPOSITES for one in words[0] for other in words[1])


def _radians(side: Quantity) -> Node:
    return tree.Product((side.value, TURN)) if side.unit == DEGREE else side.value


def _kelvin(side: Quantity) -> Node | None:
    match side.unit:
        case ((name, 1),) if name in _KELVIN:
            factor, offset = _KELVIN[name]
            return tree.Sum((tree.Product((side.value, tree.Num(factor))), tree.Num(offset)))
    return None


@cache
def _registry() -> Any:
    """pint's registry with exact fractions, and money; None where pint is not installed."""
    try:
        import pint
    except ImportError:
        return None
    registry: Any = pint.UnitRegistry(non_int_type=Fraction)
    for line in _MONEY:
        registry.define(line)
    return registry


@lru_cache(4096)
def conversion(first: Unit, second: Unit) -> Fraction | None:
    """How many of the second unit one of the first is; None where they measure different things."""
    if all(name in _EVERYDAY for name, _ in first + second):
        (kinds, size), (others, other) = _everyday(first), _everyday(second)
        return size / other if kinds == others else None
    registry = _registry()
    if registry is None:
        return None
    try:
        one, other = (_composed(registry, unit) for unit in (first, second))
        return Fraction(registry.Quantity(Fraction(1), one).to(other).magnitude)
    except Exception as error:  # pint's own errors need pint to be named
        if type(error).__module__.partition(".")[0] == "pint" or isinstance(error, ArithmeticError | TypeError):
            return None
        raise


def _everyday(unit: Unit) -> tuple[dict[str, int], Fraction]:
    """What a unit measures, as powers of length, mass, time and money, and how much of it."""
    kinds: dict[str, int] = {}
    total = Fraction(1)
    for name, exponent in unit:
        kind, power, size = _EVERYDAY[name]
        kinds[kind] = kinds.get(kind, 0) + power * exponent
        total *= size**exponent
    return {kind: power for kind, power in kinds.items() if power}, total


def _composed(registry: Any, unit: Unit) -> Any:
    whole = registry.dimensionless
    for name, exponent in unit:
        whole = whole * registry.Unit(_PINT_NAMES.get(name, name)) ** exponent
    return whole
