r"""Random pairs of expressions in several styles.

Every kind of :data:`KINDS` makes (one, other, points): two trees that should differ, and points at which they may.

    grown      a random tree, and the same with a small change somewhere
    bumps      the other has a term more that is zero, or next to nothing, except in one place
    slips      what is written in textbooks, with one number, sign or function that is another
    inverses   a function and its inverse left out where that is not allowed: \sqrt{f^2} and f, \arcsin(\sin f) and f
    clamps     two unlike expressions behind the same large maximum or minimum, so that they agree nearly everywhere
    wild       many functions, three sides of a maximum, powers of powers; a part is replaced by something else
    scales     tiny and huge factors, shifts by 10^{-12} before a floor, powers that explode

``rewritten`` makes pairs that are equal wherever either has a value.
"""

import random
from collections.abc import Callable

from pair_trees import NAMES, TWO, Point, Tree, X, Y, grow, mutate, num, somewhere, ten

Pair = tuple[Tree, Tree, list[Point]]


def grown(rng: random.Random) -> Pair:
    first = grow(rng, rng.choice([2, 3, 3, 4]), rng.choice(["x", "x", "xy", "xyt"]))
    second = mutate(rng, first)
    return first, mutate(rng, second) if rng.random() < 0.2 else second, []


# bumps


def _line(rng: random.Random, name: str, root: float) -> Tree:
    """Something that changes its sign at a place."""
    shifted = ("sub", ("var", name), num(root))
    return rng.choice(
        [shifted, ("mul", num(rng.choice([2, 3, 0.5, 10])), shifted), ("mul", shifted, num(rng.choice([3, 7, 100])))]
    )


def bumps(rng: random.Random) -> Pair:
    name = rng.choice(NAMES)
    at = rng.choice(
        [rng.randint(-12, 12), rng.choice([-1, 1]) * rng.choice([0.25, 0.5, 2.5, 20, 40, 50, 100, 1000, 10**4])]
    )
    line, v = _line(rng, name, at), ("var", name)
    side = rng.choice([-1, 1])
    far = ("mul", num(side), line)
    width = rng.choice([1, 2, 5, 0.5, 0.1])
    bump, where = rng.choice(
        [
            (("max", num(0), far), at + side),
            (("min", far, num(0)), at - side),
            (("sub", ("abs", far), far), at - side),
            (("add", far, ("sqrt", ("square", line))), at + side),
            (("max", num(0), ("sub", num(width), ("abs", ("sub", v, num(at))))), at + width / 4),
            (("floor", ("div", num(1), ("add", num(1), ("square", ("sub", v, num(at)))))), at),
            (("exp", ("mul", num(-rng.choice([3, 40, 1000])), ("abs", ("sub", v, num(at))))), at + 1e-4),
            (("exp", ("mul", num(side * rng.choice([1, 30, 1000])), v)), 0.01 * side),
            (("max", num(0), ("sub", ("mul", X, Y), num(abs(at) + 1))), None),
            (("min", num(0), ("add", ("add", X, Y), num(abs(at) + 1))), None),
            (("max", num(0), ("sub", ("sin", v), num(rng.choice([0.5, 0.9, 0.99])))), 1.5707),
            (("max", num(0), ("sub", ("div", num(1), ("square", ("sub", v, num(at)))), num(rng.choice([10, 1000])))), at + 0.01),
            (("max", num(0), ("sub", ("div", num(width), ("sub", v, num(at))), num(rng.choice([10, 500])))), at + 1e-3),
            (("max", num(0), ("sub", ("ln", ("abs", v)), num(rng.choice([1, 5, 9])))), 1e5),
            (("max", num(0), ("sub", ("exp", v), num(rng.choice([5, 100, 10**5])))), 14),
            (("mul", ten(-rng.choice([6, 9, 12, 20, 30])), ("pow", v, rng.choice([1, 2, 3]))), 3),
            (("div", ("pow", v, rng.choice([20, 40])), ten(rng.choice([12, 30, 60]))), 3),
            (("floor", ("div", ("abs", v), num(rng.choice([20, 100, 1000])))), 5000),
            (("min", num(1), ("floor", ("sqrt", ("abs", ("div", v, num(30)))))), 100),
        ]
    )  # fmt: skip
    base = grow(rng, rng.choice([1, 2, 2, 3]), rng.choice(["x", "xy", name]))
    ways = [
        lambda node: ("add", node, bump),
        lambda node: ("mul", node, ("add", num(1), bump)),
        lambda node: ("sub", node, bump),
    ]
    places: list[Point] = []
    if where is not None:
        places = [
            {**{n: rng.choice([1, 2, 0.5, -3, 5, 30]) for n in NAMES}, name: where + rng.uniform(-1, 1) * 1e-5}
            for _ in range(30)
        ]
    return base, somewhere(rng, base, rng.choice(ways), 0.6), places


