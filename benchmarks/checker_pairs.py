"""Made-up pairs that the golden-answer checker must not believe, and pairs that it must not refuse.

    python benchmarks/checker_pairs.py                              expressions, mutated golds, universal answers
    python benchmarks/checker_pairs.py --pairs 300000 --seed 7      as many pairs of expressions
    python benchmarks/checker_pairs.py --golds answers.jsonl        real golds to mutate (JSONL with "gold")

Pairs of expressions are a random expression and a small change of it: another number, a minimum for a maximum, an absolute
value left out, a tiny or a fast term more. Where the checker believes such a pair, mpmath looks at both at hundreds of
points to 60 digits; only a pair that differs there counts. Needs mpmath (pip install 's2r-rewards[symbolic]').
"""

import itertools
import json
import random
import re
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import kit

from s2r_rewards.answers import CheckPolicy, check

POLICY = CheckPolicy(symbolic="never")
Tree = tuple[Any, ...]
NAMES = "xyt"
ONE = {"sqrt": r"\sqrt{%s}", "abs": r"\left|%s\right|", "floor": r"\lfloor %s \rfloor", "ceil": r"\lceil %s \rceil",
       "sin": r"\sin(%s)", "cos": r"\cos(%s)", "exp": r"e^{%s}", "ln": r"\ln(%s)", "neg": "-(%s)", "tanh": r"\tanh(%s)",
       "square": "(%s)^2", "arctan": r"\arctan(%s)", "cbrt": r"\sqrt[3]{%s}"}  # fmt: skip
TWO = {"add": "%s+%s", "sub": "%s-(%s)", "mul": r"(%s)\cdot(%s)", "div": r"\frac{%s}{%s}", "max": r"\max(%s,%s)",
       "min": r"\min(%s,%s)"}  # fmt: skip
CONSTANTS = [1, 2, 3, 4, 5, 7, 10, 12, 100, 1000]


def grow(rng: random.Random, depth: int, names: str) -> Tree:
    """A random expression."""
    if depth == 0 or rng.random() < 0.15:
        return ("var", rng.choice(names)) if rng.random() < 0.6 else ("num", rng.choice(CONSTANTS))
    if rng.random() < 0.5:
        return (rng.choice(list(ONE)), grow(rng, depth - 1, names))
    return (rng.choice(list(TWO)), grow(rng, depth - 1, names), grow(rng, depth - 1, names))


def mutate(rng: random.Random, node: Tree) -> Tree:
    """A small change somewhere in an expression."""
    kind, *parts = node
    if kind not in ("var", "num") and rng.random() < 0.6:
        which = rng.randrange(len(parts))
        return (kind, *parts[:which], mutate(rng, parts[which]), *parts[which + 1 :])
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


def write(node: Tree) -> str:
    """The LaTeX of an expression."""
    kind, *parts = node
    if kind in ("var", "num"):
        return str(parts[0]) if not str(parts[0]).startswith("-") else f"({parts[0]})"
    return (ONE.get(kind) or TWO[kind]) % tuple(map(write, parts))


