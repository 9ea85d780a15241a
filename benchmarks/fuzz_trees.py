"""Random expressions as LaTeX with a value at every point, so that it is known which pairs differ."""

import math
import random
from collections.abc import Callable
from dataclasses import dataclass

Point = dict[str, float]
NAMES = ("x", "y", "n")
NOISE = "noise"
"""A factor of everything that a float only comes near to: what it moves much is a rounding, not a value."""


@dataclass(frozen=True)
class Tree:
    """An expression: how it is written, its value at a point (ValueError, OverflowError: none), and how it binds."""

    text: str
    value: Callable[[Point], float]
    level: int = 3
    """0 sum, 1 product, 2 power, 3 closed"""

    def inside(self, level: int) -> str:
        return self.text if self.level >= level else f"\\left({self.text}\\right)"


def number(rng: random.Random) -> Tree:
    n = rng.choice([0, 1, 2, 3, 4, 5, 7, 10, 12, 100, 1000, rng.randint(2, 10**6)])
    if rng.random() < 0.2:
        return (
            Tree("\\pi", lambda at: math.pi * at[NOISE])
            if rng.random() < 0.5
            else Tree("e", lambda at: math.e * at[NOISE])
        )
    if rng.random() < 0.15:
        m = rng.choice([2, 3, 4, 5, 7, 10**6])
        return Tree(f"\\frac{{{n}}}{{{m}}}", lambda _: n / m)
    return Tree(str(n), lambda _: float(n))


def variable(rng: random.Random) -> Tree:
    name = rng.choice(NAMES)
    return Tree(name, lambda at: at[name] * at[NOISE])


def power(base: float, exponent: float) -> float:
    result = base**exponent
    if isinstance(result, complex):
        raise ValueError("no real value")
    return result


def jump(step: Callable[[float], int], value: float) -> float:
    """A floor or ceiling; none so close to a whole number that a rounding of ours could have moved it."""
    if abs(value - round(value)) < 1e-6:
        raise ValueError("too close to a jump")
    return float(step(value))


def tree(rng: random.Random, depth: int) -> Tree:
    if depth == 0 or rng.random() < 0.15:
        return number(rng) if rng.random() < 0.5 else variable(rng)
    a = tree(rng, depth - 1)
    kind = rng.randrange(13)
    if kind < 7:
        b = tree(rng, depth - 1)
    if kind == 0:
        return Tree(f"{a.inside(0)}+{b.inside(1)}", lambda at: a.value(at) + b.value(at), 0)
    if kind == 1:
        return Tree(f"{a.inside(0)}-{b.inside(1)}", lambda at: a.value(at) - b.value(at), 0)
    if kind == 2:
        return Tree(f"{a.inside(1)} \\cdot {b.inside(2)}", lambda at: a.value(at) * b.value(at), 1)
    if kind == 3:
        return Tree(f"\\frac{{{a.text}}}{{{b.text}}}", lambda at: a.value(at) / b.value(at))
    if kind in (4, 5):
        name, of = ("\\max", max) if kind == 4 else ("\\min", min)
        return Tree(f"{name}({a.text}, {b.text})", lambda at: of(a.value(at), b.value(at)))
    if kind == 6:
        k = rng.choice([2, 3, 4, -1, -2])
        return Tree(f"{a.inside(3)}^{{{k}}}", lambda at: power(a.value(at), k), 2)
    if kind == 7:
        return Tree(f"\\sqrt{{{a.text}}}", lambda at: math.sqrt(a.value(at)))
    if kind == 8:
        return Tree(f"\\left|{a.text}\\right|", lambda at: abs(a.value(at)))
    if kind == 9:
        return Tree(f"\\lfloor {a.text} \\rfloor", lambda at: jump(math.floor, a.value(at)))
    if kind == 10:
        k = rng.choice([-1000, -100, -3, -1, 1, 2])
        return Tree(f"e^{{{k} \\cdot {a.inside(2)}}}", lambda at: math.exp(k * a.value(at)), 2)
    name, function = rng.choice([("\\sin", math.sin), ("\\cos", math.cos), ("\\ln", math.log), ("\\arctan", math.atan)])
    return Tree(f"{name}\\left({a.text}\\right)", lambda at: function(a.value(at)))


def variant(expression: Tree, rng: random.Random) -> Tree:
    """Like it, but hardly the same: what a cheat, or a slip, would make of it."""
    a, b = expression, tree(rng, 1)
    ways: list[Callable[[], Tree]] = [
        lambda: Tree(f"\\left|{a.text}\\right|", lambda at: abs(a.value(at))),
        lambda: Tree(f"\\sqrt{{\\left({a.text}\\right)^2}}", lambda at: math.sqrt(a.value(at) ** 2)),
        lambda: Tree(f"\\max({a.text}, {b.text})", lambda at: max(a.value(at), b.value(at))),
        lambda: Tree(f"\\lceil {a.text} \\rceil", lambda at: jump(math.ceil, a.value(at))),
        lambda: Tree(
            f"{a.inside(0)}+e^{{-1000 \\cdot {b.inside(2)}}}", lambda at: a.value(at) + math.exp(-1000 * b.value(at)), 0
        ),
        lambda: Tree(f"{a.inside(0)}+{b.inside(1)}", lambda at: a.value(at) + b.value(at), 0),
        lambda: Tree(f"{a.inside(1)} \\cdot {b.inside(2)}", lambda at: a.value(at) * b.value(at), 1),
        lambda: Tree(f"-{a.inside(2)}", lambda at: -a.value(at), 0),
        lambda: tree(rng, 2),
    ]
    return rng.choice(ways)()


def points(rng: random.Random) -> list[Point]:
    """Small, negative, large and tiny ones."""
    pick: list[Callable[[], float]] = [
        lambda: rng.uniform(-3, 3), lambda: rng.uniform(0, 30), lambda: rng.uniform(-200, 200),
        lambda: rng.uniform(-1e-3, 1e-3), lambda: float(rng.randint(-12, 40)), lambda: rng.uniform(0.5, 2.5),
    ]  # fmt: skip
    return [{NOISE: 1.0, **{name: rng.choice(pick)() for name in NAMES}} for _ in range(60)]


def differ(first: Tree, second: Tree, rng: random.Random) -> bool | None:
    """True: some point, well away from rounding, tells them apart; None: none was found that does."""
    for at in points(rng):
        try:
            a, b = first.value(at), second.value(at)
            moved = [abs(one.value({**at, NOISE: 1 + 1e-13}) - value) for one, value in ((first, a), (second, b))]
        except (ValueError, OverflowError, ZeroDivisionError):
            continue
        if not (math.isfinite(a) and math.isfinite(b)) or max(abs(a), abs(b)) > 1e12:
            continue
        if abs(a - b) > 1e-6 * max(1.0, abs(a), abs(b)) and max(moved) < abs(a - b) / 100:
            return True
    return None


def pair(rng: random.Random) -> tuple[str, str, bool | None]:
    """(gold, answer, False where they differ for certain, else None)"""
    gold = tree(rng, rng.randint(1, 3))
    answer = variant(gold, rng)
    return gold.text, answer.text, False if differ(gold, answer, rng) else None