# slips


def _linear(rng: random.Random, names: str) -> Tree:
    a, b = rng.choice([1, 1, 2, 3, 5, -1, -2, 0.5, 10, 100]), rng.choice([0, 1, 2, 3, 7, -1, -4, 0.5, 12, 100, 1000])
    v = ("var", rng.choice(names))
    first = v if a == 1 else ("mul", num(a), v)
    if rng.random() < 0.2:
        first = ("add", first, ("var", rng.choice(names)))
    return first if not b else ("add", first, num(b)) if b > 0 else ("sub", first, num(-b))


def _argument(rng: random.Random, names: str) -> Tree:
    v = ("var", rng.choice(names))
    line = _linear(rng, names)
    return rng.choice(
        [line, line, line, ("square", line), ("sub", ("square", v), num(rng.choice([1, 2, 4, 9, 100]))),
         ("add", ("square", v), line), ("sub", ("pow", v, 3), line), ("div", line, num(rng.choice([2, 3, 4, 7, 60]))),
         ("div", num(rng.choice([1, 6, 100])), line), ("div", line, _linear(rng, names)), ("exp", v), ("ln", v),
         ("sin", line), ("mul", v, line), ("exp", ("neg", v)), ("cos", v), ("sqrt", line), ("abs", line), ("lb", v)]
    )  # fmt: skip


def _textbook(rng: random.Random, names: str) -> Tree:
    def f() -> Tree:
        return _argument(rng, names)

    outer = rng.choice(["abs", "floor", "ceil", "sqrt", "cbrt", "max", "min", "max", "min", "abs", "fourth"])
    core = (outer, f(), f()) if outer in TWO else (outer, f())
    return rng.choice(
        [core, core, ("add", core, f()), ("mul", core, f()), ("sub", f(), core), ("div", core, f()), ("square", core),
         ("max", core, f()), ("min", core, f()), ("abs", ("sub", core, f())), ("add", core, ("abs", f())),
         ("sqrt", ("abs", core)), ("floor", ("div", core, num(3))), ("max", ("min", core, f()), f()),
         ("exp", ("neg", ("abs", core))), ("ceil", core), ("tanh", core), ("arctan", core)]
    )  # fmt: skip


def _slipped(rng: random.Random, node: Tree) -> Tree:
    kind, *parts = node
    if kind == "num":
        n = parts[0]
        return num(rng.choice([n + 1, n - 1, n + 0.5, n * 10, -n, n + 0.001]))
    if kind == "var":
        return rng.choice([("neg", node), ("abs", node), ("add", node, num(1)), ("mul", num(2), node), ("cbrt", node)])
    other = {"abs": ["neg", "cbrt"], "floor": ["ceil", "abs"], "ceil": ["floor"], "max": ["min", "add"], "min": ["max"],
             "sqrt": ["cbrt", "fourth"], "add": ["sub", "max"], "sub": ["add"], "sin": ["cos"], "exp": ["cosh"]}  # fmt: skip
    ways: list[Tree] = [parts[0], ("abs", node), ("neg", node)]
    ways += [(name, *parts) for name in other.get(kind, [])] * 2
    if kind == "pow":
        ways = [("pow", parts[0], parts[1] + 1), ("pow", parts[0], parts[1] - 1)]
    return rng.choice(ways)


