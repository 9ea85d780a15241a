r"""Pairs of expressions in whole numbers: factorials, binomial coefficients, divisors, remainders, signs (-1)^n.

``whole`` makes (one, other): a random expression, and the same with one thing changed, such as P(n, k) in place of C(n, k),
a divisor beside the first, or n + 1 in place of n. ``differ`` finds whole numbers at which they have different exact values.
"""

import itertools
import math
import random
from collections.abc import Callable
from fractions import Fraction

from pair_trees import Tree, num, somewhere

LETTERS = "nkm"
Values = dict[str, int]
#: Above them a value is not worked out.
_LARGE = 10**400
_LARGEST = {"fact": 200, "two": 1300, "choose": 3000, "order": 3000}
FORMS = {
    "fact": "(%s)!", "choose": r"\binom{%s}{%s}", "order": "P(%s, %s)", "gcd": r"\gcd(%s, %s)",
    "lcm": r"\operatorname{lcm}(%s, %s)", "part": r"\left\lfloor \frac{%s}{%s} \right\rfloor",
    "upper": r"\left\lceil \frac{%s}{%s} \right\rceil", "sign": "(-1)^{%s}", "two": "2^{%s}", "add": "%s + %s",
    "sub": r"%s - \left(%s\right)", "mul": r"\left(%s\right)\left(%s\right)", "div": r"\frac{%s}{%s}",
    "max": r"\max(%s, %s)", "min": r"\min(%s, %s)", "turn": r"\cos(\pi (%s))", "square": r"\left(%s\right)^2",
    "root": r"\lfloor\sqrt{%s}\rfloor",
}  # fmt: skip
_RANGES = ([1], [*range(1, 500), 720, 1000, 1001, 2310, 5040, 10**4, 10**6 + 3], [*range(1, 40), 97], range(1, 12))
TWO = ("choose", "order", "gcd", "lcm", "part", "upper", "add", "sub", "mul", "div", "max", "min")


def written(node: Tree) -> str:
    """The LaTeX of a tree."""
    kind, *parts = node
    if kind in ("var", "num"):
        return str(parts[0]) if not str(parts[0]).startswith("-") else f"({parts[0]})"
    return FORMS[kind] % tuple(map(written, parts))


def _whole(value: Fraction, least: int = 0) -> int:
    """A value as a whole number of at least so much."""
    if value.denominator != 1 or value < least:
        raise ValueError(value)
    return int(value)


def _order(n: Fraction, k: Fraction) -> int:
    return math.perm(_whole(n), _whole(k))


VALUES: dict[str, Callable[..., Fraction | int]] = {
    "fact": lambda n: math.factorial(_whole(n)),
    "choose": lambda n, k: math.comb(_whole(n), _whole(k)), "order": _order,
    "gcd": lambda n, k: math.gcd(_whole(n, 1), _whole(k, 1)), "lcm": lambda n, k: math.lcm(_whole(n, 1), _whole(k, 1)),
    "part": lambda n, k: math.floor(n / k), "upper": lambda n, k: math.ceil(n / k),
    "sign": lambda n: -1 if _whole(n) % 2 else 1, "turn": lambda n: -1 if _whole(n) % 2 else 1,
    "two": lambda n: 2 ** _whole(n), "add": lambda n, k: n + k, "sub": lambda n, k: n - k, "mul": lambda n, k: n * k,
    "div": lambda n, k: n / k, "max": max, "min": min, "square": lambda n: n * n, "root": lambda n: math.isqrt(math.floor(n)),
}  # fmt: skip


def value(node: Tree, values: Values) -> Fraction:
    """The exact value; ArithmeticError or ValueError where there is none, or a very large one."""
    kind, *parts = node
    if kind == "var":
        return Fraction(values[parts[0]])
    if kind == "num":
        return Fraction(parts[0])
    inner = [value(part, values) for part in parts]
    if inner[0] > _LARGEST.get(kind, _LARGE):
        raise ValueError(inner[0])
    found = Fraction(VALUES[kind](*inner))
    if abs(found) > _LARGE:
        raise ValueError("large")
    return found


def differ(first: Tree, second: Tree) -> Values | None:
    """Whole numbers from 1 on at which both have a value, and not the same one."""
    letters = sorted(_letters(first) | _letters(second))
    for values in itertools.product(_RANGES[len(letters)], repeat=len(letters)):
        point = dict(zip(letters, values, strict=True))
        try:
            if value(first, point) != value(second, point):
                return point
        except (ArithmeticError, ValueError):
            continue
    return None