class Judge:
    """What mpmath says of two expressions: values at many real points to 60 digits."""

    def __init__(self) -> None:
        import mpmath

        self.mp: Any = mpmath.mp.clone()
        self.mp.dps = 60

    def value(self, node: Tree, point: dict[str, Any]) -> Any:
        """The real value, None where there is none."""
        mp, (kind, *parts) = self.mp, node
        if kind == "var":
            return point[parts[0]]
        if kind == "num":
            text = str(parts[0])
            return mp.mpf(10) ** int(text[4:-1]) if text.startswith("10^") else mp.mpf(text)
        values = [self.value(part, point) for part in parts]
        if None in values or any(abs(value) > 1e25 for value in values):
            return None
        return self._function(kind, values)

    def _function(self, kind: str, values: list[Any]) -> Any:
        mp, x, y = self.mp, values[0], values[-1]
        if (kind in ("sqrt", "ln") and x < 0) or (kind == "ln" and not x) or (kind == "div" and not y):
            return None
        if (kind in ("sin", "cos") and abs(x) > 1e6) or (kind in ("exp", "tanh") and abs(x) > 60):
            return None
        if kind in ("floor", "ceil") and 0 < abs(x - mp.nint(x)) < 1e-20:
            return None  # rounded onto the jump or beside it
        return {
            "sqrt": mp.sqrt, "abs": abs, "floor": mp.floor, "ceil": mp.ceil, "sin": mp.sin, "cos": mp.cos, "exp": mp.exp,
            "ln": mp.ln, "neg": lambda x: -x, "tanh": mp.tanh, "square": lambda x: x * x, "arctan": mp.atan,
            "cbrt": lambda x: mp.sign(x) * mp.cbrt(abs(x)), "add": lambda x, y: x + y, "sub": lambda x, y: x - y,
            "mul": lambda x, y: x * y, "div": lambda x, y: x / y, "max": max, "min": min,
        }[kind](*values)  # fmt: skip

    def differ(self, first: Tree, second: Tree, rng: random.Random) -> dict[str, str] | None:
        """A point at which both have a value, and not the same one."""
        sizes = [10.0**k for k in range(-8, 9)]
        for _ in range(300):
            point = {n: self.mp.mpf(rng.choice([-1, 1, 1]) * rng.choice(sizes) * rng.uniform(1, 10)) for n in NAMES}
            if rng.random() < 0.5:
                point = {n: self.mp.mpf(rng.uniform(-14, 14)) for n in NAMES}
            one, other = self.value(first, point), self.value(second, point)
            if one is None or other is None or not (self.mp.isfinite(one) and self.mp.isfinite(other)):
                continue
            if abs(one - other) > self.mp.mpf(10) ** -45 * max(abs(one), abs(other), 1):
                return {name: self.mp.nstr(value, 8) for name, value in point.items()}
        return None


def expressions(pairs: int, seed: int) -> tuple[str, list[str]]:
    """How many changed expressions were believed although they differ."""
    rng, judge = random.Random(seed), Judge()
    believed, equal, raised = [], 0, 0
    for number in range(pairs):
        if number % 1000 == 999:
            print(f"{number + 1} of {pairs}: {len(believed)} believed", file=sys.stderr, flush=True)
        first = grow(rng, rng.choice([2, 3, 3, 4]), rng.choice(["x", "x", "xy", "xyt"]))
        second = mutate(rng, first)
        if rng.random() < 0.2:
            second = mutate(rng, second)
        texts = write(first), write(second)
        if texts[0] == texts[1]:
            continue
        result = check(*texts, POLICY)
        raised += result.tier == "checker"
        if result and (point := judge.differ(first, second, rng)) is not None:
            believed.append(f"{texts[0]}  =  {texts[1]}  at {point} ({result.reason})")
            print(believed[-1], file=sys.stderr, flush=True)
        elif result:
            equal += 1
    line = f"{pairs:,} changed expressions (seed {seed}): {equal:,} are still equal, {raised} raised, "
    return line + f"**{len(believed)}** that differ were believed.", believed


DIGITS = "0123456789"


def changed(rng: random.Random, gold: str) -> str:
    """A gold with one digit, sign, relation, bracket or letter that is another one."""
    swaps = {"+": "-", "-": "+", "<": ">", ">": "<", "(": "[", "]": ")", "x": "y", "n": "m"}
    places = [k for k, c in enumerate(gold) if c in DIGITS or c in swaps]
    if not places:
        return gold
    at = rng.choice(places)
    new = rng.choice([d for d in DIGITS if d != gold[at]]) if gold[at] in DIGITS else swaps[gold[at]]
    return gold[:at] + new + gold[at + 1 :]


def mutated(golds: list[str], pairs: int, seed: int) -> tuple[str, list[str]]:
    """Golds with one sign changed that are believed; a person has to look at them, since 0.50 and 0.5 are equal."""
    rng = random.Random(seed)
    believed = Counter()
    for _ in range(pairs):
        gold = rng.choice(golds)
        other = changed(rng, gold)
        if other != gold and check(gold, other, POLICY):
            believed[f"{gold}  =  {other}"] += 1
    return f"{pairs:,} golds with one sign changed: {len(believed)} believed, listed below.", sorted(believed)


