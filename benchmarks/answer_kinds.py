r"""Random answers of six kinds, each with what it means, worked out exactly: equal pairs as well as pairs that differ.

    numbers       rationals, roots and multiples of \pi: decimals, mixed numbers, fractions that are not reduced
    quantities    a number and a unit, converted
    solutions     1, -2 or x = 1 or x = -2, \pm 1, \{1, -2\}; pairs as (1, 2), x = 1, y = 2 or \{(1, 2)\}
    conditions    x < 2, |x| < 3, intervals, unions, two of them joined by and or or
    equations     curves of degree 2 in x and y, a term on the other side, multiplied, solved for y
    inequalities  the same with <, >, \le and \ge

Every kind of :data:`KINDS` makes (text, text, whether they mean the same).
"""

import random
from collections.abc import Callable
from fractions import Fraction
from math import gcd

Pair = tuple[str, str, bool]
Rng = random.Random


def _signed(value: Fraction, text: str) -> str:
    return f"-{text}" if value < 0 else text


def fraction(rng: Rng, value: Fraction) -> str:
    """A rational number in one of its spellings."""
    n, d = abs(value).numerator, abs(value).denominator
    if d == 1:
        return str(value)
    ways = [rf"\frac{{{n}}}{{{d}}}", f"{n}/{d}", rf"\dfrac{{{2 * n}}}{{{2 * d}}}"]
    if n > d:
        ways.append(rf"{n // d}\frac{{{n % d}}}{{{d}}}")
    if not 10**6 % d:
        ways.append(f"{n / d:.6f}".rstrip("0"))
    return _signed(value, rng.choice(ways))


# numbers

Number = tuple[Fraction, Fraction, int, int]  # (a + b sqrt(r)) pi^k


def _root(rng: Rng, factor: Fraction, radicand: int) -> str:
    n, d = abs(factor).numerator, abs(factor).denominator
    top = rng.choice([f"{n if n > 1 else ''}\\sqrt{{{radicand}}}", f"\\sqrt{{{n * n * radicand}}}"])
    return _signed(factor, top if d == 1 else f"\\frac{{{top}}}{{{d}}}")


def _joined(first: str, second: str) -> str:
    return first + second if second.startswith("-") else f"{first}+{second}"


def _number(rng: Rng, value: Number) -> str:
    a, b, radicand, power = value
    pi = r"\pi" * power
    if not b and power:
        n, d = abs(a).numerator, abs(a).denominator
        top = f"{n if n > 1 else ''}{pi}"
        return "0" if not a else _signed(a, top if d == 1 else f"\\frac{{{top}}}{{{d}}}")
    if not b:
        return fraction(rng, a)
    if not a:
        return _root(rng, b, radicand) + pi
    d = a.denominator * b.denominator // gcd(a.denominator, b.denominator)
    over = f"\\frac{{{_joined(str(a * d), _root(rng, b * d, radicand))}}}{{{d}}}"
    parts = [fraction(rng, a), _root(rng, b, radicand)]
    rng.shuffle(parts)
    text = rng.choice([_joined(*parts), over])
    return rf"\left({text}\right){pi}" if power else text


def numbers(rng: Rng) -> Pair:
    a = Fraction(rng.choice([0, 0, 1, 2, 3, -1, -2, 5, 7, 12, -5]), rng.choice([1, 1, 1, 2, 3, 4, 5, 6, 8]))
    b = Fraction(rng.choice([0, 0, 0, 1, -1, 2, 3]), rng.choice([1, 1, 2, 3]))
    first = a, b, rng.choice([2, 3, 5, 6]), rng.choice([0, 0, 0, 0, 1])
    a, b, radicand, power = first
    changes = [
        (-a, b, radicand, power), (a, -b, radicand, power), (a + rng.choice([1, Fraction(1, 6)]), b, radicand, power),
        (a, b + rng.choice([1, Fraction(-1, 2)]), radicand, power), (a, b, radicand, 1 - power),
        (a, b, {2: 3, 3: 5, 5: 6, 6: 2}[radicand], power),
    ]  # fmt: skip
    second = rng.choice([first, rng.choice(changes)])

    def meaning(value: Number) -> tuple[object, ...]:
        a, b, radicand, power = value
        return a, b, radicand if b else 1, power if a or b else 0

    return _number(rng, first), _number(rng, second), meaning(first) == meaning(second)


