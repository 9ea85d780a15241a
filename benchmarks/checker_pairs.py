"""Made-up pairs that the golden-answer checker must not believe, and pairs that it must not refuse.

    python benchmarks/checker_pairs.py                              expressions, mutated golds, universal answers
    python benchmarks/checker_pairs.py --pairs 300000 --seed 7      as many pairs of expressions
    python benchmarks/checker_pairs.py --kinds bumps,scales         of these kinds only
    python benchmarks/checker_pairs.py --reworded 20000             equal pairs, in other words
    python benchmarks/checker_pairs.py --whole 20000                functions of whole numbers (whole_trees.py)
    python benchmarks/checker_pairs.py --answers 60000              answers of six kinds, equal and not (answer_kinds.py)
    python benchmarks/checker_pairs.py --golds answers.jsonl        real golds to mutate (JSONL with "gold")

Pairs of expressions come in the kinds of pair_kinds.py: a random expression and a small change of it, a term more that is
zero nearly everywhere, slips in textbook formulas … Where the checker believes such a pair, mpmath looks at both at hundreds
of points to 60 digits; only a pair that differs there counts. Needs mpmath (pip install 's2r-rewards[symbolic]').
"""

import itertools
import json
import random
import re
import sys
from collections import Counter
from pathlib import Path

import answer_kinds
import kit
from pair_kinds import KINDS, rewritten
from pair_trees import Judge, neat, write
from whole_trees import differ, whole, written

from s2r_rewards.answers import CheckPolicy, check

POLICY = CheckPolicy(symbolic="never")


def expressions(pairs: int, seed: int, kinds: list[str]) -> tuple[str, list[str]]:
    """How many changed expressions were believed although they differ, all kinds in turn."""
    rng, judge = random.Random(seed), Judge()
    believed: list[str] = []
    equal = raised = 0
    for number in range(pairs):
        if number % 1000 == 999:
            print(f"{number + 1} of {pairs}: {len(believed)} believed", file=sys.stderr, flush=True)
        kind = kinds[number % len(kinds)]
        first, second, points = KINDS[kind](rng)
        style = rng.choice([write, neat])
        texts = style(first), style(second)
        if texts[0] == texts[1]:
            continue
        result = check(*texts, POLICY)
        raised += result.tier == "checker"
        if result and (point := judge.differ(first, second, rng, points)) is not None:
            believed.append(f"[{kind}] {texts[0]}  =  {texts[1]}  at {point} ({result.reason})")
            print(believed[-1], file=sys.stderr, flush=True)
        elif result:
            equal += 1
    line = (
        f"{pairs:,} changed expressions ({', '.join(kinds)}; seed {seed}): {equal:,} are still equal, {raised} raised, "
    )
    return line + f"**{len(believed)}** that differ were believed.", believed


def rewordings(pairs: int, seed: int) -> tuple[str, list[str]]:
    """How many expressions in other words were refused although they are equal."""
    rng = random.Random(seed)
    refused, compared = [], 0
    for _ in range(pairs):
        first, second = rewritten(rng)
        style = rng.choice([write, neat])
        texts = style(first), style(second)
        compared += texts[0] != texts[1]
        if texts[0] != texts[1] and not (result := check(*texts, POLICY)):
            refused.append(f"{texts[0]}  =  {texts[1]} ({result.reason})")
    return f"{compared:,} expressions in other words (seed {seed}): **{len(refused)}** refused.", refused


def whole_numbers(pairs: int, seed: int) -> tuple[str, list[str]]:
    """How many changed functions of whole numbers were believed although they differ."""
    rng = random.Random(seed)
    believed: list[str] = []
    equal = 0
    for _ in range(pairs):
        first, second = whole(rng)
        texts = written(first), written(second)
        if texts[0] == texts[1] or not (result := check(*texts, POLICY)):
            continue
        if (point := differ(first, second)) is not None:
            believed.append(f"{texts[0]}  =  {texts[1]}  at {point} ({result.reason})")
        else:
            equal += 1
    line = f"{pairs:,} changed functions of whole numbers (seed {seed}): {equal:,} are still equal, "
    return line + f"**{len(believed)}** that differ were believed.", believed


def answers(pairs: int, seed: int) -> tuple[str, list[str]]:
    """How many answers of every kind were believed although they differ, or refused although they are equal."""
    rng = random.Random(seed)
    counts: Counter[tuple[bool, bool]] = Counter()
    wrong = []
    for number in range(pairs):
        kind = list(answer_kinds.KINDS)[number % len(answer_kinds.KINDS)]
        first, second, same = answer_kinds.KINDS[kind](rng)
        result = check(first, second, POLICY)
        counts[same, bool(result)] += 1
        if bool(result) != same:
            wrong.append(f"[{kind}] {first}  =  {second}  is {same} ({result.reason})")
    line = f"{pairs:,} answers of {len(answer_kinds.KINDS)} kinds (seed {seed}): of {counts[False, True] + counts[False, False]:,} "
    line += f"that differ **{counts[False, True]}** were believed, of {counts[True, True] + counts[True, False]:,} equal ones "
    return line + f"**{counts[True, False]}** refused.", wrong


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
    parser = kit.arguments(
        __doc__, pairs=20_000, whole=5_000, answers=20_000, reworded=2_000, mutated=5_000, universal=100, seed=0
    )
    parser.add_argument("--golds", type=Path, default=Path(__file__).parents[1] / "tests/answers/real_cases.jsonl")
    parser.add_argument("--kinds", default=",".join(KINDS), help="kinds of pairs of expressions (default: all)")
    options = parser.parse_args()
    rows = [json.loads(line) for line in options.golds.read_text(encoding="utf-8").splitlines()]
    golds = sorted({row["gold"] for row in rows if isinstance(row["gold"], str) and len(row["gold"]) < 200})
    runs = []
    if options.pairs:
        runs.append(expressions(options.pairs, options.seed, options.kinds.split(",")))
    if options.whole:
        runs.append(whole_numbers(options.whole, options.seed))
    if options.answers:
        runs.append(answers(options.answers, options.seed))
    if options.reworded:
        runs.append(rewordings(options.reworded, options.seed))
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