def _letters(node: Tree) -> set[str]:
    kind, *parts = node
    return {parts[0]} if kind == "var" else set() if kind == "num" else set().union(*map(_letters, parts))


def _line(rng: random.Random, names: str) -> Tree:
    letter: Tree = ("var", rng.choice(names))
    c = num(rng.choice([1, 1, 2, 3, 5, 7]))
    return rng.choice(
        [letter, letter, letter, ("add", letter, c), ("sub", letter, c), ("mul", num(rng.choice([2, 2, 3, 4])), letter),
         ("add", ("mul", num(2), letter), num(1)), ("add", ("square", letter), c), ("add", letter, ("var", rng.choice(names)))]
    )  # fmt: skip


def _grown(rng: random.Random, names: str, depth: int) -> Tree:
    if depth == 0:
        return _line(rng, names) if rng.random() < 0.8 else num(rng.choice([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 30]))
    kind = rng.choice(list(FORMS))
    if kind in ("fact", "sign", "two", "turn"):
        return (kind, _line(rng, names))
    if kind == "choose" or kind == "order":
        return (
            kind,
            _line(rng, names),
            rng.choice([("var", names[-1]), num(rng.choice([2, 3, 4, 5, 6])), _line(rng, names)]),
        )
    if kind in ("part", "upper", "gcd", "lcm") and rng.random() < 0.7:
        return (kind, _grown(rng, names, depth - 1), num(rng.choice([2, 3, 4, 5, 6, 7, 10, 11, 12, 97, 100])))
    if kind in TWO:
        return (kind, _grown(rng, names, depth - 1), _grown(rng, names, rng.choice([0, depth - 1])))
    return (kind, _grown(rng, names, depth - 1))


OTHERS = {
    "fact": ["two", "square"], "choose": ["order", "gcd", "mul"], "order": ["choose", "mul"],
    "gcd": ["lcm", "min"], "lcm": ["mul", "max", "gcd"], "part": ["upper", "div"],
    "upper": ["part", "div"], "sign": ["turn", "two"], "turn": ["sign"], "two": ["square", "fact"], "add": ["max", "lcm", "sub"],
    "sub": ["add"], "mul": ["lcm", "choose", "add"], "div": ["part", "upper", "mul"], "max": ["min", "lcm", "add"],
    "min": ["max", "gcd"], "square": ["fact", "two"], "root": ["two"],
}  # fmt: skip


def _slipped(rng: random.Random, node: Tree) -> Tree:
    kind, *parts = node
    one = num(1)
    if kind == "num":
        n = int(parts[0])
        return num(rng.choice([n + 1, max(1, n - 1), 2 * n, 3 * n, n * n, n + 10]))
    if kind == "var":
        return rng.choice(
            [
                ("add", node, one),
                ("sub", node, one),
                ("mul", num(2), node),
                ("square", node),
                ("var", rng.choice(LETTERS)),
            ]
        )
    same: list[Tree] = [(name, *parts) for name in OTHERS[kind]]
    ways = [*same, *same, parts[0], parts[-1], ("add", node, one), ("mul", node, ("sign", ("var", "n"))), ("mul", num(2), node),
            ("add", node, ("part", ("var", "n"), num(rng.choice([10, 25, 30, 100])))),
            ("mul", node, ("gcd", ("var", "n"), num(rng.choice([7, 11, 23, 29, 97]))))]  # fmt: skip
    if kind == "choose":
        ways += [(kind, parts[0], ("sub", parts[0], parts[1])), (kind, ("add", parts[0], one), parts[1])] * 2
    if kind == "fact":
        ways += [("mul", ("add", parts[0], one), node), ("div", (kind, ("add", parts[0], one)), parts[0])] * 2
    return rng.choice(ways)


def whole(rng: random.Random) -> tuple[Tree, Tree]:
    """Two expressions in whole numbers that should differ."""
    first = _grown(rng, rng.choice(["n", "n", "nk", "nk", "nkm"]), rng.choice([1, 1, 2, 2, 3]))
    return first, somewhere(rng, first, lambda part: _slipped(rng, part), 0.4)