# quantities

UNITS: list[dict[str, Fraction | int]] = [
    {"m": 1, "km": 1000, "cm": Fraction(1, 100), "mm": Fraction(1, 1000), "meters": 1, "kilometers": 1000},
    {"s": 1, "seconds": 1, "minutes": 60, "min": 60, "hours": 3600, "ms": Fraction(1, 1000), "days": 86400},
    {"g": 1, "kg": 1000, "grams": 1, "kilograms": 1000, "mg": Fraction(1, 1000)},
    {"m/s": 1, "km/h": Fraction(5, 18), "km/s": 1000, "cm/s": Fraction(1, 100)},
    {"m^2": 1, "cm^2": Fraction(1, 10**4), "km^2": 10**6, "square meters": 1},
    {"J": 1, "kJ": 1000, "joules": 1}, {"N": 1, "kN": 1000, "newtons": 1}, {"W": 1, "kW": 1000, "J/s": 1},
    {"apples": 1}, {"dollars": 1},
]  # fmt: skip


def quantities(rng: Rng) -> Pair:
    """A unit may be missing on one side; two units have to agree."""
    kind, other = rng.choice(UNITS), rng.choice(UNITS)
    unit, size = rng.choice(list(kind.items()))
    value = Fraction(rng.choice([1, 2, 3, 5, 12, 60, 36, 100, 250, 3600]), rng.choice([1, 1, 1, 2, 4, 10]))
    wrong = Fraction(rng.choice([1, 1, 10, 1000, 60]))
    draw = rng.random()
    if draw < 0.5:
        second, its = rng.choice(list(kind.items()))
        answer, same = value * size / its * wrong, wrong == 1
    elif draw < 0.75:
        second, its = rng.choice(list(other.items()))
        answer, same = value, kind is other and size == its
    else:
        second, answer, same = "", value * wrong, wrong == 1

    def text(value: Fraction, unit: str) -> str:
        name, _, power = unit.partition("^")
        return fraction(rng, value) + (rf" \text{{ {name}}}" + (f"^{power}" if power else "") if unit else "")

    return text(value, unit), text(answer, second), same


# solutions

VALUES = ["1", "-1", "2", "-2", "3", "0", r"\frac{1}{2}", r"\sqrt{2}", r"-\sqrt{2}", "5", "12", "1+i", "1-i"]


def _of_one(rng: Rng, values: frozenset[str]) -> str:
    listed = sorted(values)
    rng.shuffle(listed)
    ways = [
        ", ".join(listed), ", ".join(f"x={v}" for v in listed), " or ".join(f"x={v}" for v in listed),
        rf"\{{{', '.join(listed)}\}}", rf"x\in\{{{', '.join(listed)}\}}", r" \text{ or } ".join(listed),
        r" \text{ and } ".join(listed), "x = " + ", ".join(listed),
    ]  # fmt: skip
    ways += [f"\\pm {v}" for v in values if values == {v, f"-{v}"}] * 4 + ["1 \\pm i"] * (
        4 * (values == {"1+i", "1-i"})
    )
    return rng.choice(ways)


def _of_two(rng: Rng, pairs: list[tuple[str, str]]) -> str:
    listed = [*pairs]
    rng.shuffle(listed)
    points, named = [f"({x}, {y})" for x, y in listed], [f"x={x}, y={y}" for x, y in listed]
    return rng.choice(
        [", ".join(points), " or ".join(points), " or ".join(named), rf"\{{{', '.join(points)}\}}", "; ".join(named),
         "(x,y)=" + ", ".join(points)]
    )  # fmt: skip


