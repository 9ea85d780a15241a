r"""Expressions as trees: how they are written as LaTeX, what they are worth (mpmath, 60 digits), random ones, small changes."""

import math
import random
from collections.abc import Callable, Iterator
from typing import Any

Tree = tuple[Any, ...]
Point = dict[str, Any]
NAMES = "xyt"
ONE = {"sqrt": r"\sqrt{%s}", "abs": r"\left|%s\right|", "floor": r"\lfloor %s \rfloor", "ceil": r"\lceil %s \rceil",
       "sin": r"\sin(%s)", "cos": r"\cos(%s)", "exp": r"e^{%s}", "ln": r"\ln(%s)", "neg": "-(%s)", "tanh": r"\tanh(%s)",
       "square": "(%s)^2", "arctan": r"\arctan(%s)", "cbrt": r"\sqrt[3]{%s}"}  # fmt: skip
TWO = {"add": "%s+%s", "sub": "%s-(%s)", "mul": r"(%s)\cdot(%s)", "div": r"\frac{%s}{%s}", "max": r"\max(%s,%s)",
       "min": r"\min(%s,%s)"}  # fmt: skip
#: Functions that only the neat style writes.
MORE = {"tan": r"\tan(%s)", "arcsin": r"\arcsin(%s)", "arccos": r"\arccos(%s)", "cosh": r"\cosh(%s)",
        "lb": r"\log_2(%s)", "fourth": r"\sqrt[4]{%s}", "sinh": r"\sinh(%s)", "sec": r"\sec(%s)",
        "twoto": "2^{%s}", "max3": r"\max\{%s, %s, %s\}", "min3": r"\min(%s, %s, %s)", "raised": "(%s)^{%s}"}  # fmt: skip
CONSTANTS = [1, 2, 3, 4, 5, 7, 10, 12, 100, 1000]
X, Y, T = (("var", name) for name in NAMES)


def num(value: Any) -> Tree:
    """A number, as it is written."""
    return ("num", value)


def ten(power: int) -> Tree:
    """A power of ten."""
    return ("num", f"10^{{{power}}}")


def write(node: Tree) -> str:
    """The LaTeX of an expression, with brackets around everything."""
    kind, *parts = node
    if kind in ("var", "num"):
        return str(parts[0]) if not str(parts[0]).startswith("-") else f"({parts[0]})"
    if kind == "pow":
        return f"({write(parts[0])})^{{{parts[1]}}}"
    return (ONE.get(kind) or MORE.get(kind) or TWO[kind]) % tuple(map(write, parts))


def neat(node: Tree, level: int = 0) -> str:
    """The LaTeX of an expression as people write it; ``level``: 0 sum, 1 product, 2 power."""
    kind, *parts = node
    if kind in ("var", "num"):
        text = str(parts[0])
        return f"({text})" if text.startswith("-") and level else text
    if kind in ("add", "sub", "neg"):
        first = neat(parts[0], 1 if kind == "neg" else 0)
        text = f"-{first}" if kind == "neg" else f"{first} {'+' if kind == 'add' else '-'} {neat(parts[1], 1)}"
        return f"\\left({text}\\right)" if level else text
    if kind == "mul":
        text = f"{neat(parts[0], 1)} \\cdot {neat(parts[1], 2)}"
        if parts[0][0] == "num" and not str(parts[0][1]).startswith("-") and parts[1][0] in ("var", "max", "sqrt"):
            text = f"{neat(parts[0])}{neat(parts[1])}" if "^" not in str(parts[0][1]) else text
        return f"\\left({text}\\right)" if level > 1 else text
    if kind == "square" or kind == "pow":
        text = f"{neat(parts[0], 2)}^{{{2 if kind == 'square' else parts[1]}}}"
        return f"\\left({text}\\right)" if level > 1 else text
    if kind in ("max", "min"):
        return f"\\{kind}\\left({neat(parts[0])}, {neat(parts[1])}\\right)"
    if kind == "div":
        return f"\\frac{{{neat(parts[0])}}}{{{neat(parts[1])}}}"
    if kind == "raised":
        return f"({neat(parts[0])})^{{{neat(parts[1])}}}" if level < 2 else f"(({neat(parts[0])})^{{{neat(parts[1])}}})"
    if kind == "twoto" and level == 2:
        return f"(2^{{{neat(parts[0])}}})"
    if kind == "exp":
        return f"e^{{{neat(parts[0])}}}" if level < 2 else f"\\left(e^{{{neat(parts[0])}}}\\right)"
    form = {
        "abs": r"\lvert %s \rvert",
        "floor": r"\left\lfloor %s \right\rfloor",
        "ceil": r"\left\lceil %s \right\rceil",
    }
    return (form.get(kind) or ONE.get(kind) or MORE[kind]) % tuple(map(neat, parts))


