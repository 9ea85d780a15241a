"""Does anything make the checker raise, hang or swell, or believe a differing value? Random pairs without end.

    python benchmarks/fuzz.py --pairs 1000000 --seed 1              # goes on where it stopped
    python benchmarks/fuzz.py --pairs 1000000 --golds my_golds.jsonl

Three generators in turn: **soup**, tokens of LaTeX and prose in any order; **mutants**, real golden answers and what a
few edits make of them; **trees**, expressions whose values are known, so that a differing pair that is judged correct is
a false positive. Each pair follows from the seed and its number alone. The guard is switched off, so every exception
shows. State is kept in a JSON file beside the results; the report is results/fuzz.md.
"""

import json
import os
import random
import resource
import signal
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import fuzz_trees
import kit

os.environ["S2R_GUARD"] = "off"

from checker_load import below

from s2r_rewards import judge, parse
from s2r_rewards.answers import VERDICTS, check, check_many, check_response, extract_answer

ROOT = Path(__file__).resolve().parent.parent
GOLDS = ROOT / "tests/answers/real_cases.jsonl"
SLOW = 1.5
GIVEN_UP = 10.0
"""Seconds of CPU time after which a pair is left; it counts as slow."""
LARGE = 500 << 20
SAVE_EVERY = 2_000
KEPT = 30
"""Pairs of each kind that are kept and shown; all are counted."""
KINDS = ("raised", "slow", "believed")

TOKENS = [
    *"0123456789abcdefgijknpqrtxyzABCDEMNPRSTX+-*/=<>^_()[]{}|,.;:!?'\"%$&~#@\\ \t\n",
    *"√π∞≤≥≠±∓×÷·∪∩∈°′“”−–²³½¼αβθ∠△⊂∅ℝ℃µΩ",
    *(f"\\{name}" for name in (
        "frac", "dfrac", "sqrt", "pi", "infty", "cdot", "times", "pm", "mp", "le", "ge", "ne", "in", "cup", "cap", "text",
        "mathrm", "mathbb", "left", "right", "left(", "right)", "left\\{", "right.", "{", "}", "%", "$", "sin", "cos^2",
        "tan^{-1}", "log_2", "ln", "exp", "max", "min", "lfloor", "rfloor", "lceil", "rceil", "binom", "choose", "over",
        "sum_{k=1}^{n}", "prod", "int", "int_0^1", "lim_{x\\to 0}", "to", "emptyset", "varnothing", "begin{pmatrix}",
        "end{pmatrix}", "begin{cases}", "end{cases}", "\\", "quad", ",", "!", "circ", "degree", "overline", "bar", "hat",
        "vec", "approx", "equiv", "pmod", "mod", "ldots", "cdots", "mid", "neq", "boxed{", "boxed", "fbox{", "angle",
        "prime", "partial", "nabla", "forall", "implies", "SI{5}{m}", "operatorname{arcsinh}", "underbrace", "stackrel",
        "displaystyle", "phantom", "color{red}", "tag{1}", "label", "unknowncommand",
    )),
    *(" if ", " otherwise", " for all ", "f(x)=", "n is even", r"\max\{", "mg", "ms^{-1}", r"\mathrm{N\cdot m}", "!!", "sgn", "米", "或", "①",
      "｛", "％", " constant ", "all ", r"\sum_{j=1}"),
    *("1,000", "0.333", "1e5", "10^{100}", "9^{9^9}", "100!", "3!!", "x^2", "x_1", "f(x)", "f()", "dx", "dy/dx", "y'", "e^{",
      "1/2", "2:05", "5 cm", "m/s", "$5", "50%", "90°", "C(n,k)", "(1,2)", "[0,1)", "{1,2}", "x=", "a<b", "y\\le",
      "and", " or ", "Yes", "No", "True", "none", "the answer is ", "Option B", "(A)", "a. 3, b. 4", "####", "<answer>",
      "</answer>", "<|im_end|>", "import os", "__class__", "lambda", "['a', 1]", "{'k': 2}", "\x00", "\ud800", "\u202e"),
]  # fmt: skip