def slips(rng: random.Random) -> Pair:
    names = rng.choice(["x", "x", "y", "xy", "xyt"])
    first = _textbook(rng, names)
    return first, somewhere(rng, first, lambda part: _slipped(rng, part), 0.3), []


# inverses


def _left_out(rng: random.Random, node: Tree) -> tuple[Tree, Tree]:
    """An expression as it stands, and what a hasty rule makes of it."""
    f = node
    half = num(0.5)
    g = _linear(rng, "xy")
    return rng.choice(
        [(("sqrt", ("square", f)), f), (("fourth", ("pow", f, 4)), f), (("arcsin", ("sin", f)), f),
         (("arccos", ("cos", f)), f), (("arctan", ("tan", f)), f), (("ln", ("square", f)), ("mul", num(2), ("ln", f))),
         (("ln", ("cosh", f)), f), (("abs", f), f), (("abs", ("add", f, g)), ("add", ("abs", f), ("abs", g))),
         (("floor", ("mul", num(2), f)), ("mul", num(2), ("floor", f))), (("ceil", f), ("add", ("floor", f), num(1))),
         (("floor", ("add", f, half)), ("ceil", ("sub", f, half))), (("max", f, ("neg", f)), f), (("floor", f), f),
         (("max", ("square", f), ("square", g)), ("square", ("max", f, g))), (("max", f, g), ("max", ("abs", f), g)),
         (("neg", ("floor", f)), ("floor", ("neg", f))), (("sqrt", ("mul", f, f)), f), (("abs", ("cbrt", f)), ("cbrt", f)),
         (("floor", ("abs", f)), ("abs", ("floor", f))), (("min", f, num(1)), ("tanh", f)),
         (("add", ("arctan", f), ("arctan", ("div", num(1), f))), ("arcsin", num(1))),
         (("floor", ("add", f, g)), ("add", ("floor", f), ("floor", g))), (("max", ("mul", f, g), f), ("mul", f, ("max", g, num(1)))),
         (("sqrt", ("mul", ("square", f), ("square", g))), ("mul", f, ("abs", g))), (("div", ("abs", f), f), num(1)),
         (("floor", ("div", ("floor", f), num(2))), ("floor", ("div", f, num(2)))) if rng.random() < 0.2 else (("floor", ("div", ("ceil", f), num(2))), ("floor", ("div", f, num(2))))]
    )  # fmt: skip


def inverses(rng: random.Random) -> Pair:
    names = rng.choice(["x", "x", "xy"])
    inner = rng.choice([_linear, _argument])(rng, names)
    if rng.random() < 0.3:
        inner = grow(rng, 2, names)
    one, other = _left_out(rng, inner)
    for _ in range(rng.choice([0, 1, 1, 2])):
        extra = _argument(rng, names)
        wrap = rng.choice(
            [lambda n, e: ("add", n, e), lambda n, e: ("mul", e, n), lambda n, e: ("max", e, n), lambda n, e: ("min", n, e),
             lambda n, _: ("exp", ("neg", n)), lambda n, e: ("div", e, ("add", num(1), ("abs", n))),
             lambda n, _: ("sqrt", ("abs", n)), lambda n, _: ("floor", n), lambda n, _: ("arctan", n)]
        )  # fmt: skip
        one, other = wrap(one, extra), wrap(other, extra)
    return one, other, []


# clamps


def clamps(rng: random.Random) -> Pair:
    names = rng.choice(["x", "x", "xy", "yt"])
    f, g = (rng.choice([_argument(rng, names), grow(rng, 2, names), _textbook(rng, names)]) for _ in range(2))
    if rng.random() < 0.4:
        g = somewhere(rng, f, lambda part: _slipped(rng, part), 0.3)
    c = num(rng.choice([4, 10, 50, 100, 1000, 10**4, 10**6]))
    low, high = rng.choice([("max", "min"), ("min", "max")])
    if low == "min":
        c = ("neg", c)
    outer = rng.choice(["", "", "sin", "sqrt", "ln", "neg", "arctan", "floor"])
    one, other = (low, c, f), (low, g, c)
    if rng.random() < 0.3:
        one, other = (high, ("div", c, num(2)), one), (high, ("div", c, num(2)), other)
        one, other = ("add", one, f), ("add", other, f)
    if rng.random() < 0.3:
        other = c
    return ((outer, one), (outer, other), []) if outer else (one, other, [])