UNIVERSAL = """0|1|-1|x|x-x|0x|f(0)|f()|\\emptyset|\\{\\}|()|[]|\\infty|-\\infty|i|e|\\pi|\\mathbb{R}|x=x|0=0|x|y|A|B|(A)|Yes|No|True|
False|None|no solution|\\text{all}|\\pm 1|x\\in\\mathbb{R}|x\\in\\emptyset|(-\\infty,\\infty)|1/0|0/0|\\frac{0}{0}|0^0|\\sqrt{x^2}|
x!|0!|\\ln 0|a|any|1,2,3|1 or 2|*|.|?|\\ldots|{}|\\text{}|\\boxed{}|x\\ne x|\\lim x|\\int x|f(x)|y=f(x)|C|+C|10^{-400}|
10^{400}|e^{-10^6}|\\tan(\\pi/2)|\\binom{0}{1}|\\max()|\\{x\\}|\\{x\\mid x\\}|a=b|a:b|1:1|0:0|0:00|12:00|0\\%|100\\%|0^\\circ|\\$0|
x<x|x\\le x|0<1|\\neg|\\text{DNE}|undefined|\\%|\\circ|cm|m|\\text{cm}|5\\text{ cm}""".replace("\n", "").split("|")


CHOICE = re.compile(r"[$(]{0,2}[A-J][$)]{0,2}")


def universal(golds: list[str], count: int, seed: int) -> tuple[str, list[str]]:
    """Answers that match two golds of a kind, letters of choices or values, that do not match each other.

    ``(A) 5`` is right for both ``A`` and ``5``, since a question asks for either a letter or a value; and ``1`` for both
    ``k = 1`` and ``a = 1``, since the name in front may be missing.
    """
    rng = random.Random(seed)
    pieces = [
        *UNIVERSAL,
        "+",
        "-",
        "=",
        "(",
        ")",
        ",",
        "^2",
        "_1",
        "\\frac12",
        "\\approx",
        " or ",
        " and ",
        "<",
        "\\{",
        "\\}",
    ]
    candidates = list(
        dict.fromkeys([*UNIVERSAL, *("".join(rng.choices(pieces, k=rng.randint(2, 4))) for _ in range(count))])
    )
    found = []
    for answer in candidates[:count]:
        everything = [gold for gold in golds if check(gold, answer, POLICY)]
        for choices in (False, True):
            matched = [gold for gold in everything if bool(CHOICE.fullmatch(gold)) == choices][:8]
            values = {gold.strip("$. ").rpartition("=")[2] for gold in matched}
            if any(not check(a, b, POLICY) and not check(b, a, POLICY) for a, b in itertools.combinations(values, 2)):
                found.append(f"{answer}  =  {' and '.join(matched)}")
    return f"{count:,} candidate answers against {len(golds):,} golds: {len(found)} match two that differ.", found


def main() -> None:
    parser = kit.arguments(__doc__, pairs=20_000, mutated=5_000, universal=100, seed=0)
    parser.add_argument("--golds", type=Path, default=Path(__file__).parents[1] / "tests/answers/real_cases.jsonl")
    options = parser.parse_args()
    rows = [json.loads(line) for line in options.golds.read_text(encoding="utf-8").splitlines()]
    golds = sorted({row["gold"] for row in rows if isinstance(row["gold"], str) and len(row["gold"]) < 200})
    runs = []
    if options.pairs:
        runs.append(expressions(options.pairs, options.seed))
    if options.mutated:
        runs.append(mutated(golds, options.mutated, options.seed))
    if options.universal:
        runs.append(universal(golds, options.universal, options.seed))
    for line, believed in runs:
        print(line)
        for one in believed:
            print("   ", one)


if __name__ == "__main__":
    main()