FLOATS: dict[str, Callable[..., float]] = {
    "sqrt": math.sqrt, "abs": abs, "floor": math.floor, "ceil": math.ceil, "sin": math.sin, "cos": math.cos,
    "exp": math.exp, "ln": math.log, "neg": lambda x: -x, "tanh": math.tanh, "square": lambda x: x * x,
    "arctan": math.atan, "cbrt": lambda x: math.copysign(abs(x) ** (1 / 3), x), "add": lambda x, y: x + y,
    "sub": lambda x, y: x - y, "mul": lambda x, y: x * y, "div": lambda x, y: x / y, "max": max, "min": min,
    "tan": math.tan, "arcsin": math.asin, "arccos": math.acos, "cosh": math.cosh, "lb": math.log2,
    "fourth": lambda x: math.sqrt(math.sqrt(x)), "sinh": math.sinh, "sec": lambda x: 1 / math.cos(x),
    "twoto": lambda x: 2.0**x, "max3": max, "min3": min, "raised": lambda x, y: math.exp(y * math.log(x)),
    "pow": lambda x, y: x**y,
}  # fmt: skip


def quick(node: Tree, point: Point) -> float:
    """The value in double precision; ArithmeticError or ValueError where there is none."""
    kind, *parts = node
    if kind == "var":
        return float(point[parts[0]])
    if kind == "num":
        return 10.0 ** int(parts[0][4:-1]) if str(parts[0]).startswith("10^") else float(parts[0])
    return FLOATS[kind](*(part if isinstance(part, int) else quick(part, point) for part in parts))


def plainly_apart(first: Tree, second: Tree, point: Point) -> bool:
    """Whether two values in double precision differ."""
    try:
        one, other = quick(first, point), quick(second, point)
        return abs(one - other) > 1e-12 * max(abs(one), abs(other), 1e-3)
    except (ArithmeticError, ValueError):  # a whole part may be larger than any double
        return False


class Judge:
    """What mpmath says of two expressions: values at many real points to 60 digits."""

    def __init__(self) -> None:
        import mpmath

        self.mp: Any = mpmath.mp.clone()
        self.mp.dps = 60

    def value(self, node: Tree, point: Point) -> Any:
        """The real value, None where there is none, or none that 60 digits show."""
        mp, (kind, *parts) = self.mp, node
        if kind == "var":
            return point[parts[0]]
        if kind == "num":
            text = str(parts[0])
            return mp.mpf(10) ** int(text[4:-1]) if text.startswith("10^") else mp.mpf(text)
        values = [self.value(part, point) for part in (parts[:1] if kind == "pow" else parts)]
        if None in values or any(abs(value) > 1e25 for value in values):
            return None
        if kind == "pow":
            return None if not values[0] and parts[1] < 0 else values[0] ** parts[1]
        return self._function(kind, values)

    def _function(self, kind: str, values: list[Any]) -> Any:
        mp, x, y = self.mp, values[0], values[-1]
        if (kind in ("sqrt", "ln", "lb", "fourth") and x < 0) or (kind in ("ln", "lb") and not x):
            return None
        if kind == "div" and (not y or abs(y) < mp.mpf(10) ** -40):
            return None
        if (kind in ("sin", "cos", "tan", "sec") and abs(x) > 1e6) or (kind in ("exp", "tanh", "cosh") and abs(x) > 60):
            return None
        if kind == "raised" and (x <= 0 or abs(y) > 60 or abs(mp.ln(x) * y) > 60):
            return None
        if kind in ("sinh", "twoto") and abs(x) > 60:
            return None
        if (kind in ("tan", "sec") and abs(mp.cos(x)) < 1e-30) or (kind in ("arcsin", "arccos") and abs(x) > 1):
            return None
        if kind in ("floor", "ceil") and 0 < abs(x - mp.nint(x)) < 1e-20:
            return None  # rounded onto the jump or beside it
        return {
            "sqrt": mp.sqrt, "abs": abs, "floor": mp.floor, "ceil": mp.ceil, "sin": mp.sin, "cos": mp.cos, "exp": mp.exp,
            "ln": mp.ln, "neg": lambda x: -x, "tanh": mp.tanh, "square": lambda x: x * x, "arctan": mp.atan,
            "cbrt": lambda x: mp.sign(x) * mp.cbrt(abs(x)), "add": lambda x, y: x + y, "sub": lambda x, y: x - y,
            "mul": lambda x, y: x * y, "div": lambda x, y: x / y, "max": max, "min": min, "tan": mp.tan,
            "arcsin": mp.asin, "arccos": mp.acos, "cosh": mp.cosh, "lb": lambda x: mp.ln(x) / mp.ln(2),
            "fourth": lambda x: mp.root(x, 4), "sinh": mp.sinh, "sec": mp.sec, "twoto": lambda x: mp.mpf(2) ** x,
            "max3": max, "min3": min, "raised": lambda x, y: mp.exp(y * mp.ln(x)),
        }[kind](*values)  # fmt: skip

    def differ(self, first: Tree, second: Tree, rng: random.Random, points: list[Point]) -> dict[str, str] | None:
        """A point at which both have a value, and not the same one, with 60 digits and with 150.

        A look in double precision at many points, and at 60 digits at fewer.
        """
        suspects = [point for point in self.points(rng, 600) if plainly_apart(first, second, point)][:5]
        for point in [*points, *suspects, *self.points(rng, 60)]:
            known = {name: self.mp.mpf(point.get(name, 1)) for name in NAMES}
            if self.apart(first, second, known):
                self.mp.dps = 150
                try:
                    if self.apart(first, second, known):
                        return {name: self.mp.nstr(value, 8) for name, value in known.items()}
                finally:
                    self.mp.dps = 60
        return None

    def apart(self, first: Tree, second: Tree, point: Point) -> bool:
        """Whether both have a value at a point, and they differ by more than roundings of 60 digits."""
        one, other = self.value(first, point), self.value(second, point)
        if one is None or other is None or not (self.mp.isfinite(one) and self.mp.isfinite(other)):
            return False
        return bool(abs(one - other) > self.mp.mpf(10) ** -45 * max(abs(one), abs(other), 1))

    def points(self, rng: random.Random, count: int) -> Iterator[Point]:
        """Points of all sizes, whole ones, and ones close to whole ones."""
        sizes = [10.0**k for k in range(-8, 9)]
        for number in range(count):
            if number % 4 == 0:
                yield {n: rng.uniform(-14, 14) for n in NAMES}
            elif number % 4 == 1:
                yield {n: rng.choice([-1, 1, 1]) * rng.choice(sizes) * rng.uniform(1, 10) for n in NAMES}
            elif number % 4 == 2:
                yield {n: rng.randint(-20, 60) + rng.choice([0, 0, 1e-3, -1e-3, 1e-7, -1e-7]) for n in NAMES}
            else:
                yield {n: rng.choice([rng.uniform(-14, 14), rng.uniform(-1, 1), rng.uniform(-2e3, 2e3)]) for n in NAMES}