def soup(rng: random.Random) -> str:
    length = min(int(rng.expovariate(1 / 6)) + 1, 200)
    glue = rng.choice(["", "", " "])
    text = glue.join(rng.choice(TOKENS) for _ in range(length))
    return text * rng.choice([1] * 200 + [2, 10, 300])


def mutate(text: str, rng: random.Random) -> str:
    for _ in range(rng.randint(1, 4)):
        at, to = sorted(rng.randint(0, len(text)) for _ in range(2))
        to = min(to, at + 6)
        edit = rng.randrange(7)
        if edit == 0:
            text = text[:at] + text[to:]
        elif edit == 1:
            text = text[:at] + rng.choice(TOKENS) + text[at:]
        elif edit == 2:
            text = text[:at] + rng.choice(TOKENS) + text[to:]
        elif edit == 3:
            text = text[:at] + text[at:to] * rng.choice([2, 3, 20]) + text[to:]
        elif edit == 4:
            text = text[:at] + text[at:to][::-1] + text[to:]
        elif edit == 5:
            text = rng.choice(
                ["\\boxed{%s}", "(%s)", "$%s$", "\\text{%s}", "x=%s", "-%s", "%s^2", "\\sqrt{%s}"]
            ).replace("%s", text)
        else:
            text = text.swapcase()
    return text


def pair_of(seed: int, number: int, golds: list[str]) -> tuple[str, str, str, bool | None]:
    """(generator, gold, answer, whether they are equal where that is known)"""
    rng = random.Random(f"{seed}:{number}")
    kind = ("soup", "mutants", "trees")[number % 3]
    if kind == "soup":
        gold = rng.choice(golds) if rng.random() < 0.5 else soup(rng)
        return kind, gold, soup(rng), None
    if kind == "mutants":
        gold = rng.choice(golds)
        return kind, gold, mutate(gold if rng.random() < 0.8 else rng.choice(golds), rng), None
    gold, answer, equal = fuzz_trees.pair(rng)
    return kind, gold, answer, equal