def solutions(rng: Rng) -> Pair:
    if rng.random() < 0.5:
        first = frozenset(rng.sample(VALUES, rng.choice([1, 2, 2, 3])))
        changed = first - {rng.choice(sorted(first))} | {rng.choice(VALUES)}
        second = rng.choice([first, changed, frozenset(rng.sample(VALUES, 2))])
        return _of_one(rng, first), _of_one(rng, second), first == second
    pairs = [(rng.choice(VALUES[:6]), rng.choice(VALUES[:6])) for _ in range(rng.choice([1, 1, 2, 2, 3]))]
    pairs = list(dict.fromkeys(pairs))
    others, at = [*pairs], rng.randrange(len(pairs))
    way = rng.randrange(4)
    if way == 0:
        others[at] = others[at][1], others[at][0]
    elif way == 1:
        others[at] = rng.choice(VALUES[:6]), others[at][1]
    elif way == 2 and len(others) > 1:  # every value occurs, but not beside the same
        others[:2] = (others[0][0], others[1][1]), (others[1][0], others[0][1])
    return _of_two(rng, pairs), _of_two(rng, others), set(pairs) == set(others)


# conditions

Holds = Callable[[Fraction], bool]
PLACES = [*(Fraction(k, 8) for k in range(-80, 81)), Fraction(10**6), Fraction(-(10**6)), Fraction(1, 1000)]


def _condition(rng: Rng) -> tuple[str, Holds]:
    a, b = sorted(rng.sample(range(-4, 6), 2))
    left, right = rng.choice([("(", "<"), ("[", r"\le ")]), rng.choice([(")", "<"), ("]", r"\le ")])

    def inside(x: Fraction) -> bool:
        return (a < x or (a == x and left[0] == "[")) and (x < b or (x == b and right[0] == "]"))

    product = "".join(f"(x{'-' if c >= 0 else '+'}{abs(c)})" for c in (a, b))
    ways: list[tuple[str, Holds]] = [
        (rf"x<{a}", lambda x: x < a), (rf"x\ge {a}", lambda x: x >= a), (rf"{a}>x", lambda x: x < a),
        (rf"x\ne {a}", lambda x: x != a), (rf"{a}{left[1]}x{right[1]}{b}", inside),
        (rf"x\in {left[0]}{a},{b}{right[0]}", inside), (rf"x\in (-\infty,{a}]", lambda x: x <= a),
        (rf"x\in ({a},\infty)", lambda x: x > a), (rf"|x|<{abs(b) + 1}", lambda x: abs(x) < abs(b) + 1),
        (rf"|x|\ge {abs(a) + 1}", lambda x: abs(x) >= abs(a) + 1), (rf"{product}<0", lambda x: a < x < b),
        (rf"{product}\ge 0", lambda x: x <= a or x >= b), (rf"3x>{a}", lambda x: 3 * x > a), (rf"-2x<{a}", lambda x: -2 * x < a),
        (rf"x\in (-\infty,{a})\cup({b},\infty)", lambda x: x < a or x > b), (rf"x\in\{{{a},{b}\}}", lambda x: x in (a, b)),
        (rf"x\in\mathbb{{R}}\setminus\{{{a}\}}", lambda x: x != a), (rf"x^2<{a * a}", lambda x: x * x < a * a),
        (rf"x\in ({a},{b})\cap({a + 1},{b + 2})", lambda x: a + 1 < x < b),
    ]  # fmt: skip
    text, holds = rng.choice(ways)
    draw = rng.random()
    if draw < 0.25:
        text2, holds2 = rng.choice(ways)
        return rng.choice([f"{text} or {text2}", rf"{text} \text{{ or }} {text2}"]), lambda x: holds(x) or holds2(x)
    if draw < 0.5:
        text2, holds2 = rng.choice(ways)
        return rng.choice([f"{text} and {text2}", rf"{text} \text{{ and }} {text2}"]), lambda x: holds(x) and holds2(x)
    return text, holds


def conditions(rng: Rng) -> Pair:
    """Equal ones are rare by chance, so that a second one is drawn until it holds at the same places, or in vain."""
    text, holds = _condition(rng)
    places = [holds(x) for x in PLACES]
    draws = rng.choice([1, 60])
    for _ in range(draws):
        other, holds2 = _condition(rng)
        if (same := [holds2(x) for x in PLACES] == places) and other != text:
            break
    return text, other, same


# equations and inequalities