def grow(rng: random.Random, depth: int, names: str) -> Tree:
    """A random expression."""
    if depth == 0 or rng.random() < 0.15:
        return ("var", rng.choice(names)) if rng.random() < 0.6 else ("num", rng.choice(CONSTANTS))
    if rng.random() < 0.5:
        return (rng.choice(list(ONE)), grow(rng, depth - 1, names))
    return (rng.choice(list(TWO)), grow(rng, depth - 1, names), grow(rng, depth - 1, names))


def somewhere(rng: random.Random, node: Tree, change: Callable[[Tree], Tree], stop: float = 0.4) -> Tree:
    """A change of some part of a tree."""
    kind, *parts = node
    if kind in ("var", "num", "pow") or rng.random() < stop:
        return change(node)
    which = rng.randrange(len(parts))
    return (kind, *parts[:which], somewhere(rng, parts[which], change, stop), *parts[which + 1 :])


def mutate(rng: random.Random, node: Tree) -> Tree:
    """A small change somewhere in an expression."""
    return somewhere(rng, node, lambda part: _mutated(rng, part))


def _mutated(rng: random.Random, node: Tree) -> Tree:
    kind, *parts = node
    extra = rng.choice([("num", "10^{-12}"), ("num", "10^{-30}"), ("exp", ("neg", ("mul", ("num", 1000), ("var", "x")))),
                        ("exp", ("num", -60)), ("div", ("num", 1), ("num", 10**15))])  # fmt: skip
    changes: list[Tree] = [("neg", node), ("add", node, extra), ("mul", node, ("num", 2)), ("add", node, ("num", 1)),
                           ("mul", node, ("sub", ("num", 1), extra)), ("abs", node), ("sqrt", ("square", node))]  # fmt: skip
    if kind == "num" and isinstance(parts[0], int):
        changes += [("num", parts[0] + 1), ("num", -parts[0])] * 2
    if kind in ONE:
        changes += [parts[0], (rng.choice(list(ONE)), parts[0])] * 2
    if kind in TWO:
        swapped = {"max": "min", "min": "max", "add": "sub", "sub": "add", "mul": "add", "div": "mul"}[kind]
        changes += [parts[0], parts[1], (swapped, *parts), (kind, parts[1], parts[0])]
    return rng.choice(changes)