def faces(gold: str, answer: str, number: int) -> None:
    """The other faces, one a pair in turn."""
    ways: tuple[Callable[[], Any], ...] = (
        lambda: check_response(gold, answer), lambda: extract_answer(answer, fallback="number"),
        lambda: judge(parse(f"\\boxed{{{answer}}} Wait, let me recheck my solution. {answer}"), gold),
        lambda: check([gold, answer[:5]], answer), lambda: check_many([(gold, answer)], cache=None),
        lambda: judge(parse(answer, "tags", finished=True), gold),
    )  # fmt: skip
    ways[number // 3 % len(ways)]()


class TooSlow(BaseException):
    """What the timer raises in the middle of a pair that does not end."""


def give_up(*_: object) -> None:
    raise TooSlow


def most_memory() -> int:
    """The most bytes that this process held. Linux's own ``ru_maxrss`` begins with what the process that started it held."""
    status = Path("/proc/self/status")
    if status.exists():
        return (
            next(int(line.split()[1]) for line in status.read_text().splitlines() if line.startswith("VmHWM:")) * 1024
        )
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


class State:
    """What was found so far, on disk."""

    def __init__(self, path: Path, seed: int) -> None:
        self.path = path
        self.data: dict[str, Any] = {
            "seed": seed, "next": 0, "seconds": 0.0, "verdicts": {}, **{kind: [] for kind in KINDS},
            "counts": dict.fromkeys(KINDS, 0), "differing": 0, "largest": 0,
        }  # fmt: skip
        if path.exists():
            self.data = json.loads(path.read_text())
            if self.data["seed"] != seed:
                raise SystemExit(f"{path} belongs to seed {self.data['seed']}; give --state or --seed")

    def save(self) -> None:
        self.data["largest"] = max(self.data["largest"], most_memory(), *below(os.getpid()).values(), 0)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.path.with_suffix(".tmp").write_text(json.dumps(self.data))
        self.path.with_suffix(".tmp").replace(self.path)

    def note(self, what: str, **found: Any) -> None:
        self.data["counts"][what] += 1
        if len(self.data[what]) < KEPT:
            self.data[what].append(found)
            print(f"\n{what}: {found}", file=sys.stderr, flush=True)


def one(state: State, number: int, golds: list[str]) -> None:
    kind, gold, answer, equal = pair_of(state.data["seed"], number, golds)
    begin, cpu = time.perf_counter(), time.process_time()
    signal.setitimer(signal.ITIMER_PROF, GIVEN_UP)
    try:
        verdict = check(gold, answer).verdict
        assert verdict in VERDICTS
        faces(gold, answer, number)
    except TooSlow:
        state.note("slow", number=number, gold=gold[:300], answer=answer[:300], seconds=GIVEN_UP)
        return
    except Exception as error:
        where = traceback.extract_tb(error.__traceback__)[-1]
        told = f"{type(error).__name__}: {error} ({Path(where.filename).name}:{where.lineno})"
        state.note("raised", number=number, gold=gold, answer=answer, error=told)
        return
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
    # On a machine that others use, wall-clock time says little: ours counts, and what a worker may take at most.
    seconds = min(time.perf_counter() - begin, time.process_time() - cpu + 2 * 0.8 * (verdict == "timeout"))
    if seconds > SLOW and verdict != "timeout":
        state.note("slow", number=number, gold=gold[:300], answer=answer[:300], seconds=round(seconds, 2))
    counts = state.data["verdicts"].setdefault(kind, {})
    counts[verdict] = counts.get(verdict, 0) + 1
    state.data["differing"] += equal is False
    if equal is False and verdict == "correct":
        state.note("believed", number=number, gold=gold, answer=answer)


def report(state: State) -> list[str]:
    data, counts = state.data, state.data["counts"]
    rows = [[kind, *(f"{seen.get(verdict, 0):,}" for verdict in VERDICTS)] for kind, seen in data["verdicts"].items()]
    lines = [
        "# Fuzzing the checker", "",
        f"{data['next']:,} pairs of seed {data['seed']}, each through `check` and one other face; "
        f"{data['seconds']:,.0f} s of CPU time; {kit.PYTHON}.", "",
        f"Exceptions: {counts['raised']}. Over {SLOW} s: {counts['slow']}. Largest process: "
        f"{data['largest'] / 2**20:.0f} MiB (limit {LARGE >> 20}). Differing expressions: {data['differing']:,}, of them "
        f"believed: {counts['believed']}.", "",
        *kit.table(["generator", *VERDICTS], rows, numbers=len(VERDICTS)),
    ]  # fmt: skip
    for what in KINDS:
        lines += ["", *(f"- {what}: `{json.dumps(found)[:400]}`" for found in data[what][:20])] if data[what] else []
    return lines


def main() -> None:
    parser = kit.arguments(__doc__, pairs=1_000_000, seed=1)
    parser.add_argument("--golds", type=Path, default=GOLDS, help="JSONL with a field gold")
    parser.add_argument("--state", type=Path, help="default: .fuzz/seed-<seed>.json")
    parser.add_argument("--report", type=Path, default=kit.RESULTS / "fuzz.md")
    parser.add_argument("--stop-after", type=float, default=float("inf"), help="seconds")
    options = parser.parse_args()
    golds = sorted({json.loads(line)["gold"] for line in options.golds.read_text(encoding="utf-8").splitlines()})
    signal.signal(signal.SIGPROF, give_up)
    state = State(options.state or ROOT / f".fuzz/seed-{options.seed}.json", options.seed)
    begin = time.monotonic()
    while state.data["next"] < options.pairs and time.monotonic() - begin < options.stop_after:
        first, cpu = state.data["next"], time.process_time()
        for number in range(first, min(first + SAVE_EVERY, options.pairs)):
            one(state, number, golds)
            state.data["next"] = number + 1
        state.data["seconds"] += time.process_time() - cpu
        state.save()
        found = ", ".join(f"{what} {count}" for what, count in state.data["counts"].items())
        print(f"\r{state.data['next']:,} of {options.pairs:,}: {found}", end="", file=sys.stderr, flush=True)
    kit.publish(report(state), options.report)
    raise SystemExit(1 if any(state.data["counts"].values()) else 0)


if __name__ == "__main__":
    main()