# scales


def scales(rng: random.Random) -> Pair:
    names = rng.choice(["x", "x", "xy", "xyt"])
    f, g = _argument(rng, names), _linear(rng, names)
    tiny = ten(-rng.choice([6, 9, 10, 12, 15, 18, 24, 30]))
    k = rng.choice([12, 100, 1000, 10**4])
    one, other = rng.choice(
        [(f, ("add", f, ("mul", tiny, g))), (f, ("mul", f, ("add", num(1), tiny))), (f, ("add", f, tiny)),
         (f, ("add", f, ("exp", ("mul", num(-k), ("abs", g))))), (f, ("add", f, ("exp", ("mul", num(-k), g)))),
         (("tanh", ("mul", num(k), g)), num(1)), (("tanh", ("mul", num(k), g)), ("div", ("abs", g), g)),
         (("max", f, g), ("max", f, ("add", g, tiny))), (("max", f, g), ("max", f, ("mul", g, ("sub", num(1), tiny)))),
         (("floor", f), ("floor", ("add", f, tiny))), (("ceil", f), ("ceil", ("sub", f, tiny))),
         (("floor", g), ("floor", ("mul", g, ("sub", num(1), tiny)))), (("abs", f), ("sqrt", ("add", ("square", f), tiny))),
         (("exp", ("mul", num(k), g)), ("exp", ("mul", num(k), ("add", g, tiny)))), (("cbrt", f), ("cbrt", ("add", f, tiny))),
         (("sqrt", ("abs", f)), ("sqrt", ("add", tiny, ("abs", f)))), (f, ("div", f, ("add", num(1), ("exp", ("neg", ("square", ("mul", num(k), g))))))),
         (("min", num(1), ("abs", ("mul", num(k), g))), num(1)), (("min", num(k), ("exp", g)), ("min", num(k), ("exp", ("add", g, tiny)))),
         (("add", ("pow", g, rng.choice([12, 40])), num(1)), ("pow", g, 12)), (("sin", ("mul", num(k), f)), ("sin", ("mul", num(k + 1), f)))]
    )  # fmt: skip
    if rng.random() < 0.4:
        extra = _argument(rng, names)
        wrap = rng.choice(
            [lambda n: ("add", n, extra), lambda n: ("max", extra, n), lambda n: ("mul", extra, n), lambda n: ("cos", n),
             lambda n: ("abs", n), lambda n: ("sqrt", ("abs", n)), lambda n: ("floor", n), lambda n: ("min", n, extra)]
        )  # fmt: skip
        one, other = wrap(one), wrap(other)
    near = [{n: rng.randint(-9, 9) - rng.choice([0, 1e-13, 1e-7]) for n in NAMES} for _ in range(20)]
    return one, other, near


# wild


def _wild(rng: random.Random, depth: int, names: str) -> Tree:
    if depth == 0 or rng.random() < 0.1:
        if rng.random() < 0.65:
            return ("var", rng.choice(names))
        return num(rng.choice([0, 1, 2, 3, 0.5, 0.1, 1.5, -1, -2, -7, 8, 25, 60, 365, 10**4, -500]))

    def part() -> Tree:
        return _wild(rng, depth - 1, names)

    one = [
        "sqrt",
        "abs",
        "floor",
        "ceil",
        "sin",
        "cos",
        "exp",
        "ln",
        "neg",
        "tanh",
        "arctan",
        "cbrt",
        "tan",
        "cosh",
        "lb",
        "sinh",
        "sec",
        "twoto",
        "fourth",
        "abs",
        "floor",
    ]
    two = ["add", "sub", "mul", "div", "max", "min", "add", "mul", "max", "min", "raised"]
    draw = rng.random()
    if draw < 0.36:
        return (rng.choice(one), part())
    if draw < 0.46:
        return ("pow", part(), rng.choice([2, 2, 3, 4, -1, -2, 5]))
    if draw < 0.56:
        return (rng.choice(["max3", "min3"]), part(), part(), part())
    return (rng.choice(two), part(), part())