Curve = dict[tuple[int, int], Fraction]
MONOMIALS = [(0, 0), (1, 0), (0, 1), (2, 0), (1, 1), (0, 2)]
TURNED = {"<": ">", ">": "<", r"\le ": r"\ge ", r"\ge ": r"\le ", "=": "="}


def _sum(rng: Rng, curve: Curve) -> str:
    terms = [(powers, c) for powers, c in curve.items() if c]
    rng.shuffle(terms)
    text = ""
    for (x, y), c in terms:
        letters = ("x" if x == 1 else f"x^{x}" if x else "") + ("y" if y == 1 else f"y^{y}" if y else "")
        size = "" if abs(c) == 1 and letters else f"\\frac{{{abs(c).numerator}}}{{{c.denominator}}}"
        size = str(abs(c)) if size and c.denominator == 1 else size
        text += ("-" if c < 0 else "+" if text else "") + size + letters
    return text or "0"


def _curve(rng: Rng) -> Curve:
    curve = {powers: Fraction(0) for powers in MONOMIALS}
    for powers in rng.sample(MONOMIALS, rng.choice([2, 2, 3, 3, 4])):
        curve[powers] = Fraction(rng.choice([1, 1, -1, 2, -2, 3, 4, -3, 6]))
    if not any(list(curve.values())[1:]):
        curve[1, 0] = Fraction(1)
    return curve


def _relation(rng: Rng, curve: Curve, sign: str) -> str:
    factor = Fraction(rng.choice([1, 1, -1, 2, -3]), rng.choice([1, 1, 1, 2, 5]))
    sign = TURNED[sign] if factor < 0 else sign
    curve = {powers: c * factor for powers, c in curve.items()}
    left = {powers: c for powers, c in curve.items() if rng.random() < 0.5}
    right = {powers: -c for powers, c in curve.items() if powers not in left}
    ways = [
        f"{_sum(rng, curve)}{sign}0",
        f"0{TURNED[sign]}{_sum(rng, curve)}",
        f"{_sum(rng, left)}{sign}{_sum(rng, right)}",
    ]
    if sign == "=" and curve[0, 1] and not curve[1, 1] and not curve[0, 2]:
        ways.append("y=" + _sum(rng, {powers: -c / curve[0, 1] for powers, c in curve.items() if powers != (0, 1)}))
    return rng.choice(ways)


def _meaning(curve: Curve, sign: str) -> tuple[object, ...]:
    lead = next(c for powers in reversed(MONOMIALS) if (c := curve[powers]))
    return (*(curve[powers] / lead for powers in MONOMIALS), TURNED[sign] if lead < 0 else sign)


def _always(curve: Curve) -> bool:
    """Whether a curve of one variable has no two zeros: then it says the same as others do."""
    for square, line, rest in (((2, 0), (1, 0), ((0, 1), (1, 1), (0, 2))), ((0, 2), (0, 1), ((1, 0), (1, 1), (2, 0)))):
        if not any(curve[powers] for powers in rest) and curve[square]:
            return curve[line] ** 2 <= 4 * curve[square] * curve[0, 0]
    return False


def _related(rng: Rng, signs: list[str]) -> Pair:
    while True:
        first, sign = _curve(rng), rng.choice(signs)
        second, other, at = dict(first), sign, rng.choice(MONOMIALS)
        way = rng.randrange(5)
        if way == 0:
            second[at] += rng.choice([1, -1, 2])
        elif way == 1:
            second[at] = -second[at]
        elif way == 2:
            other = rng.choice(signs)
        if any(list(second.values())[1:]) and not (len(signs) > 1 and (_always(first) or _always(second))):
            same = _meaning(first, sign) == _meaning(second, other)
            return _relation(rng, first, sign), _relation(rng, second, other), same


def equations(rng: Rng) -> Pair:
    return _related(rng, ["="])


def inequalities(rng: Rng) -> Pair:
    return _related(rng, ["<", ">", r"\le ", r"\ge "])


KINDS: dict[str, Callable[[Rng], Pair]] = {
    "numbers": numbers, "quantities": quantities, "solutions": solutions, "conditions": conditions,
    "equations": equations, "inequalities": inequalities,
}  # fmt: skip