def wild(rng: random.Random) -> Pair:
    names = rng.choice(["x", "y", "xy", "xyt"])
    first = _wild(rng, rng.choice([2, 2, 3, 3, 4]), names)

    def other(part: Tree) -> Tree:
        fresh = _wild(rng, 1, names)
        return rng.choice(
            [fresh, ("max", part, fresh), ("min", fresh, part), ("add", part, fresh), ("mul", part, fresh), ("abs", part),
             ("add", part, ("max", num(0), fresh)), ("sub", part, ("floor", fresh)), ("max3", part, fresh, part),
             ("neg", part), ("add", part, ten(-rng.choice([3, 7, 13]))), ("mul", part, ("sub", num(1), ("exp", ("neg", ("square", fresh)))))]
        )  # fmt: skip

    second = somewhere(rng, first, other, 0.35)
    if rng.random() < 0.25:
        bound = num(rng.choice([-100, -3, 0, 1, 20, 1000]))
        kind = rng.choice(["max", "min"])
        first, second = (kind, bound, first), (kind, second, bound)
    return first, second, []


KINDS: dict[str, Callable[[random.Random], Pair]] = {
    "grown": grown, "bumps": bumps, "slips": slips, "inverses": inverses, "clamps": clamps, "scales": scales,
    "wild": wild,
}  # fmt: skip


# equal pairs


def rewritten(rng: random.Random) -> tuple[Tree, Tree]:
    """An expression and the same in other words."""
    names = rng.choice(["x", "x", "xy", "xyt"])
    first = rng.choice([_textbook(rng, names), _textbook(rng, names), grow(rng, rng.choice([2, 3]), names)])
    second = _reworded(rng, first)
    return first, second


def _reworded(rng: random.Random, node: Tree) -> Tree:
    kind, *parts = node
    if kind in ("var", "num"):
        return node
    inner = [part if kind == "pow" and k else _reworded(rng, part) for k, part in enumerate(parts)]
    f, g = inner[0], inner[-1]
    same: Tree = (kind, *inner)
    ways: dict[str, list[Tree]] = {
        "max": [("max", g, f), ("neg", ("min", ("neg", f), ("neg", g))), ("add", f, ("max", num(0), ("sub", g, f))),
                ("div", ("add", ("add", f, g), ("abs", ("sub", f, g))), num(2)), ("max", f, ("max", g, f))],
        "min": [("min", g, f), ("sub", ("add", f, g), ("max", f, g)), ("neg", ("max", ("neg", g), ("neg", f)))],
        "abs": [("max", f, ("neg", f)), ("sqrt", ("square", f)), ("abs", ("neg", f))],
        "floor": [("neg", ("ceil", ("neg", f))), ("sub", ("floor", ("add", f, num(1))), num(1))],
        "ceil": [("neg", ("floor", ("neg", f))), ("add", ("ceil", ("sub", f, num(2))), num(2))],
        "sqrt": [("div", ("sqrt", ("mul", num(4), f)), num(2))], "add": [("add", g, f)], "mul": [("mul", g, f)],
        "sub": [("add", ("neg", g), f)], "square": [("mul", f, f), ("square", ("neg", f))],
        "exp": [("square", ("exp", ("div", f, num(2))))], "cbrt": [("neg", ("cbrt", ("neg", f)))],
        "sin": [("neg", ("sin", ("neg", f)))], "cos": [("cos", ("neg", f))], "div": [("mul", f, ("div", num(1), g))],
    }  # fmt: skip
    return rng.choice([same, *ways.get(kind, [])])
